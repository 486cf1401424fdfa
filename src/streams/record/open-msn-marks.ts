/**
 * Opens the marks of announced MSNs of a data folder; if the file is lost, takes the highest MSN from the
 * index.
 * In: folder, index, clock. Out: marks for every stream of the process. docs/decisions/0016.
 */
import { messageOf } from '../../lib/errors.ts';
import { unlessShardLost } from '../../store/engine.ts';
import { LOST_MARKS_MSNS, leastMsnAt, MsnMarks } from '../../store/msn-marks.ts';
import type { StoredRecordings, StreamDeps } from '../stream-deps.ts';

/** Opens the marks. Rejects with the system's error if the file cannot be read. */
export function openMsnMarks({
  dataFolder,
  store,
  chunks,
  clock,
  log,
}: { readonly dataFolder: string } & Pick<StreamDeps, 'store' | 'clock' | 'log'> &
  Pick<StoredRecordings, 'chunks'>): Promise<MsnMarks> {
  return MsnMarks.open({
    folder: dataFolder,
    async lost() {
      const streams = await store.db.selectFrom('stream').select('id').execute();
      if (streams.length === 0) return undefined;
      let highest = leastMsnAt(clock.nowMs());
      for (const { id } of streams) {
        // The numbers of a stream whose shard does not respond follow those of its rows when it is opened.
        const last = await unlessShardLost(() => chunks.last(id));
        highest = Math.max(highest, last?.last_msn ?? 0);
      }
      log.warn({ skipped: LOST_MARKS_MSNS }, 'the file of announced segment numbers is missing: skipping numbers');
      return highest;
    },
    failed: (error) => log.error({ error: messageOf(error) }, 'announced segment numbers were not written to the disk'),
  });
}
