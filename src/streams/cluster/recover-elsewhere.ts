/**
 * Adds to the index what this node recorded of streams that other nodes have now: a file that was open when
 * it died.
 * In: the files of this node, owners. Out: rows of the index, between those of the new owner.
 * docs/decisions/0055.
 */
import { listRecordings } from '../../archive/recording-locations.ts';
import { messageOf } from '../../lib/errors.ts';
import { openInitTable } from '../../recording/init-table.ts';
import { recoverQualities, recoverStream } from '../../recording/recovery.ts';
import type { StreamDefinition } from '../definition.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { readDefinition, readStreamName } from '../stream-table.ts';

/** Older files without a row are those that retention deleted, µs before the newest row. */
const BACK_US = 2 * 3600 * 1_000_000;

/** Reads the files of all streams that this node does not own. A stream that fails is logged. */
export async function recoverElsewhere(
  deps: Pick<StreamDeps, 'recordings' | 'placement' | 'store' | 'clock' | 'log' | 'settings'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { recordings, placement, store, log } = deps;
  for (const id of await listRecordings(recordings.segments, { signal })) {
    const name = await readStreamName(store.db, id);
    const { definition } = name === undefined ? {} : await readDefinition(store.db, name);
    if (!definition || (await placement.lookUp('stream', definition.name)) === 'own') continue;
    try {
      await recoverOne(deps, definition, signal);
    } catch (error) {
      signal.throwIfAborted();
      log.error({ stream: name, error: messageOf(error) }, 'the files of a stream of another node were not recovered');
    }
  }
}

async function recoverOne(
  deps: Parameters<typeof recoverElsewhere>[0],
  { id, name, keepMs }: StreamDefinition,
  signal: AbortSignal,
): Promise<void> {
  const { store, clock, log, settings } = deps;
  const { segments, table, chunks, horizons, kept, erasures } = deps.recordings;
  const failed = (error: unknown) => log.error({ error: messageOf(error) }, 'a codec configuration was not saved');
  const inits = await openInitTable(store.rows, id, { failed, nowMs: () => clock.nowMs() });
  const newest = await chunks.last(id);
  const options = {
    segments,
    streamId: id,
    table,
    chunks,
    inits,
    pinned: kept.ranges(id),
    erased: erasures.of(id),
    horizonUs: horizons.of(id, keepMs ?? settings.now.record.keep),
    // What the new owner recorded at the same time is in the index already.
    isFree: async (fromUs: number, toUs: number) => (await chunks.spansBetween(id, fromUs, toUs)).length === 0,
  };
  const recovery = await recoverStream(options, newest ? newest.start_us - BACK_US : 0, { signal });
  await recoverQualities(options, BACK_US, recovery, { signal });
  if (recovery.files > 0)
    log.info({ stream: name, ...recovery }, 'the recording of a stream of another node was recovered');
}
