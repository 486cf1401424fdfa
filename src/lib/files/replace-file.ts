/**
 * Writes a whole file so that its name has the new content or the old one, never a part, at any power
 * failure.
 * In: a path, the content. Out: the file, on the disk. The unfinished file is `PATH.part`.
 */
import { dirname } from 'node:path';
import type { Files, OpenFile } from './files.ts';
import { syncFolders } from './folder.ts';
import { writeAll } from './write-all.ts';

/** Suffix of files that are not complete. */
export const UNFINISHED = '.part';

/** Writes the content of a file or an object, in order. */
export type WriteContent = (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>;

/** Options of `replaceFile`. */
interface ReplaceOptions {
  /** Rights of the file, less those of the umask; default 0o666. */
  readonly mode?: number;
  /** Opens the unfinished file, empty; default: a new file in a folder that exists. */
  readonly open?: (unfinished: string) => Promise<{ readonly file: OpenFile; readonly firstMade: string | undefined }>;
  /** Called before the new file takes the place of the old one, which stays if it throws. */
  readonly ready?: (unfinished: string) => void;
}

/**
 * Replaces or creates a file. Rejects with the system's error, and with errors of `content`; no
 * unfinished file is left then, if the disk allows.
 */
export async function replaceFile(
  files: Files,
  path: string,
  content: Uint8Array | WriteContent,
  { mode = 0o666, open = (unfinished) => openNew(files, unfinished, mode), ready }: ReplaceOptions = {},
): Promise<void> {
  const unfinished = `${path}${UNFINISHED}`;
  const { file, firstMade } = await open(unfinished);
  try {
    try {
      let length = 0;
      const write = async (bytes: Uint8Array) => {
        length += await writeAll(file, [bytes], length);
      };
      await (content instanceof Uint8Array ? write(content) : content(write));
      await file.datasync();
    } finally {
      await file.close();
    }
    ready?.(unfinished);
    await files.rename(unfinished, path);
  } catch (error) {
    // The first error counts; a leftover is replaced by the next attempt.
    await files.rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolders(files, dirname(path), firstMade);
}

async function openNew(files: Files, path: string, mode: number) {
  await files.rm(path, { force: true }); // an existing file would keep its rights
  return { file: await files.open(path, 'wx', mode), firstMade: undefined };
}
