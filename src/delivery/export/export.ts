/**
 * Writes ranges of a recording as one file, across gaps, restarts and changes of the video configuration.
 * Gaps are closed; the result lists the continuous parts.
 * In: a recording, ranges. Out: bytes in order, in bounded memory; a summary.
 */
import assert from 'node:assert/strict';
import { type FileFormat, FileTracks } from '@oxbow/media/file/file-tracks';
import { layOut } from '@oxbow/media/file/layout';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { RecordingReader } from '../../recording/recording-reader.ts';
import type { TimelineChunks, TimelineEnd } from '../../recording/timeline.ts';
import { type Range, segmentsOver } from '../past/past.ts';
import type { ServedStream } from '../served-stream.ts';
import { EvidenceNotes, type ExportProof, isProvable, type PlannedTag, planTag } from './export-evidence.ts';
import { cutExactly, type Recode } from './export-exact.ts';
import { type ExportedPart, type Section, SectionReader, sectionsOf } from './export-sections.ts';
import { intactGroups } from './intact-groups.ts';
import { WriteBuffer } from './write-buffer.ts';

/** Share of the first pass in the progress. */
const LOOK_SHARE = 0.1;
/** A segment after the end of the range may have frames that are presented before it, µs. */
export const REORDER_US = 1_000_000;

/** The parts of a stream that an export needs. */
export type Exportable = Pick<ServedStream, 'name' | 'recording' | 'inits' | 'createdUs' | 'horizonUs'>;

/** A stream whose recording can be exported, with its timeline. */
export interface ExportSource {
  readonly stream: Exportable & { readonly recording: RecordingReader };
  readonly chunks: TimelineChunks;
  readonly end: TimelineEnd;
}

/** The requested file. */
export interface ExportRequest {
  /** At least one; they follow each other in the file in this order. */
  readonly ranges: readonly Range[];
  readonly format: FileFormat;
  /** Frame-accurate: the incomplete groups of pictures at start and end are re-encoded. */
  readonly exact: boolean;
  /** Leaves the pictures out. */
  readonly audioOnly?: boolean;
}

/** Dependencies of an export. */
interface ExportTools {
  readonly reader: Pick<RangeReader, 'read'>;
  /** Re-encodes frames, for `exact`. */
  readonly recode: Recode;
  /** Writes bytes; calls are in order and one at a time. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Called with the progress, 0 to 1. */
  readonly progress?: (share: number) => void;
  readonly signal: AbortSignal;
  /** Adds the evidence to an MP4 or Matroska file; undefined: it has none. */
  readonly evidence?: ExportProof | undefined;
}

/** Summary of a written file. */
export interface Exported {
  /** Duration of the file. */
  readonly seconds: number;
  readonly bytes: number;
  /** Continuous parts of each range, in order; one if there were no gaps or changes. */
  readonly parts: readonly (readonly ExportedPart[])[];
  /** Number of re-encoded frames. */
  readonly recoded: number;
  /** The file ends with its evidence. */
  readonly isProved: boolean;
}

/**
 * Estimates the size of the file, bytes.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`
 */
export async function estimateExport(stream: Exportable, { ranges }: Pick<ExportRequest, 'ranges'>): Promise<number> {
  let bytes = 0;
  for (const range of ranges) {
    for (const { tracks } of await segmentsOver(stream, range)) for (const { length } of tracks) bytes += length;
  }
  return bytes;
}

/**
 * Writes the file. Abort stops it between two segments and leaves an incomplete file.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`, `unsupported-media` with the time of
 *   a change that one file cannot contain, and what reading and `write` throw
 */
export async function writeExport(stream: Exportable, request: ExportRequest, tools: ExportTools): Promise<Exported> {
  const { ranges, format, exact, audioOnly = false } = request;
  const { reader, write, progress = () => undefined, signal, evidence } = tools;
  const tracks = new FileTracks(format);
  const pieces: Section[][] = [];
  for (const range of ranges) pieces.push(await sectionsIn(stream, { range, tracks, format, exact, audioOnly }, tools));
  const first = pieces[0]?.[0]?.groups[0];
  if (!first) throw noMedia(stream);
  const layout = layOut(format, tracks, { recordedMs: first.startUs / 1000, trim: exact });
  // MPEG-TS repeats the parameter sets anyway.
  const inBand = tracks.changes && format !== 'ts';
  const proved = { id: stream.recording.streamId, name: stream.name, horizonUs: () => stream.horizonUs() };
  const notes = evidence && notesFor(format, tracks, reader);
  const total = pieces.reduce((sum, sections) => sum + sections.length, 0);
  let tag: PlannedTag | undefined;
  if (layout.looksAhead) {
    const looking = new SectionReader();
    const planned = notes && format === 'mkv' ? new EvidenceNotes(reader, { format, isPlan: true }) : undefined;
    let done = 0;
    for (const [i, sections] of pieces.entries()) {
      planned?.begin(ranges[i]!, exact);
      const note = noteFor(planned);
      for await (const { batch } of looking.read(sections, { reader, inBand, signal, withBytes: false, note })) {
        layout.look(batch);
        progress((LOOK_SHARE * ++done) / total);
      }
    }
    tag = planned && evidence && (await planTag(planned, evidence, proved));
  }
  const out = new WriteBuffer(write);
  // The header with the length of a tag is as long as with another.
  const tagBytes = tag?.length(layout.header(1).length);
  const head = layout.header(tagBytes);
  await out.add(head);
  const reading = new SectionReader();
  const parts: ExportedPart[][] = [];
  let done = 0;
  const written = format === 'mp4' || tag ? notes : undefined;
  for (const [i, sections] of pieces.entries()) {
    const before = reading.parts.length;
    written?.begin(ranges[i]!, exact);
    const note = noteFor(written);
    for await (const { batch } of reading.read(sections, { reader, inBand, signal, withBytes: true, note })) {
      for (const bytes of layout.print(batch)) await out.add(bytes);
      progress(LOOK_SHARE + ((1 - LOOK_SHARE) * ++done) / total);
    }
    const newParts = reading.parts.slice(before);
    if (newParts.length === 0) throw noMedia(stream);
    parts.push(exact ? clipped(newParts, ranges[i]!) : newParts);
  }
  const last = tag ? tag.print(written!, head) : evidence && (await written?.box(evidence, proved, head));
  if (tag) assert.equal(last?.length, tagBytes, 'the evidence has the computed length');
  if (last) await out.add(last);
  await out.flush();
  const seconds = layout.seconds?.() ?? reading.seconds;
  return { seconds, bytes: out.length, parts, recoded: countRecoded(pieces.flat()), isProved: last !== undefined };
}

/** Notes of a file that can have evidence. */
function notesFor(format: FileFormat, tracks: FileTracks, reader: ExportTools['reader']): EvidenceNotes | undefined {
  if (format === 'ts' || (format === 'mkv' && !isProvable(tracks))) return undefined;
  return new EvidenceNotes(reader, { format });
}

function noteFor(notes: EvidenceNotes | undefined) {
  return notes && ((...section: Parameters<EvidenceNotes['add']>) => notes.add(...section));
}

/** The sections of one range. */
async function sectionsIn(
  stream: Exportable,
  cut: Omit<ExportRequest, 'ranges'> & { readonly range: Range; readonly tracks: FileTracks },
  tools: ExportTools,
): Promise<Section[]> {
  const { range, tracks, exact, audioOnly = false } = cut;
  const readRange = exact ? { ...range, toUs: range.toUs + REORDER_US } : range;
  const whole = sectionsOf(await intactGroups(await segmentsOver(stream, readRange), tools), tracks, { audioOnly });
  return exact ? cutExactly(whole, { ...cut, ...tools }) : whole;
}

/** The parts of a range that was cut at its frames. */
export function clipped(parts: readonly ExportedPart[], range: Range): ExportedPart[] {
  return parts.map(({ atS, fromUs, toUs }, i) => ({
    atS,
    fromUs: i === 0 ? Math.max(fromUs, range.fromUs) : fromUs,
    toUs: Math.min(toUs, range.toUs),
  }));
}

/** The refusal of a range without media. */
export function noMedia({ name }: Exportable): OxbowError {
  return new OxbowError('no-media', `Nothing of ${name} is recorded between these times.`);
}

function countRecoded(sections: readonly Section[]): number {
  return sections.reduce(
    (sum, { recoded = [] }) => recoded.reduce((count, { samples }) => count + samples.length, sum),
    0,
  );
}
