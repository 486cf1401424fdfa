/**
 * Uploads that are not complete, kept in the browser, so that a reload continues them once their file is
 * chosen again.
 * In: a storage. Out: entries; a file is recognized by its name, size and time of change.
 */

/** An upload that has begun. */
export interface KeptUpload {
  readonly name: string;
  readonly bytes: number;
  /** Time of the last change of the file, unix ms. */
  readonly changedMs: number;
  readonly uploadId: string;
  readonly assetId: string;
  readonly title: string;
  /** The file is a cut in the browser's storage: its id there. */
  readonly cut?: string;
  /** Id of the account that began it; empty for the administrator of the command line. */
  readonly person?: string;
}

/** A file as far as it identifies an upload. */
export type FileMark = Pick<KeptUpload, 'name' | 'bytes' | 'changedMs'>;

/** Where the list is stored. */
interface TextStore {
  read(): string | null;
  write(text: string): void;
}

/** Most entries: the oldest is forgotten. */
const MOST = 100;

/** Whether two marks are of the same file. */
export function isSameFile(a: FileMark, b: FileMark): boolean {
  return a.name === b.name && a.bytes === b.bytes && a.changedMs === b.changedMs;
}

/**
 * The list; other tabs may change it too, so it is read each time. People who share a browser see their own
 * entries only: the server would take an unknown upload as a new one of the person who is signed in.
 */
export class KeptUploads {
  readonly #store: TextStore;
  readonly #person: () => string;

  /** @param person who is signed in, as `KeptUpload.person` */
  constructor(store: TextStore, person: () => string) {
    this.#store = store;
    this.#person = person;
  }

  /** The entries of the person, oldest first, and those of a version that did not store whose they are. */
  all(): readonly KeptUpload[] {
    const own = this.#person();
    return this.ofEveryone().filter(({ person = own }) => person === own);
  }

  /** The entries of all people, oldest first; invalid ones are left out. */
  ofEveryone(): readonly KeptUpload[] {
    try {
      const kept: unknown = JSON.parse(this.#store.read() ?? '[]');
      return Array.isArray(kept) ? kept.filter(isKept) : [];
    } catch {
      return [];
    }
  }

  /** Adds an entry, or replaces the one of the same upload. */
  keep(entry: KeptUpload): void {
    const others = this.ofEveryone().filter(({ uploadId }) => uploadId !== entry.uploadId);
    this.#write([...others, { ...entry, person: this.#person() }].slice(-MOST));
  }

  /** Removes an entry. */
  forget(uploadId: string): void {
    this.#write(this.ofEveryone().filter((entry) => entry.uploadId !== uploadId));
  }

  #write(entries: readonly KeptUpload[]): void {
    this.#store.write(JSON.stringify(entries));
  }
}

function isKept(value: unknown): value is KeptUpload {
  const entry = value as Partial<KeptUpload> | null;
  return (
    typeof entry?.name === 'string' &&
    typeof entry.bytes === 'number' &&
    typeof entry.changedMs === 'number' &&
    typeof entry.uploadId === 'string' &&
    typeof entry.assetId === 'string' &&
    typeof entry.title === 'string' &&
    (entry.cut === undefined || typeof entry.cut === 'string') &&
    (entry.person === undefined || typeof entry.person === 'string')
  );
}
