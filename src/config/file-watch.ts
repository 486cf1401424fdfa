/**
 * Tells when files of settings have changed, however they are written: in place, by renaming a new file over the old one as editors do,
 * or by turning a link to another folder as Kubernetes does.
 * In: names of files. Out: one call of `changed` once they rest. The folders are watched, since a file that is replaced is another file.
 */
import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Writing a file is several events: only what rests this long is read, ms. */
const REST_MS = 250;

/** How files are watched. */
export interface FileWatchOptions {
  /** Called when the bytes of a file differ from those seen last; a file that is missing or empty for a moment is not yet a change. */
  readonly changed: () => void;
  /** Called when a folder cannot be watched; the others still are. */
  readonly failed: (error: unknown) => void;
}

/**
 * Watches until disposed; resolves when a change from then on will be seen. Does not keep the process alive.
 *
 * @param files paths, relative ones against the working folder
 */
export async function watchFiles(
  files: readonly string[],
  { changed, failed }: FileWatchOptions,
): Promise<AsyncDisposable> {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let isOver = false;

  const onEvent = () => {
    if (isOver) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      looking = looking.then(look);
    }, REST_MS).unref();
  };
  const watchFolder = (folder: string) => {
    if (isOver || watchers.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, onEvent).on('error', failed);
      watchers.set(folder, watcher);
    } catch (error) {
      failed(error);
    }
  };
  // A link may lead elsewhere, and later to another place.
  const watchFolders = async () => {
    for (const file of files) {
      watchFolder(dirname(resolve(file)));
      const real = await realpath(file).catch(() => undefined);
      if (real !== undefined) watchFolder(dirname(real));
    }
  };
  const look = async () => {
    await watchFolders();
    const now = await digestsOf(files);
    // Missing or empty means: about to be replaced. It stays as it was until it is there again.
    const differs = now.some((digest, at) => digest !== undefined && digest !== seen[at]);
    seen = now.map((digest, at) => digest ?? seen[at]);
    if (differs && !isOver) changed();
  };

  await watchFolders();
  let seen = await digestsOf(files);
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      await looking;
    },
  };
}

function digestsOf(files: readonly string[]): Promise<(string | undefined)[]> {
  return Promise.all(
    files.map((file) =>
      readFile(file).then(
        // Emptied means about to be written, as by editors that cut a file first.
        (bytes) => (bytes.length === 0 ? undefined : createHash('sha256').update(bytes).digest('base64')),
        () => undefined,
      ),
    ),
  );
}
