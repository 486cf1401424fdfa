/**
 * Reports changes of configuration files: written in place, replaced by renaming as editors do, or by a
 * changed symbolic link as Kubernetes does.
 * In: names of files. Out: one call of `onChange` after the last write. The folders are watched, because a
 * replaced file is another file.
 */
import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** A write causes several events: files are read this long after the last one, ms. */
const REST_MS = 250;

/** How files are watched. */
interface FileWatchOptions {
  /** Called when the content of a file has changed; a missing or empty file is not a change. */
  readonly onChange: () => void;
  /** Called when a folder cannot be watched; the others are watched nevertheless. */
  readonly failed: (error: unknown) => void;
}

/**
 * Watches until disposed; resolves when the watch is active. Does not keep the process alive.
 *
 * @param files paths, relative ones against the working folder
 */
export async function watchFiles(
  files: readonly string[],
  { onChange, failed }: FileWatchOptions,
): Promise<AsyncDisposable> {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let checking: Promise<void> = Promise.resolve();
  let isOver = false;

  const onEvent = () => {
    if (isOver) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      checking = checking.then(check);
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
  // A symbolic link may lead to another folder, and later to another one.
  const watchFolders = async () => {
    for (const file of files) {
      watchFolder(dirname(resolve(file)));
      const real = await realpath(file).catch(() => undefined);
      if (real !== undefined) watchFolder(dirname(real));
    }
  };
  const check = async () => {
    await watchFolders();
    const now = await digestsOf(files);
    // A missing or empty file is about to be written: the last digest stays.
    const differs = now.some((digest, at) => digest !== undefined && digest !== seen[at]);
    seen = now.map((digest, at) => digest ?? seen[at]);
    if (differs && !isOver) onChange();
  };

  await watchFolders();
  let seen = await digestsOf(files);
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      await checking;
    },
  };
}

function digestsOf(files: readonly string[]): Promise<(string | undefined)[]> {
  return Promise.all(
    files.map((file) =>
      readFile(file).then(
        // Editors truncate a file before they write it.
        (bytes) => (bytes.length === 0 ? undefined : createHash('sha256').update(bytes).digest('base64')),
        () => undefined,
      ),
    ),
  );
}
