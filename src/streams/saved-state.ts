/**
 * Remembers what a stream was doing, so that the next process can tell a crash from a stop and go on with the live list.
 * In: changes of a stream's state. Out: a row in the store; where to go on after a restart. docs/media.md 5 and 14.
 */
import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { SourceConfig } from '../config/schema.ts';
import { HOLE_US } from '../live/continuity.ts';
import type { StreamPast } from '../live/stream.ts';
import type { StreamGap } from '../media/segment.ts';
import type { Generation } from '../packager/generation.ts';
import type { ChunkRow } from '../recording/chunk-table.ts';
import type { Tables } from '../store/schema.ts';

/** What is remembered. */
export interface SavedState {
  /** µs since 1970. */
  readonly atUs: number;
  /** The process ended in order after this. */
  readonly clean: boolean;
  /** What was missing then; empty while media flowed. */
  readonly gaps: readonly StreamGap[];
  readonly generation: Generation | undefined;
  /** Names the source that was live last, see `sourceKey`; null before any was. */
  readonly liveSource: string | null;
}

/** 2020-01-01, unix seconds: where generation numbers count from. */
const EPOCH_S = 1_577_836_800;

/** Tells one source from another without showing its address; the same over restarts. */
export function sourceKey(source: SourceConfig): string {
  return createHash('sha256')
    .update(source.type === 'pull' ? source.url : source.type)
    .digest('base64url')
    .slice(0, 22);
}

/** Reads what the last process wrote. */
export async function readSavedState(db: Kysely<Tables>, streamId: string): Promise<SavedState | undefined> {
  const row = await db.selectFrom('stream_on_air').selectAll().where('stream_id', '=', streamId).executeTakeFirst();
  if (!row) return undefined;
  return {
    atUs: row.at_us,
    clean: row.clean === 1,
    gaps: JSON.parse(row.absences) as StreamGap[],
    generation: row.generation === null ? undefined : (JSON.parse(row.generation) as Generation),
    liveSource: row.live_source,
  };
}

/** Writes what the stream is doing now. */
export async function writeSavedState(db: Kysely<Tables>, streamId: string, saved: SavedState): Promise<void> {
  const values = {
    at_us: saved.atUs,
    clean: saved.clean ? 1 : 0,
    absences: JSON.stringify(saved.gaps),
    generation: saved.generation ? JSON.stringify(saved.generation) : null,
    live_source: saved.liveSource,
  };
  await db
    .insertInto('stream_on_air')
    .values({ stream_id: streamId, ...values })
    .onConflict((conflict) => conflict.column('stream_id').doUpdateSet(values))
    .execute();
}

/** The newest instant at which any stream was noted, µs since 1970; undefined where none was. */
export async function lastSavedUs(db: Kysely<Tables>): Promise<number | undefined> {
  const row = await db
    .selectFrom('stream_on_air')
    .select((eb) => eb.fn.max('at_us').as('us'))
    .executeTakeFirst();
  return row?.us ?? undefined;
}

/**
 * Where a stream goes on: the end of its media, and why nothing was recorded since.
 *
 * @param last the newest file of the index, after recovery
 * @param tornTail a file was open when the last process ended
 */
export function pastOf(
  createdUs: number,
  last: Pick<ChunkRow, 'end_us' | 'run'> | undefined,
  saved: SavedState | undefined,
  tornTail: boolean,
): StreamPast {
  // A source offers some of its past: its media may end before the stream was made.
  const endUs = last?.end_us ?? createdUs;
  const always = { endUs, hasMedia: last !== undefined, lastRun: last?.run ?? 0 };
  if (!last && !saved) return { ...always, gaps: [gap(endUs, 'offline', 'not yet started')] };
  const noted = saved?.gaps[0];
  // Media that was recorded after what was noted makes the note stale: the process ended before it could write another.
  const isStale = noted !== undefined && endUs > noted.fromUs + HOLE_US;
  if (saved && noted && !isStale) return { ...always, gaps: saved.gaps };
  const crashed = saved ? isStale || !saved.clean : tornTail;
  return {
    ...always,
    gaps: [
      crashed ? gap(endUs, 'crash', 'oxbow ended without notice') : gap(endUs, 'offline', 'oxbow was not running'),
    ],
  };
}

function gap(fromUs: number, cause: StreamGap['cause'], detail: string): StreamGap {
  return { fromUs, toUs: fromUs, cause, detail };
}

/** A number for a new generation, higher than any before. */
export function nextGenerationNumber(nowMs: number, last: number): number {
  return Math.max(last + 1, Math.floor(nowMs / 1000 - EPOCH_S));
}
