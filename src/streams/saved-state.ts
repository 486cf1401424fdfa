/**
 * Saves the state of a stream, so that the next process can distinguish a crash from a stop and continue the
 * live playlist.
 * In: changes of a stream's state. Out: a row of `stream_on_air`; the past of a stream after a restart.
 * docs/media.md 5 and 14.
 */
import { createHash } from 'node:crypto';
import type { StreamGap } from '@oxbow/media/segment';
import type { Kysely } from 'kysely';
import type { SourceConfig } from '../config/schema.ts';
import { HOLE_US } from '../live/continuity.ts';
import type { Stream } from '../live/stream.ts';
import type { StreamPast } from '../live/stream-options.ts';
import type { Generation } from '../packager/generation.ts';
import type { ChunkRow } from '../recording/chunks/chunk-table.ts';
import { RECORDING_OFF, type Recorder } from '../recording/recorder.ts';
import type { Store } from '../store/db.ts';
import { valuesWhileHeld } from '../store/lease-table.ts';
import type { Tables } from '../store/schema.ts';
import type { TextSeal } from '../store/sealed/text-seal.ts';

export interface SavedState {
  /** µs since 1970. */
  readonly atUs: number;
  /** The process ended regularly after this. */
  readonly clean: boolean;
  /** Missing media at that time; empty while media flowed, and only then. */
  readonly gaps: readonly StreamGap[];
  readonly generation: Generation | undefined;
  /** `sourceKey` of the source that was live last; null if none was. */
  readonly liveSource: string | null;
}

/** Detail of the time after oxbow was stopped. */
export const OXBOW_STOPPED = 'oxbow was stopped';

/** 2020-01-01, unix seconds: where generation numbers count from. */
const EPOCH_S = 1_577_836_800;

/**
 * Identifies a source without revealing its address; the same after a restart. With the seal of the database
 * nothing of it can be found by trying.
 */
export function sourceKey(source: SourceConfig, seal: TextSeal | undefined): string {
  const text = source.type === 'pull' ? source.url : source.type;
  return seal?.mark(text) ?? createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** Whether a stored key is that of a source; also a key that was stored without a seal. */
export function isKeyOf(key: string | null, source: SourceConfig, seal: TextSeal | undefined): boolean {
  return key === sourceKey(source, seal) || key === sourceKey(source, undefined);
}

/**
 * Gaps of the recording from `us` on: media that was skipped or lost since the last recorded media, then the
 * current reason.
 */
export function gapsFrom(
  us: number,
  of: {
    readonly recorder: Pick<Recorder, 'gaps'>;
    readonly stream: { readonly edge: Pick<Stream['edge'], 'gap' | 'gapsSince'> };
    readonly isRecorded: boolean;
    readonly nowUs: number;
  },
): StreamGap[] {
  const passed = of.recorder.gaps;
  const fromUs = Math.max(us, passed.at(-1)?.toUs ?? us);
  const { edge } = of.stream;
  if (edge.gap) {
    const missing = edge.gapsSince(fromUs);
    // Media that came faster than time ends ahead of the clock. Why none follows is known all the same.
    return [...passed, ...(missing.length > 0 ? missing : [{ fromUs, toUs: fromUs, ...edge.gap }])];
  }
  if (of.isRecorded) return [...passed];
  return [...passed, { fromUs, toUs: of.nowUs, cause: 'offline', detail: RECORDING_OFF }];
}

/** Reads the state that the last process saved. */
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

/** Columns of a row besides its stream. */
const STATE_COLUMNS = ['at_us', 'clean', 'absences', 'generation', 'live_source'] as const;

/** Saves the current state, unless another process has taken the stream. */
export async function writeSavedState(
  { db, fence }: Pick<Store, 'db' | 'fence'>,
  streamId: string,
  saved: SavedState,
): Promise<void> {
  const values = {
    at_us: saved.atUs,
    clean: saved.clean ? 1 : 0,
    absences: JSON.stringify(saved.gaps),
    generation: saved.generation ? JSON.stringify(saved.generation) : null,
    live_source: saved.liveSource,
  };
  await db
    .insertInto('stream_on_air')
    .columns(['stream_id', ...STATE_COLUMNS])
    .expression(valuesWhileHeld(db, fence, { stream_id: streamId, ...values }))
    .onConflict((conflict) => conflict.column('stream_id').doUpdateSet(values))
    .execute();
}

/** Time of the newest saved state of any stream, µs since 1970; undefined if there is none. */
export async function lastSavedUs(db: Kysely<Tables>): Promise<number | undefined> {
  const row = await db
    .selectFrom('stream_on_air')
    .select((eb) => eb.fn.max('at_us').as('us'))
    .executeTakeFirst();
  return row?.us ?? undefined;
}

/**
 * The past of a stream after a restart: the end of its media, and why nothing was recorded since.
 *
 * @param last the newest file of the index, after recovery
 * @param past.tornTail a file was open when the last process ended
 * @param past.isMoved media was moved back since the state was saved
 */
export function pastOf(
  createdUs: number,
  last: Pick<ChunkRow, 'end_us' | 'run'> | undefined,
  saved: SavedState | undefined,
  { tornTail, isMoved = false }: { readonly tornTail: boolean; readonly isMoved?: boolean },
): StreamPast {
  // A source offers media from before the creation of the stream, so its media may also end before that.
  const endUs = last?.end_us ?? createdUs;
  const always = { endUs, hasMedia: last !== undefined, lastRun: last?.run ?? 0 };
  if (!last && !saved) return { ...always, gaps: [gap(endUs, 'offline', 'not yet started')] };
  const noted = saved?.gaps[0];
  // If media was recorded after the saved gap, the state is stale: the process died before it saved another
  // one.
  const isStale = noted !== undefined && endUs > noted.fromUs + HOLE_US;
  if (saved && noted && !isStale) {
    const isShort = tornTail && !saved.clean && !isMoved && noted.detail !== RECORDING_OFF;
    return {
      ...always,
      gaps: isShort && noted.fromUs > endUs + HOLE_US ? [unwritten(endUs, noted), ...saved.gaps] : saved.gaps,
    };
  }
  const crashed = saved ? isStale || !saved.clean : tornTail;
  return {
    ...always,
    gaps: [
      crashed ? gap(endUs, 'crash', 'oxbow was killed or crashed') : gap(endUs, 'offline', 'oxbow was not running'),
    ],
  };
}

/** The media that had come before a noted gap, and was not on the disk when the process ended. */
function unwritten(endUs: number, { detail, fromUs }: StreamGap): StreamGap {
  const during = detail === OXBOW_STOPPED ? ', while it was being stopped' : '';
  return { fromUs: endUs, toUs: fromUs, cause: 'crash', detail: `oxbow ended before this was on the disk${during}` };
}

function gap(fromUs: number, cause: StreamGap['cause'], detail: string): StreamGap {
  return { fromUs, toUs: fromUs, cause, detail };
}

/** The number of a new generation, higher than all before. */
export function nextGenerationNumber(nowMs: number, last: number): number {
  return Math.max(last + 1, Math.floor(nowMs / 1000 - EPOCH_S));
}

/** Saves the states of one stream in their order. Behind the one of its regular end nothing is saved. */
export class SavedStateWriter {
  readonly #write: (saved: SavedState) => Promise<void>;
  #hasEnded = false;
  #writing: Promise<void> = Promise.resolve();

  /** @param failed called when a state was not saved */
  constructor(store: Pick<Store, 'db' | 'fence'>, streamId: string, failed: (error: unknown) => void) {
    this.#write = (saved) => writeSavedState(store, streamId, saved).catch(failed);
  }

  /** Resolves when everything is saved. */
  get settled(): Promise<void> {
    return this.#writing;
  }

  /** Saves a state, soon. */
  write(saved: SavedState): void {
    if (this.#hasEnded) return;
    this.#hasEnded = saved.clean;
    this.#writing = this.#writing.then(() => this.#write(saved));
  }
}
