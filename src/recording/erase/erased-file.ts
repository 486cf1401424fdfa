/**
 * The deleted ranges of a recording in a file next to it, `recordings/STREAM ID/erased.json`: a database that
 * was lost, or that is older because a backup was restored, reads there what must not come back.
 * In: deleted ranges. Out: the file, and back.
 */
import { recordingPrefix } from '../../archive/recording-locations.ts';
import { isMissing, type SegmentLocation, type SegmentStore, segmentLocation } from '../../archive/segment-store.ts';
import type { ErasedPiece, ErasedRange, ErasureTable } from './erasure-table.ts';

/** oxbow writes no longer file: of 10,000 deletions each has a kilobyte. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Location of the file. */
function erasedLocation(streamId: string): SegmentLocation {
  return segmentLocation(`${recordingPrefix(streamId)}erased.json`);
}

/** Stores the deleted ranges of a recording. */
export async function writeErased(
  segments: SegmentStore,
  streamId: string,
  ranges: readonly ErasedRange[],
): Promise<void> {
  const erased = ranges.map(({ id, firstMsn, lastMsn, fromUs, toUs, pieces }) => {
    return { id, firstMsn, lastMsn, fromUs, toUs, pieces };
  });
  await segments.put(erasedLocation(streamId), Buffer.from(`${JSON.stringify({ erased })}\n`));
}

/** The deleted ranges of the file; none if there is no readable one. */
export async function readErased(segments: SegmentStore, streamId: string): Promise<ErasedRange[]> {
  try {
    const bytes = await segments.read(erasedLocation(streamId), { offset: 0, length: MAX_BYTES });
    const parsed = JSON.parse(new TextDecoder().decode(bytes)) as { erased?: unknown } | null;
    return Array.isArray(parsed?.erased) ? parsed.erased.filter(isRange) : [];
  } catch (error) {
    if (error instanceof SyntaxError || isMissing(error)) return [];
    throw error;
  }
}

/** What the ranges of a recording are added to a database with. */
interface AdoptErasedOptions {
  readonly segments: SegmentStore;
  readonly erasures: ErasureTable;
  readonly streamId: string;
  /** Its name. */
  readonly stream: string;
  /** Ids of its recordings: its own, and those of its qualities. */
  readonly recordings: readonly string[];
  /** µs since 1970. */
  readonly nowUs: number;
}

/**
 * Adds the ranges that the database does not have. Their segments leave its index.
 *
 * @returns the number of added ranges
 */
export async function adoptErased(options: AdoptErasedOptions): Promise<number> {
  const { segments, erasures, streamId, stream, recordings, nowUs } = options;
  const knownIds = new Set(erasures.of(streamId).map(({ id }) => id));
  const lost = (await readErased(segments, streamId)).filter(({ id }) => !knownIds.has(id));
  const none = { clips: [], pins: [], assets: [], exports: [], edges: [], files: 0, pictures: 0, copies: 0 };
  for (const range of lost) {
    await erasures.add({
      ...range,
      streamId,
      stream,
      recordings,
      author: '',
      createdUs: nowUs,
      report: { ...none, segments: range.lastMsn - range.firstMsn + 1, windows: 0, bytes: 0 },
      leftOf: (files) => files.map(({ location }) => ({ kind: 'file', name: location, problem: '' })),
    });
  }
  return lost.length;
}

function isRange(value: unknown): value is ErasedRange {
  if (typeof value !== 'object' || value === null) return false;
  const { id, firstMsn, lastMsn, fromUs, toUs, pieces } = value as Partial<ErasedRange>;
  const numbers = [firstMsn, lastMsn, fromUs, toUs].every((number) => Number.isSafeInteger(number));
  return typeof id === 'string' && numbers && Array.isArray(pieces) && pieces.every(isPiece);
}

function isPiece(value: unknown): value is ErasedPiece {
  const { fromUs, toUs, kind, detail } = (value ?? {}) as Partial<ErasedPiece>;
  const isText = typeof kind === 'string' && typeof detail === 'string';
  return isText && Number.isSafeInteger(fromUs) && Number.isSafeInteger(toUs);
}
