/**
 * One attempt to fill a gap: asks the sources in their order, until nothing of it is missing.
 * In: a gap of a stream, its sources. Out: found media in the recording of what was found later, and why the
 * rest is missing.
 */

import { FormatError } from '@oxbow/media/errors';
import type { GapCause } from '@oxbow/media/gap';
import type { RangeReader } from '../../archive/range-reader.ts';
import { healedRecording } from '../../archive/recording-locations.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import { HOLE_US } from '../../live/continuity.ts';
import { RecordingReader } from '../../recording/recording-reader.ts';
import type { StretchDeps } from '../../recording/stretch/stretch-writer.ts';
import { readTimeline } from '../../recording/timeline.ts';
import type { TimelinePiece } from '../../recording/timeline-piece.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import type { StoredRecordings } from '../../streams/stream-deps.ts';
import { writeGap } from './gap-writer.ts';
import type { FoundFrames, HealingLimits, HealingSource } from './source.ts';
import { readSurroundings } from './surroundings.ts';

/** What an attempt works with. */
export interface HealGapDeps extends Pick<StretchDeps, 'config' | 'clock' | 'mayWrite'> {
  readonly recordings: Pick<StoredRecordings, 'segments' | 'table' | 'chunks' | 'erasures' | 'evidence'>;
  readonly reader: Pick<RangeReader, 'read' | 'damaged'>;
  /** A source had media, µs of it. */
  readonly found: (source: string, us: number, gap: MissingPiece) => void;
  /** An error that is neither of a source nor of the disk. */
  readonly bug: (error: unknown) => void;
}

/** A gap that can be repaired. */
export interface MissingPiece extends TimelinePiece {
  readonly kind: GapCause | 'offline';
}

/** The result of an attempt. */
export interface Attempt {
  /** Media that was found, µs. */
  readonly healedUs: number;
  /** Media that is still missing, µs. */
  readonly missingUs: number;
  /** Why, for people; empty if nothing is missing. */
  readonly reason: string;
  /** Whether another attempt may find more. */
  readonly mayComeLater: boolean;
}

/** Media after a gap that is read with it, µs. */
const FOLLOWING_US = 1_000_000;

/** Offline time in which media was expected: oxbow did not run. */
const NOT_RUNNING: ReadonlySet<string> = new Set(['oxbow was stopped', 'oxbow was not running']);

/** Whether a piece of a timeline is a gap that can be repaired. */
export function isRepairable(piece: TimelinePiece): piece is MissingPiece {
  if (piece.kind === 'media' || piece.kind === 'deleted') return false;
  return piece.kind !== 'offline' || NOT_RUNNING.has(piece.detail);
}

/** The gaps of a stream within [fromUs, toUs) that media follows, oldest first. */
export async function missingPieces(
  { served }: Pick<ManagedStream, 'served'>,
  { chunks, erasures }: Pick<StoredRecordings, 'chunks' | 'erasures'>,
  fromUs: number,
  toUs: number,
): Promise<readonly MissingPiece[]> {
  const { recording, timelineEnd } = served;
  const { pieces } = await readTimeline(recording, chunks, timelineEnd, fromUs, toUs);
  const last = pieces.findLastIndex(({ kind }) => kind === 'media');
  return pieces
    .slice(0, Math.max(0, last))
    .filter(isRepairable)
    .filter((piece) => piece.toUs - piece.fromUs >= HOLE_US && !isErased(erasures, recording.streamId, piece));
}

/**
 * Whether a gap is in a range that was deleted, or next to it: a deletion begins and ends with recorded
 * media, so that the gap may be a part of what was to be deleted.
 */
function isErased(
  erasures: Pick<StoredRecordings['erasures'], 'overlaps'>,
  streamId: string,
  { fromUs, toUs }: Pick<MissingPiece, 'fromUs' | 'toUs'>,
): boolean {
  return erasures.overlaps(streamId, fromUs - HOLE_US, toUs + HOLE_US);
}

/**
 * Fills what is missing of [fromUs, toUs).
 *
 * @throws OxbowError `disk-failed`; the signal's reason when aborted
 */
export async function healGap(
  deps: HealGapDeps,
  stream: ManagedStream,
  range: { readonly fromUs: number; readonly toUs: number },
  sources: readonly HealingSource[],
  { signal, ...limits }: HealingLimits & { readonly signal: AbortSignal },
): Promise<Attempt> {
  const reasons: string[] = [];
  let mayComeLater = false;
  let bytes = 0;
  // With some of the media that follows: it says that the gap has ended.
  const read = async () => {
    const pieces = await missingPieces(stream, deps.recordings, range.fromUs, range.toUs + FOLLOWING_US);
    return pieces.filter((piece) => piece.fromUs < range.toUs);
  };
  let missing = await read();
  const missingBefore = sumOf(missing);
  for (const source of sources) {
    for (const gap of missing) {
      signal.throwIfAborted();
      const attempt = await trySource(deps, stream, gap, source, {
        maxBytes: limits.maxBytes - bytes,
        signal,
        maxMs: limits.maxMs,
      });
      bytes += attempt.bytes;
      mayComeLater ||= attempt.mayComeLater;
      if (attempt.reason !== '')
        reasons.push(`${source.name}: ${attempt.reason.replaceAll(/\w+:\/\/\S+/g, 'its address')}`);
    }
    missing = await read();
    if (missing.length === 0) break;
  }
  const missingUs = sumOf(missing);
  return {
    healedUs: Math.max(0, missingBefore - missingUs),
    missingUs,
    reason: missingUs > 0 ? [...new Set(reasons)].join('; ').slice(0, 500) : '',
    mayComeLater: mayComeLater && missingUs > 0,
  };
}

function sumOf(pieces: readonly MissingPiece[]): number {
  return pieces.reduce((sum, { fromUs, toUs }) => sum + toUs - fromUs, 0);
}

/** Reason of an attempt that a bug has ended; the log has the stack. */
const BUG = 'an internal error of oxbow';

interface SourceAttempt {
  readonly bytes: number;
  readonly reason: string;
  readonly mayComeLater: boolean;
}

async function trySource(
  deps: HealGapDeps,
  stream: ManagedStream,
  gap: MissingPiece,
  source: HealingSource,
  { signal, ...limits }: HealingLimits & { readonly signal: AbortSignal },
): Promise<SourceAttempt> {
  const { fromUs, toUs, kind: cause, detail } = gap;
  const { id, name } = stream.definition;
  const { recording, inits } = stream.served;
  const wasErased = () => isErased(deps.recordings.erasures, id, gap);
  let bytes = 0;
  try {
    const { reader } = deps;
    const around = await readSurroundings({ stream: { id, name }, recording, inits, reader }, fromUs, toUs);
    const result = await source.find({ fromMs: fromUs / 1000, toMs: toUs / 1000, cause }, around, {
      ...limits,
      signal,
    });
    if (result.kind === 'nothing') return { bytes, reason: result.reason, mayComeLater: result.mayComeLater };
    const { chunks } = deps.recordings;
    const healed = recording.healed ?? new RecordingReader({ streamId: healedRecording(id), chunks, endUs: 0 });
    // A deletion meanwhile has to find what is written.
    const isFirst = recording.healed === undefined;
    recording.healed = healed;
    const written = await writeGap(
      {
        ...deps,
        ...deps.recordings,
        inits,
        recording: healed,
        evidence: deps.recordings.evidence?.healedSinkOf({ id, name }),
      },
      {
        streamId: id,
        fromUs,
        toUs,
        fact: { atMs: deps.clock.nowMs(), source: source.name, cause, detail },
        offsetsUs: [around.before.at(-1), around.after[0]].flatMap((group) => group?.utcOffsetUs ?? []),
      },
      untilErased(result.media, wasErased),
      { maxBytes: limits.maxBytes, signal },
    ).finally(() => {
      // Without found media readers make no further query.
      if (isFirst && healed.endUs === 0) recording.healed = undefined;
    });
    ({ bytes } = written);
    if (written.writtenUs > 0) deps.found(source.name, written.writtenUs, gap);
    if (written.failure !== undefined) throw written.failure;
    if (written.isCut) return { bytes, reason: 'the limit of bytes ended the attempt', mayComeLater: true };
    return {
      bytes,
      reason: written.writtenUs > 0 ? 'it has no more of it' : 'it has no key frame there',
      mayComeLater: result.mayComeLater && !written.isOver,
    };
  } catch (error) {
    signal.throwIfAborted();
    const isFailure = error instanceof OxbowError || error instanceof FormatError;
    if (isFailure && error instanceof OxbowError && error.code === 'disk-failed') throw error;
    if (!isFailure) deps.bug(error);
    return { bytes, reason: isFailure ? reasonOf(error).slice(0, 200) : BUG, mayComeLater: true };
  }
}

/** A range that is deleted during an attempt gets nothing more. */
async function* untilErased(media: AsyncIterable<FoundFrames>, wasErased: () => boolean): AsyncGenerator<FoundFrames> {
  for await (const part of media) {
    if (wasErased()) return;
    yield part;
  }
}
