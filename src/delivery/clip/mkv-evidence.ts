/**
 * The evidence of a Matroska clip: a tag at the end. Its length follows from the index and the blocks;
 * the decode times of the samples, which Matroska has no place for, are read when it is sent.
 * In: a clip as portions, the chain of its stream. Out: the tag. docs/5-record/evidence.md, "Matroska".
 */
import type { EvidencePiece } from '@oxbow/media/evidence/bundle';
import { printEvidenceText } from '@oxbow/media/evidence/evidence-box';
import { evidenceTagHead } from '@oxbow/media/evidence/matroska-file';
import { printTimes, timesLength } from '@oxbow/media/evidence/matroska-times';
import { ROW_BYTES } from '@oxbow/media/evidence/sample-rows';
import type { SegmentSample } from '@oxbow/media/isobmff/segment-frames';
import { trackNumberOf } from '@oxbow/media/matroska/clip';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import { mapEach } from '../../lib/map-each.ts';
import { rowsOf, sha256Text } from '../../recording/evidence/hash-segment.ts';
import type { RecordedTrack } from '../../recording/recording-reader.ts';
import type { Semaphore } from '../segment-memo.ts';
import type { WorkOptions } from '../work-budget.ts';
import { chainOf, isProvisional, type ProvedClip, printClipBundle, printRange, sealOfClip } from './clip-evidence.ts';
import { keptOf, type Portion, portionsOf, type RemuxRequest, refuse } from './clip-portion.ts';
import { readSamples } from './clip-samples.ts';

/** Groups of segments whose times are read at the same time: a bucket answers slowly. */
const READ_AT_ONCE = 8;

/** A tag that is not made yet. */
export interface MkvEvidence {
  /** Bytes of the Tags element. */
  readonly length: (headBytes: number) => number;
  /** Names its content, but for the media. */
  readonly tag: string;
  /**
   * Makes it, once for all requests of the same file.
   *
   * @param head all bytes before the clusters
   */
  readonly print: (head: Uint8Array, options: { readonly signal: AbortSignal }) => Promise<Uint8Array>;
  /** The chain will have more of the clip. */
  readonly isProvisional: boolean;
  /** Bytes in memory until the file is sent. */
  readonly weight: number;
}

/** What is known of a piece before its segment is read. */
interface PlannedPiece {
  readonly portion: Portion;
  readonly segment: RecordedTrack;
  readonly piece: EvidencePiece;
}

/**
 * Plans the evidence.
 *
 * @returns undefined if the chain has nothing of the clip
 */
export async function planMkvEvidence(
  request: RemuxRequest,
  clip: ProvedClip,
  options: Pick<WorkOptions, 'signal'> & { readonly printing: Semaphore },
): Promise<MkvEvidence | undefined> {
  const bundle = await chainOf(clip);
  if (!bundle) return undefined;
  const entries = await planEntries(request, options);
  const configs = configsOf(request);
  const texts = async function* (
    fill: (planned: PlannedPiece) => Promise<EvidencePiece> | EvidencePiece,
    signal: AbortSignal,
  ) {
    const printEntry = async (planned: readonly PlannedPiece[]) => {
      const pieces = await Promise.all(planned.map(fill));
      return JSON.stringify({ msn: planned[0]!.portion.group.msn, pieces });
    };
    for (let i = 0; i < entries.length; i += READ_AT_ONCE) {
      yield* await mapEach(entries.slice(i, i + READ_AT_ONCE), printEntry, { atOnce: READ_AT_ONCE, signal });
    }
  };
  // As it is now: retention may delete more until the tag is made, and its bytes are what its ETag names.
  const range = printRange(clip);
  const print = (fill: Parameters<typeof texts>[0], signal: AbortSignal) =>
    printClipBundle(bundle, range, texts(fill, signal), { signal, configs });
  const skeleton = await print(({ piece }) => piece, options.signal);
  const missing = entries.flat().reduce((sum, { piece, segment }) => sum + fillLength(piece, segment), 0);
  const textLength = skeleton.length + missing;
  // All signatures and hashes are of one length.
  const seal = sealOfClip(clip.proof, bundle, new Uint8Array(0), new Uint8Array(0));
  const sealLength = (headBytes: number) => JSON.stringify(Object.assign({}, seal, { headBytes })).length;
  const emptyLength = evidenceTagHead(0).length + printEvidenceText('', new Uint8Array(0)).length;
  const make = async (head: Uint8Array, signal: AbortSignal) => {
    signal.throwIfAborted();
    const text = await print((planned) => filled(planned, request), signal);
    const sealed = JSON.stringify(sealOfClip(clip.proof, bundle, text, head));
    const data = printEvidenceText(sealed, text);
    return Buffer.concat([evidenceTagHead(data.length), data]);
  };
  return {
    length: (headBytes) => emptyLength + sealLength(headBytes) + textLength,
    tag: sha256Text(skeleton),
    isProvisional: isProvisional(bundle, clip),
    weight: skeleton.length + 2 * textLength,
    print: sharedPrint((head, signal) => options.printing.run(() => make(head, signal))),
  };
}

/** Prints once. An abort of the request that prints leaves it to the next one that waits. */
function sharedPrint(make: (head: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>): MkvEvidence['print'] {
  let made: { readonly bytes: Promise<Uint8Array>; readonly signal: AbortSignal } | undefined;
  return async (head, { signal }) => {
    for (;;) {
      made ??= { bytes: make(head, signal), signal };
      const mine = made;
      try {
        return await mine.bytes;
      } catch (error) {
        if (made === mine) made = undefined;
        if (signal.aborted || !mine.signal.aborted) throw error;
      }
    }
  };
}

/** The pieces of each group. */
async function planEntries(
  request: RemuxRequest,
  options: Pick<WorkOptions, 'signal'>,
): Promise<readonly (readonly PlannedPiece[])[]> {
  const { tracks, groups, times, reader } = request;
  const planned: PlannedPiece[][] = [];
  for (const [i, portion] of portionsOf(groups).entries()) {
    options.signal.throwIfAborted();
    const pieces: PlannedPiece[] = [];
    for (const segment of portion.segments) {
      const { trackId, tfdt, samples } = segment;
      const line = times.lines.find(({ track }) => track.id === trackId)!;
      const place = portion.group.tracks.findIndex((track) => track.trackId === trackId);
      const at = tfdt + times.deltas[i]![place]! - line.mediaTime;
      const start = { fileTrack: trackNumberOf(tracks, trackId), track: trackId };
      const stretches = await stretchesOf(portion, segment, reader);
      for (const [first, count] of stretches) {
        const content = count === samples ? { times: '' } : { rows: '' };
        const piece = Object.assign({}, start, { first, count, at, wait: line.wait }, content);
        pieces.push({ portion, segment, piece });
      }
    }
    if (pieces.length > 0) planned.push(pieces);
  }
  return planned;
}

/** The samples of a segment that are in the clip: index of the first, and number, of each stretch. */
async function stretchesOf(
  portion: Portion,
  segment: RecordedTrack,
  reader: RemuxRequest['reader'],
): Promise<readonly (readonly [first: number, count: number])[]> {
  if (!portion.begins.has(segment.trackId)) return [[0, segment.samples]];
  const samples = await samplesOf(portion, segment, reader);
  const stretches: [number, number][] = [];
  for (const index of keptOf(portion, segment.trackId, samples)) {
    const last = stretches.at(-1);
    if (last && last[0] + last[1] === index) last[1]++;
    else stretches.push([index, 1]);
  }
  return stretches;
}

/** A piece with what is read of its segment. */
async function filled({ portion, segment, piece }: PlannedPiece, { reader }: RemuxRequest): Promise<EvidencePiece> {
  if (piece.rows === undefined) {
    const times = printTimes(await samplesOf(portion, segment, reader));
    return Object.assign({}, piece, { times: Buffer.from(times).toString('base64') });
  }
  const location = segment.location ?? portion.group.location;
  const bytes = await readIntact(reader, Object.assign({}, segment, { location }));
  return Object.assign({}, piece, { rows: Buffer.from(rowsOf({ bytes })).toString('base64') });
}

/** Length of what `filled` adds to the text, characters. */
function fillLength({ rows }: EvidencePiece, { samples }: RecordedTrack): number {
  return rows === undefined ? timesLength(samples) : Math.ceil((samples * ROW_BYTES) / 3) * 4;
}

async function samplesOf(
  portion: Portion,
  segment: RecordedTrack,
  reader: RemuxRequest['reader'],
): Promise<readonly SegmentSample[]> {
  const samples = await readSamples(reader, segment.location ?? portion.group.location, segment);
  return samples ?? refuse(portion);
}

/** The configurations of the tracks: in Matroska some have another form. */
function configsOf({ tracks, times }: RemuxRequest): string[] {
  const used = tracks.filter(({ id }) => times.lines.some(({ track }) => track.id === id));
  return [...new Set(used.map(({ config }) => Buffer.from(config.record).toString('base64')))];
}
