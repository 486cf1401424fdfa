/**
 * Writes a range of a recording as one file, across gaps, restarts and changes of the video configuration. Gaps are closed; the result lists
 * the continuous parts.
 * In: a recording, a range. Out: bytes in order, in bounded memory; a summary.
 */
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type FileFormat, FileTracks } from '../../media/file/file-tracks.ts';
import { layOut } from '../../media/file/layout.ts';
import { type Range, segmentsOver } from '../past/past.ts';
import type { ServedStream } from '../served-stream.ts';
import { cutExactly, type Recode } from './export-exact.ts';
import { type ExportedPart, type Section, SectionReader, sectionsOf } from './export-sections.ts';

/** Share of the first pass in the progress. */
const LOOK_SHARE = 0.1;
/** Smaller writes are combined, bytes. */
const WRITE_BYTES = 1024 * 1024;
/** A segment after the end of the range may have frames that are presented before it, µs. */
const REORDER_US = 1_000_000;

/** What an export needs of a stream. */
export type Exportable = Pick<ServedStream, 'name' | 'recording' | 'inits' | 'createdUs' | 'horizonUs'>;

/** The requested file. */
export interface ExportRequest {
  readonly range: Range;
  readonly format: FileFormat;
  /** Frame-accurate: the incomplete groups of pictures at start and end are re-encoded. */
  readonly exact: boolean;
}

/** Dependencies of an export. */
export interface ExportTools {
  readonly reader: Pick<RangeReader, 'read'>;
  /** Re-encodes frames, for `exact`. */
  readonly recode: Recode;
  /** Writes bytes; calls are in order and one at a time. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Called with the progress, 0 to 1. */
  readonly progress?: (share: number) => void;
  readonly signal: AbortSignal;
}

/** Summary of a written file. */
export interface Exported {
  /** Duration of the file. */
  readonly seconds: number;
  readonly bytes: number;
  /** Continuous parts, in order; one if there were no gaps or changes. */
  readonly parts: readonly ExportedPart[];
  /** Number of re-encoded frames. */
  readonly recoded: number;
}

/**
 * Estimates the size of the file, bytes.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`
 */
export async function estimateExport(stream: Exportable, { range }: Pick<ExportRequest, 'range'>): Promise<number> {
  const groups = await segmentsOver(stream, range);
  return groups.reduce((sum, group) => group.tracks.reduce((bytes, { length }) => bytes + length, sum), 0);
}

/**
 * Writes the file. Abort stops it between two segments and leaves an incomplete file.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`, `unsupported-media` with the time of a change that one file
 *   cannot contain, and what reading and `write` throw
 */
export async function writeExport(stream: Exportable, request: ExportRequest, tools: ExportTools): Promise<Exported> {
  const { range, format, exact } = request;
  const { reader, write, progress = () => undefined, signal } = tools;
  const tracks = new FileTracks(format);
  const readRange = exact ? { ...range, toUs: range.toUs + REORDER_US } : range;
  const whole = sectionsOf(await segmentsOver(stream, readRange), tracks);
  const sections = exact ? await cutExactly(whole, { range, tracks, format, ...tools }) : whole;
  const first = sections[0]?.groups[0];
  if (!first) throw new OxbowError('no-media', `nothing of ${stream.name} is recorded between these times`);
  const layout = layOut(format, tracks, { recordedMs: first.startUs / 1000, trim: exact });
  // MPEG-TS repeats the parameter sets anyway.
  const inBand = tracks.changes && format !== 'ts';
  if (layout.looksAhead) {
    const looking = new SectionReader().read(sections, { reader, inBand, signal, withBytes: false });
    for await (const { batch, index } of looking) {
      layout.look(batch);
      progress((LOOK_SHARE * (index + 1)) / sections.length);
    }
  }
  const out = new WriteBuffer(write);
  await out.add(layout.header());
  const reading = new SectionReader();
  for await (const { batch, index } of reading.read(sections, { reader, inBand, signal, withBytes: true })) {
    for (const bytes of layout.print(batch)) await out.add(bytes);
    progress(LOOK_SHARE + ((1 - LOOK_SHARE) * (index + 1)) / sections.length);
  }
  if (reading.parts.length === 0) {
    throw new OxbowError('no-media', `nothing of ${stream.name} is recorded between these times`);
  }
  await out.flush();
  const parts = reading.parts.map((part, i) => {
    if (!exact) return part;
    return {
      atS: part.atS,
      fromUs: i === 0 ? Math.max(part.fromUs, range.fromUs) : part.fromUs,
      toUs: Math.min(part.toUs, range.toUs),
    };
  });
  const seconds = layout.seconds?.() ?? reading.seconds;
  return { seconds, bytes: out.length, parts, recoded: countRecoded(sections) };
}

function countRecoded(sections: readonly Section[]): number {
  return sections.reduce(
    (sum, { recoded = [] }) => recoded.reduce((count, { samples }) => count + samples.length, sum),
    0,
  );
}

/** Combines small writes. */
class WriteBuffer {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #length = 0;

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  /** Bytes written and buffered so far. */
  get length(): number {
    return this.#length;
  }

  async add(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#length += bytes.length;
    if (this.#waitingBytes >= WRITE_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (bytes.length > 0) await this.#write(bytes);
  }
}
