/**
 * Files that log what was written, so that a test can rebuild a folder as a power failure may leave it.
 * In: Files, an empty folder. Out: Files; folders rebuilt from any prefix of the log, by seed. Used by tests
 * only.
 *
 * The model: a sync of a file keeps what was written to the file before it, a sync of a folder keeps the
 * names in the folder. Everything else is there, or not, or of a write only some pages, with zeros in place
 * of the others; a rename is there or not. A file whose name is not there is lost, synced or not.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Files, OpenFile } from './files.ts';

/** A file or folder, independent of its name. */
interface Inode {
  readonly isFolder: boolean;
}

type Change =
  | { readonly kind: 'write'; readonly inode: Inode; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly inode: Inode; readonly length: number }
  /** `inode` undefined: the name is removed. Kept by a sync of the folder of the last name. */
  | {
      readonly kind: 'names';
      readonly names: readonly { readonly folder: Inode; readonly name: string; readonly inode: Inode | undefined }[];
    };
/** @param upTo changes of the log before this are kept */
type Event = Change | { readonly kind: 'sync'; readonly inode: Inode; readonly upTo: number };

/** Files with a log. */
export interface CrashFiles {
  readonly files: Files;
  /** Length of the log. */
  readonly position: number;
  /** Positions directly after a write, which a failure there may tear. */
  readonly writes: readonly number[];
  /**
   * Writes the folder as a power failure may leave it.
   *
   * @param at length of the prefix of the log that had happened
   * @param random of `seeded`
   * @param target a folder that does not exist
   */
  rebuild(at: number, random: (below: number) => number, target: string): Promise<void>;
}

const PAGE = 4096;

/** Wraps `files`. @param root the folder that is logged, empty; what is elsewhere is not */
export function openCrashFiles(files: Files, root: string): CrashFiles {
  const log: Event[] = [];
  const top: Inode = { isFolder: true };
  /** Files and folders that exist now. */
  const live = new Map<string, Inode>([[root, top]]);

  const named = (path: string, inode: Inode | undefined) => ({
    folder: live.get(dirname(path))!,
    name: basename(path),
    inode,
  });

  function create(path: string, isFolder: boolean): Inode {
    const inode: Inode = { isFolder };
    log.push({ kind: 'names', names: [named(path, inode)] });
    live.set(path, inode);
    return inode;
  }

  function remove(path: string): void {
    if (!live.has(path)) return;
    log.push({ kind: 'names', names: [named(path, undefined)] });
    for (const each of [...live.keys()]) if (each === path || each.startsWith(join(path, '/'))) live.delete(each);
  }

  function wrapFile(file: OpenFile, inode: Inode): OpenFile {
    const sync = async () => {
      log.push({ kind: 'sync', inode, upTo: log.length });
    };
    return {
      read: (...args) => file.read(...args),
      async writev(pieces, position) {
        const { bytesWritten } = await file.writev(pieces, position);
        const bytes = Uint8Array.from(Buffer.concat(pieces).subarray(0, bytesWritten));
        log.push({ kind: 'write', inode, position, bytes });
        return { bytesWritten };
      },
      async truncate(length) {
        await file.truncate(length);
        log.push({ kind: 'truncate', inode, length });
      },
      sync,
      datasync: sync,
      stat: () => file.stat(),
      close: () => file.close(),
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  }

  async function rebuild(at: number, random: (below: number) => number, target: string): Promise<void> {
    const before = log.slice(0, at);
    const syncedUpTo = new Map<Inode, number>();
    for (const event of before) {
      if (event.kind === 'sync') syncedUpTo.set(event.inode, Math.max(event.upTo, syncedUpTo.get(event.inode) ?? 0));
    }
    const isKept = (index: number, inode: Inode) => index < (syncedUpTo.get(inode) ?? 0);
    const names = new Map<Inode, Map<string, Inode>>();
    const contents = new Map<Inode, Buffer>();
    for (const [index, event] of before.entries()) {
      if (event.kind === 'names') {
        if (!isKept(index, event.names.at(-1)!.folder) && random(2) === 0) continue;
        for (const { folder, name, inode } of event.names) {
          const own = names.get(folder) ?? new Map<string, Inode>();
          names.set(folder, own);
          if (inode) own.set(name, inode);
          else own.delete(name);
        }
      } else if (event.kind !== 'sync') {
        const old = contents.get(event.inode) ?? Buffer.alloc(0);
        contents.set(event.inode, applied(old, event, isKept(index, event.inode) ? undefined : random));
      }
    }
    const write = async (folder: Inode, path: string): Promise<void> => {
      await mkdir(path);
      for (const [name, inode] of names.get(folder) ?? []) {
        if (inode.isFolder) await write(inode, join(path, name));
        else await writeFile(join(path, name), contents.get(inode) ?? Buffer.alloc(0));
      }
    };
    await write(top, target);
  }

  return {
    files: {
      async open(path, flags, mode) {
        const file = await files.open(path, flags, mode);
        const known = live.get(path);
        if (!known && !live.has(dirname(path))) return file;
        if (known && flags === 'w') log.push({ kind: 'truncate', inode: known, length: 0 });
        return wrapFile(file, known ?? create(path, false));
      },
      readFile: (path) => files.readFile(path),
      stat: (path) => files.stat(path),
      readdir: (path) => files.readdir(path),
      async mkdir(path, options) {
        const firstMade = await files.mkdir(path, options);
        const missing: string[] = [];
        for (let each = path; !live.has(each) && each.startsWith(join(root, '/')); each = dirname(each))
          missing.push(each);
        for (const each of missing.reverse()) create(each, true);
        return firstMade;
      },
      mkdtemp: (prefix) => files.mkdtemp(prefix),
      async rename(from, to) {
        await files.rename(from, to);
        const inode = live.get(from)!;
        log.push({ kind: 'names', names: [named(from, undefined), named(to, inode)] });
        live.delete(from);
        live.set(to, inode);
      },
      async copyFile(from, to) {
        await files.copyFile(from, to);
        const inode = live.get(to) ?? create(to, false);
        log.push({ kind: 'truncate', inode, length: 0 });
        log.push({ kind: 'write', inode, position: 0, bytes: await files.readFile(to) });
      },
      async rm(path, options) {
        await files.rm(path, options);
        remove(path);
      },
      async unlink(path) {
        await files.unlink(path);
        remove(path);
      },
      async rmdir(path) {
        await files.rmdir(path);
        remove(path);
      },
      async syncFolder(path) {
        const inode = live.get(path);
        if (inode) log.push({ kind: 'sync', inode, upTo: log.length });
      },
    },
    get position() {
      return log.length;
    },
    get writes() {
      return log.flatMap(({ kind }, index) => (kind === 'write' ? [index + 1] : []));
    },
    rebuild,
  };
}

/** @param random undefined: the change was synced, and is there */
function applied(
  old: Buffer,
  change: Extract<Change, { readonly kind: 'write' | 'truncate' }>,
  random: ((below: number) => number) | undefined,
): Buffer {
  if (random?.(3) === 0) return old;
  if (change.kind === 'truncate') {
    if (change.length <= old.length) return old.subarray(0, change.length);
    return Buffer.concat([old, Buffer.alloc(change.length - old.length)]);
  }
  const { position, bytes } = change;
  const length = Math.max(old.length, position + bytes.length);
  const result = Buffer.concat([old, Buffer.alloc(length - old.length)]);
  const isWhole = random === undefined || random(3) === 0;
  for (let from = position; from < position + bytes.length; ) {
    const to = Math.min(position + bytes.length, from - (from % PAGE) + PAGE);
    if (isWhole || random(2) === 0) result.set(bytes.subarray(from - position, to - position), from);
    from = to;
  }
  return result;
}
