/**
 * Handles of chosen files, kept in the browser: after a reload an upload continues without its file being
 * chosen again. Chromium has them (File System Access), over HTTPS and on this computer; elsewhere files are
 * chosen as ever.
 * In: the picker, a drop, ids of uploads. Out: files with their handles. Whatever the browser refuses is as
 * if there were no handle.
 */

/** What Chromium adds to the handle of the standard. */
export interface KeptHandle extends FileSystemFileHandle {
  queryPermission(options: { readonly mode: 'read' }): Promise<PermissionState>;
  /** Needs a press of the viewer. */
  requestPermission(options: { readonly mode: 'read' }): Promise<PermissionState>;
}

/** A file, and the way back to it. */
export interface ChosenFile {
  readonly file: File;
  readonly handle?: KeptHandle | undefined;
  /** It is a cut in the browser's storage: its id there (cut-files.ts). */
  readonly cut?: string | undefined;
}

interface Picker {
  showOpenFilePicker?(options: {
    readonly multiple: true;
    readonly types: readonly { readonly accept: Readonly<Record<string, readonly string[]>> }[];
  }): Promise<KeptHandle[]>;
}

const accept = { 'video/*': ['.mkv', '.ts', '.m2ts', '.mts', '.mxf', '.flv', '.webm'], 'audio/*': [] };

/** Whether the browser has a picker that gives handles. */
export function hasPicker(): boolean {
  return 'showOpenFilePicker' in window;
}

/** Lets the viewer choose files; none if the viewer leaves without choosing. */
export async function pickFiles(): Promise<readonly ChosenFile[]> {
  try {
    const handles = await (window as Picker).showOpenFilePicker!({ multiple: true, types: [{ accept }] });
    return await Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), handle })));
  } catch (error) {
    if ((error as Error).name === 'AbortError') return [];
    throw error;
  }
}

/** The files of a drop. Call it in the event: later the browser has forgotten them. */
export function droppedFiles({ items, files }: DataTransfer): Promise<readonly ChosenFile[]> {
  const handleOf = (item: DataTransferItem & { getAsFileSystemHandle?(): Promise<FileSystemHandle | null> }) =>
    item.getAsFileSystemHandle?.().catch(() => null) ?? null;
  const fromFiles = [...items].filter(({ kind }) => kind === 'file');
  const handles = fromFiles.map(handleOf);
  const plain = [...files];
  return Promise.all(
    plain.map(async (file, i) => {
      const handle = plain.length === handles.length ? await handles[i] : null;
      return handle?.kind === 'file' ? { file, handle: handle as KeptHandle } : { file };
    }),
  );
}

/**
 * The file of a handle.
 *
 * @param mayAsk whether the viewer may be asked: only in the event of a press
 * @returns undefined if the browser does not give it, or it is gone
 */
export async function fileOf(handle: KeptHandle, mayAsk: boolean): Promise<File | undefined> {
  try {
    const mode = { mode: 'read' } as const;
    const state = await (mayAsk ? handle.requestPermission(mode) : handle.queryPermission(mode));
    return state === 'granted' ? await handle.getFile() : undefined;
  } catch {
    return undefined;
  }
}

const TABLE = 'handles';

/** The kept handles, by the id of their upload. */
export class FileHandles {
  #opened: Promise<IDBDatabase> | undefined;

  keep(uploadId: string, handle: KeptHandle): void {
    void this.#run('readwrite', (table) => table.put(handle, uploadId));
  }

  forget(uploadId: string): void {
    void this.#run('readwrite', (table) => table.delete(uploadId));
  }

  of(uploadId: string): Promise<KeptHandle | undefined> {
    return this.#run('readonly', (table) => table.get(uploadId) as IDBRequest<KeptHandle | undefined>);
  }

  /** Forgets those of all other uploads. */
  async retain(uploadIds: readonly string[]): Promise<void> {
    const kept = (await this.#run('readonly', (table) => table.getAllKeys())) ?? [];
    for (const id of kept) if (!uploadIds.includes(String(id))) this.forget(String(id));
  }

  /** undefined where the browser keeps nothing, as in a private window. */
  async #run<T>(mode: IDBTransactionMode, act: (table: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
    try {
      this.#opened ??= openDatabase();
      const table = (await this.#opened).transaction(TABLE, mode).objectStore(TABLE);
      return await resultOf(act(table));
    } catch {
      return undefined;
    }
  }
}

function openDatabase(): Promise<IDBDatabase> {
  const opening = indexedDB.open('oxbow.uploads', 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE);
  return resultOf(opening);
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
