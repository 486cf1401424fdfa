/**
 * The line in which files of one device wait for `fdatasync`.
 * In: open files. Out: promises that resolve when what was written before the call is on the disk. docs/media.md 23.
 */

/** What is synced: a FileHandle. */
export interface Syncable {
  datasync(): Promise<void>;
}

/** One line per device. */
export interface SyncQueue {
  /**
   * Resolves when everything written to `file` before this call is on the disk. Calls for the same file that wait together
   * share one sync; one that is already under way does not count for a later call.
   *
   * Rejects with what `datasync` threw; the file must then not be trusted to sync again.
   */
  sync(file: Syncable): Promise<void>;
}

interface Waiting {
  readonly file: Syncable;
  readonly done: PromiseWithResolvers<void>;
}

/** @param maxInFlight syncs under way at a time; more only make a disk seek */
export function createSyncQueue(maxInFlight = 2): SyncQueue {
  const waiting: Waiting[] = [];
  const busy = new Set<Syncable>();

  async function run({ file, done }: Waiting): Promise<void> {
    busy.add(file);
    try {
      await file.datasync();
      done.resolve();
    } catch (error) {
      done.reject(error);
    }
    busy.delete(file);
    start();
  }

  function start(): void {
    while (busy.size < maxInFlight) {
      const next = waiting.findIndex(({ file }) => !busy.has(file));
      if (next < 0) return;
      void run(waiting.splice(next, 1)[0]!);
    }
  }

  return {
    sync(file) {
      const present = waiting.find((item) => item.file === file);
      if (present) return present.done.promise;
      const item = { file, done: Promise.withResolvers<void>() };
      waiting.push(item);
      start();
      return item.done.promise;
    },
  };
}

/**
 * The same line, with the time that each sync took, waiting included.
 *
 * @param observe told the seconds of each that did not fail
 */
export function timeSyncs(queue: SyncQueue, observe: (seconds: number) => void): SyncQueue {
  return {
    async sync(file) {
      const startedMs = performance.now();
      await queue.sync(file);
      observe((performance.now() - startedMs) / 1000);
    },
  };
}
