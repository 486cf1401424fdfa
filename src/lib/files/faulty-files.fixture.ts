/**
 * Files whose n-th operation fails, as on a broken, full or read-only disk, or without free descriptors.
 * Nothing is synced: that takes most of the time, and no test loses its power.
 * In: Files, a fault. Out: Files that count their operations and report what no caller may do. Used by tests
 * only.
 */
import type { Files, OpenFile } from './files.ts';

/** How an operation fails. `SHORT`: a write stores half of its bytes and succeeds. */
export type FaultCode = 'EIO' | 'ENOSPC' | 'EROFS' | 'EMFILE' | 'SHORT';

/** A planned failure. */
export interface Fault {
  readonly code: FaultCode;
  /** Which of the operations that can fail so, 0 for the first one. */
  readonly at: number;
  /** How many of them fail; default 1. */
  readonly times?: number;
}

/** Files that fail as planned. */
export interface FaultyFiles {
  readonly files: Files;
  /** Operations since the start that could fail in this way. */
  count(code: FaultCode): number;
  /** Operations that failed, e.g. `datasync a.mp4`. */
  readonly failed: readonly string[];
  /** What a caller did although it may not, e.g. syncing a file again whose sync has failed. */
  readonly wrong: readonly string[];
  /** No operation fails from now on. */
  heal(): void;
}

type Operation = keyof Files | Exclude<keyof OpenFile, typeof Symbol.asyncDispose>;

const changesFolder: readonly Operation[] = ['mkdir', 'mkdtemp', 'rename', 'copyFile', 'rm', 'unlink', 'rmdir'];
const opensDescriptor: readonly Operation[] = ['open', 'readFile', 'readdir', 'syncFolder', 'copyFile'];
const addsBytes: readonly Operation[] = ['writev', 'mkdir', 'mkdtemp', 'copyFile', 'rename', 'datasync', 'sync'];

/**
 * Whether an operation can fail in this way.
 * @param writes of `open`: whether it may create or change the file
 */
function canFail(code: FaultCode, operation: Operation, writes: boolean): boolean {
  switch (code) {
    case 'EIO':
      return true;
    case 'ENOSPC':
      return addsBytes.includes(operation) || (operation === 'open' && writes);
    case 'EROFS':
      return changesFolder.includes(operation) || ['writev', 'truncate'].includes(operation) || writes;
    case 'EMFILE':
      return opensDescriptor.includes(operation);
    case 'SHORT':
      return operation === 'writev';
  }
}

const codes: readonly FaultCode[] = ['EIO', 'ENOSPC', 'EROFS', 'EMFILE', 'SHORT'];

/** Bytes of a file: from, to. */
type Range = readonly [from: number, to: number];

function without([from, to]: Range, [start, end]: Range): Range[] {
  const parts: Range[] = [
    [from, Math.min(to, start)],
    [Math.max(from, end), to],
  ];
  return parts.filter((part) => part[0] < part[1]);
}

/** Wraps `system`. @param fault none: operations are only counted */
export function openFaultyFiles(system: Files, fault?: Fault): FaultyFiles {
  const files: Files = { ...system, syncFolder: async () => {} };
  const counts = new Map<FaultCode, number>(codes.map((code) => [code, 0]));
  const failed: string[] = [];
  const wrong: string[] = [];
  /** By path: writes that are not synced. */
  const unsynced = new Map<string, Range[]>();
  /** By path: what a failed sync may have lost, until it is written again. */
  const lost = new Map<string, Range[]>();
  let isHealed = false;

  /** Whether the operation fails; counts it. */
  function fails(operation: Operation, path: string, writes = false): boolean {
    let isDue = false;
    for (const code of codes) {
      if (!canFail(code, operation, writes)) continue;
      const index = counts.get(code)!;
      counts.set(code, index + 1);
      if (code !== fault?.code || isHealed) continue;
      isDue = index >= fault.at && index < fault.at + (fault.times ?? 1);
    }
    if (isDue) failed.push(`${operation} ${path}`);
    return isDue;
  }

  function errorOf(operation: Operation, path: string): NodeJS.ErrnoException {
    const { code } = fault!;
    return Object.assign(new Error(`${code}: injected, ${operation} '${path}'`), { code, syscall: operation, path });
  }

  function wrap<K extends keyof Files>(operation: K): Files[K] {
    const call = files[operation] as (...args: unknown[]) => Promise<unknown>;
    return (async (path: string, ...others: unknown[]) => {
      if (fails(operation, path)) throw errorOf(operation, path);
      const result = await call(path, ...others);
      if (operation === 'rename' && lost.has(path)) wrong.push(`${path} is renamed after its sync failed`);
      if (operation === 'rm' || operation === 'unlink') forget(path);
      return result;
    }) as Files[K];
  }

  function forget(path: string): void {
    unsynced.delete(path);
    lost.delete(path);
  }

  function written(path: string, position: number, { length }: Uint8Array): void {
    const range: Range = [position, position + length];
    unsynced.set(path, [...(unsynced.get(path) ?? []), range]);
    const left = (lost.get(path) ?? []).flatMap((each) => without(each, range));
    if (left.length > 0) lost.set(path, left);
    else lost.delete(path);
  }

  function wrapFile(path: string, file: OpenFile): OpenFile {
    let hasFailed = false;
    const sync = (operation: 'sync' | 'datasync') => async () => {
      if (hasFailed || lost.has(path)) wrong.push(`${path} is synced after a sync of it failed`);
      if (fails(operation, path)) {
        hasFailed = true;
        const ranges = [...(lost.get(path) ?? []), ...(unsynced.get(path) ?? [])];
        if (ranges.length > 0) lost.set(path, ranges);
        unsynced.delete(path);
        throw errorOf(operation, path);
      }
      unsynced.delete(path);
    };
    const close = async () => {
      // The descriptor is gone in any case.
      await file.close();
      if (fails('close', path)) throw errorOf('close', path);
    };
    let closing: Promise<void> | undefined;
    return {
      async read(...args) {
        if (fails('read', path)) throw errorOf('read', path);
        return file.read(...args);
      },
      async writev(pieces, position) {
        const bytes = Buffer.concat(pieces);
        if (!fails('writev', path)) {
          const { bytesWritten } = await file.writev(pieces, position);
          written(path, position, bytes.subarray(0, bytesWritten));
          return { bytesWritten };
        }
        // As a real disk: some of the bytes are there.
        const half = bytes.subarray(0, Math.ceil(bytes.length / 2));
        if (fault!.code !== 'EROFS') await file.writev([half], position);
        written(path, position, half);
        if (fault!.code === 'SHORT') return { bytesWritten: half.length };
        throw errorOf('writev', path);
      },
      async truncate(length) {
        if (fails('truncate', path)) throw errorOf('truncate', path);
        await file.truncate(length);
      },
      async stat() {
        if (fails('stat', path)) throw errorOf('stat', path);
        return file.stat();
      },
      sync: sync('sync'),
      datasync: sync('datasync'),
      close,
      [Symbol.asyncDispose]: () => (closing ??= close()),
    };
  }

  return {
    files: {
      async open(path, flags, mode) {
        if (fails('open', path, flags !== 'r')) throw errorOf('open', path);
        const file = await files.open(path, flags, mode);
        if (flags.startsWith('w')) forget(path);
        return wrapFile(path, file);
      },
      readFile: wrap('readFile'),
      stat: wrap('stat'),
      readdir: wrap('readdir'),
      mkdir: wrap('mkdir'),
      mkdtemp: wrap('mkdtemp'),
      rename: wrap('rename'),
      copyFile: wrap('copyFile'),
      rm: wrap('rm'),
      unlink: wrap('unlink'),
      rmdir: wrap('rmdir'),
      syncFolder: wrap('syncFolder'),
    },
    count: (code) => counts.get(code)!,
    failed,
    wrong,
    heal() {
      isHealed = true;
    },
  };
}
