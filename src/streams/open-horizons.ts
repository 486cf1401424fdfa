/**
 * Opens the horizons of retention: compares the clock with the newest instant that the database names.
 * In: database, index, clock. Out: horizons, paused at once where the clock looks wrong. docs/media.md 3.
 */
import { Horizons } from '../recording/horizons.ts';
import { lastSavedUs } from './saved-state.ts';
import type { StreamDeps } from './stream-deps.ts';

/** Opens the horizons; the log says when and why they stand still. */
export async function openHorizons({
  store,
  table,
  clock,
  log,
}: Pick<StreamDeps, 'store' | 'table' | 'clock' | 'log'>): Promise<Horizons> {
  let lastSeenUs = (await lastSavedUs(store.db)) ?? 0;
  for (const { id } of await store.db.selectFrom('stream').select('id').execute()) {
    lastSeenUs = Math.max(lastSeenUs, (await table.last(id))?.end_us ?? 0);
  }
  return new Horizons({
    clock,
    lastSeenMs: lastSeenUs === 0 ? undefined : lastSeenUs / 1000,
    paused: (why) =>
      log.warn({ why, minutes: 60 }, 'old recordings are not deleted for now, as the clock may be wrong'),
  });
}

/** What the health check says of retention: whether it is paused, why, and for how long. */
export function describeRetention({ pause }: Pick<Horizons, 'pause'>): string {
  if (!pause) return 'old recordings are deleted when they are due';
  return `old recordings are not deleted for ${Math.ceil(pause.leftMs / 60_000)} minutes yet: ${pause.why}`;
}
