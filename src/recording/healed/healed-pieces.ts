/**
 * Puts found media on a timeline: the gap that it fills becomes media, which says when and where it was
 * found.
 * In: the recording of what was found, pieces of a timeline. Out: pieces.
 */
import type { StreamGap } from '@oxbow/media/segment';
import { HOLE_US } from '../../live/continuity.ts';
import type { ChunkQueries } from '../chunks/chunk-queries.ts';
import type { ChunkSpan } from '../chunks/chunk-spans.ts';
import type { RecordingReader } from '../recording-reader.ts';
import type { TimelinePiece } from '../timeline-piece.ts';
import { factOf, type HealedFact } from './healed-fact.ts';

/** A stretch of found media, µs since 1970. */
export interface HealedSpan {
  readonly fromUs: number;
  readonly toUs: number;
  readonly fact: HealedFact;
}

/** Found media of a stretch of time. */
interface HealedMedia {
  /** Of files and of groups that are not in the index yet, for counts and runs. */
  readonly stretches: readonly Omit<ChunkSpan, 'absences'>[];
  /** In order of time. */
  readonly spans: readonly HealedSpan[];
}

/** Where nothing is known of found media: its file was damaged. */
const UNKNOWN = { atMs: 0, source: '', how: 'dated', errorMs: 0, cause: 'source-down', detail: '' } as const;

/** Reads the found media that overlaps [fromUs, toUs). */
export async function readHealed(
  recording: RecordingReader,
  chunks: Pick<ChunkQueries, 'spansBetween' | 'runStart'>,
  fromUs: number,
  toUs: number,
): Promise<HealedMedia> {
  const { streamId } = recording;
  const rows = await recording.query(() => chunks.spansBetween(streamId, fromUs, toUs));
  const stretches: Omit<ChunkSpan, 'absences'>[] = [];
  const spans: HealedSpan[] = [];
  const facts = new Map<number, HealedFact>();
  const factOfRun = async (run: number): Promise<HealedFact> => {
    const known = facts.get(run);
    if (known) return known;
    const startUs = await chunks.runStart(streamId, run);
    const [first] = startUs === undefined ? [] : await chunks.spansBetween(streamId, startUs, startUs + 1);
    const fact = first && factOf(JSON.parse(first.absences) as StreamGap[]);
    facts.set(run, fact ?? UNKNOWN);
    return fact ?? UNKNOWN;
  };
  const add = (stretch: Omit<ChunkSpan, 'absences'>, gaps: readonly StreamGap[], fact: HealedFact) => {
    stretches.push(stretch);
    let cursorUs = stretch.start_us;
    for (const gap of gaps) {
      if (gap.fromUs > cursorUs) spans.push({ fromUs: cursorUs, toUs: gap.fromUs, fact });
      cursorUs = Math.max(cursorUs, gap.toUs);
    }
    if (stretch.end_us > cursorUs) spans.push({ fromUs: cursorUs, toUs: stretch.end_us, fact });
  };
  for (const { absences, ...row } of rows) {
    const gaps = JSON.parse(absences) as StreamGap[];
    const fact = factOf(gaps);
    if (fact) facts.set(row.run, fact);
    add(row, gaps, fact ?? (await factOfRun(row.run)));
  }
  const lastMsn = rows.at(-1)?.last_msn ?? -1;
  for (const { msn, startUs, durationUs, run, utcOffsetUs, gaps } of recording.open) {
    if (msn <= lastMsn || startUs >= toUs || startUs + durationUs <= fromUs) continue;
    const fact = factOf(gaps);
    if (fact) facts.set(run, fact);
    const place = { first_msn: msn, last_msn: msn, run, utc_offset_us: utcOffsetUs, segment_count: 1 };
    add({ ...place, start_us: startUs, end_us: startUs + durationUs }, gaps, fact ?? (await factOfRun(run)));
  }
  return { stretches, spans };
}

const isMissing = ({ kind }: TimelinePiece): boolean => kind !== 'media' && kind !== 'deleted';

/**
 * The pieces with found media in place of gaps and offline time. Distances below half a second are closed, as
 * everywhere on a timeline.
 *
 * @param spans in order of time
 */
export function withHealed(pieces: readonly TimelinePiece[], spans: readonly HealedSpan[]): TimelinePiece[] {
  const result: TimelinePiece[] = [];
  let first = 0;
  for (const piece of pieces) {
    if (!isMissing(piece)) {
      result.push(piece);
      continue;
    }
    while (first < spans.length && spans[first]!.toUs <= piece.fromUs) first++;
    let cursorUs = piece.fromUs;
    for (let at = first; at < spans.length && spans[at]!.fromUs < piece.toUs; at++) {
      const { fact, ...span } = spans[at]!;
      const fromUs = span.fromUs - cursorUs < HOLE_US ? cursorUs : span.fromUs;
      const toUs = piece.toUs - span.toUs < HOLE_US ? piece.toUs : Math.min(span.toUs, piece.toUs);
      if (toUs <= fromUs) continue;
      if (fromUs > cursorUs) result.push({ ...piece, fromUs: cursorUs, toUs: fromUs });
      const last = result.at(-1);
      if (last?.healed && last.toUs === fromUs && isSame(last.healed, fact)) {
        result[result.length - 1] = { ...last, toUs };
      } else result.push({ fromUs, toUs, kind: 'media', detail: '', healed: fact });
      cursorUs = toUs;
    }
    if (cursorUs < piece.toUs) result.push({ ...piece, fromUs: cursorUs });
  }
  return result;
}

function isSame(a: HealedFact, b: HealedFact): boolean {
  return a === b || (a.atMs === b.atMs && a.source === b.source && a.cause === b.cause && a.detail === b.detail);
}
