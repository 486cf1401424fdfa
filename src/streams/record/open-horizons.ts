/**
 * Opens the horizons of retention: compares the clock with the newest instant in the database.
 * In: database, index, clock. Out: horizons, paused if the clock looks wrong. docs/media.md 3.
 */
import { Horizons } from '../../recording/horizons.ts';
import { unlessShardLost } from '../../store/engine.ts';
import { lastSavedUs } from '../saved-state.ts';
import type { StoredRecordings, StreamDeps } from '../stream-deps.ts';

/** Opens the horizons; logs when and why they pause. */
export async function openHorizons({
  store,
  chunks,
  clock,
  log,
}: Pick<StreamDeps, 'store' | 'clock' | 'log'> & Pick<StoredRecordings, 'chunks'>): Promise<Horizons> {
  let lastSeenUs = (await lastSavedUs(store.db)) ?? 0;
  for (const { id } of await store.db.selectFrom('stream').select('id').execute()) {
    const last = await unlessShardLost(() => chunks.last(id));
    lastSeenUs = Math.max(lastSeenUs, last?.end_us ?? 0);
  }
  return new Horizons({
    clock,
    lastSeenMs: lastSeenUs === 0 ? undefined : lastSeenUs / 1000,
    paused: (why) => log.warn({ why, minutes: 60 }, 'retention is paused: the clock may be wrong'),
  });
}

/** The health check of retention: whether it is paused, why, and for how long. */
export function describeRetention({ pause }: Pick<Horizons, 'pause'>): string {
  if (!pause) return 'retention runs';
  return `retention is paused for ${Math.ceil(pause.leftMs / 60_000)} more minutes: ${pause.why}`;
}
