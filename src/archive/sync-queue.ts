/**
 * A queue of `fdatasync` calls for the files of one device.
 * In: open files. Out: promises that resolve when everything written before the call is on disk.
 * docs/media.md 23.
 */

/** A file to sync: a FileHandle. */
interface Syncable {
  datasync(): Promise<void>;
}

/** The queue of one device. */
export interface SyncQueue {
  /**
   * Resolves when everything written to `file` before this call is on disk. Waiting calls for the same file
   * share one sync; a sync that is already running does not cover a later call.
   *
   * Rejects with the error of `datasync`; after that the file cannot be synced reliably.
   */
  sync(file: Syncable): Promise<void>;
}

interface Waiting {
  readonly file: Syncable;
  readonly done: PromiseWithResolvers<void>;
}

/** @param maxInFlight concurrent syncs; more only make a disk seek */
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
 * The same queue, measuring the time of each sync, including the wait.
 *
 * @param observe called with the seconds of each successful sync
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
