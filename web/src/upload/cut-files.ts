/**
 * Cuts of films, kept as files in the browser's storage for this site (Origin Private File System) until they
 * are uploaded: so a cut is never in memory, and its upload continues after a reload.
 * In: a name, what is written. Out: files; what no upload needs is removed.
 */

const FOLDER = 'cuts';
const LOCK = 'oxbow.cut.';

/** A cut of a film, as a file. */
export interface StoredCut {
  /** In the storage. */
  readonly id: string;
  readonly file: File;
}

/** Cuts that this tab holds: other tabs do not remove them. */
const held = new Map<string, () => void>();

/** Whether the browser has this storage: over HTTPS and on this computer, and no old Safari. */
export function canStoreCuts(): boolean {
  return (
    globalThis.isSecureContext &&
    typeof navigator.storage?.getDirectory === 'function' &&
    'FileSystemFileHandle' in globalThis &&
    'createWritable' in FileSystemFileHandle.prototype
  );
}

/**
 * How much the storage can take, bytes. Infinity if the browser does not say.
 */
export async function roomForCuts(): Promise<number> {
  const { quota, usage } = await navigator.storage.estimate();
  return quota === undefined ? Number.POSITIVE_INFINITY : quota - (usage ?? 0);
}

/**
 * Writes a cut.
 *
 * @param name of the file that it becomes
 * @param write ends the stream, or aborts it
 * @returns the file; nothing stays in the storage when `write` rejects
 */
export async function storeCut(
  name: string,
  write: (stream: FileSystemWritableFileStream) => Promise<void>,
): Promise<StoredCut> {
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
  await hold(id);
  try {
    const handle = await (await openFolder(true)).getFileHandle(id, { create: true });
    const stream = await handle.createWritable();
    await write(stream).catch(async (error: unknown) => {
      await stream.abort().catch(() => {}); // it is closed already
      throw error;
    });
    return { id, file: named(await handle.getFile(), name) };
  } catch (error) {
    await dropCut(id);
    throw error;
  }
}

/**
 * A cut of an earlier page. Waits while another tab uploads it.
 *
 * @param name of the file that it was
 * @returns undefined if the browser has removed it
 */
export async function openCut(id: string, name: string): Promise<File | undefined> {
  if (!canStoreCuts()) return undefined;
  await hold(id);
  try {
    return named(await (await (await openFolder(false)).getFileHandle(id)).getFile(), name);
  } catch {
    leaveCut(id);
    return undefined;
  }
}

/** Removes a cut. Never rejects. */
export async function dropCut(id: string): Promise<void> {
  try {
    await (await openFolder(false)).removeEntry(id);
  } catch {
    // It is gone, or the next visit removes it.
  }
  leaveCut(id); // now, so that a tab that waits for it finds nothing
}

/**
 * Removes the cuts that neither an upload nor an open tab needs. Never rejects.
 *
 * @param needed the ids that uploads need
 */
export async function sweepCuts(needed: () => readonly string[]): Promise<void> {
  if (!canStoreCuts()) return;
  try {
    const folder = await openFolder(false);
    const stored = await Array.fromAsync(folder.keys());
    // Read after the list: a tab holds a cut before it is listed, and an upload is kept before its tab ends.
    const { held: locks = [] } = await navigator.locks.query();
    const kept = new Set([...needed(), ...locks.map(({ name = '' }) => name.slice(LOCK.length))]);
    // A file that is being written has a second one, whose name begins with the id.
    // One that the browser still writes is left to the next visit; it keeps none of the others.
    const old = stored.filter((name) => !kept.has(name.split('.')[0]!));
    await Promise.allSettled(old.map((name) => folder.removeEntry(name)));
  } catch {
    // There are none.
  }
}

async function openFolder(create: boolean): Promise<FileSystemDirectoryHandle> {
  return await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create });
}

/** Resolves when no other tab has it; until `dropCut` or the end of the tab. */
function hold(id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const until = () =>
      new Promise<void>((release) => {
        held.set(id, release);
        resolve();
      });
    navigator.locks.request(`${LOCK}${id}`, until).catch(reject);
  });
}

/** Gives a cut back, which stays: another page may open it. */
export function leaveCut(id: string): void {
  held.get(id)?.();
  held.delete(id);
}

/** The same bytes, which stay on the disk, under another name. */
function named(file: File, name: string): File {
  return new File([file], name, { lastModified: file.lastModified });
}
