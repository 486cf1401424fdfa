/**
 * Finds the chunk files of a stream on the disk, by the time in their names.
 * In: a stream's folder of recordings. Out: paths in order of time, hour folder by hour folder. MEDIA.md, Files 21.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** A file whose name is that of a chunk file. */
export interface ChunkFile {
  /** Absolute. */
  readonly path: string;
  /** UTC of its first group, ms since 1970, from its name. */
  readonly startMs: number;
  readonly firstMsn: number;
}

/** Which hours are looked at: both included, ms since 1970. */
export interface HourRange {
  readonly fromMs?: number;
  readonly toMs?: number;
}

const NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-(\d{1,15})\.mp4$/;

/** Chunk files below `root`, oldest first; whatever is named otherwise is passed over. A folder that is not there has none. */
export async function listChunkFiles(root: string, range: HourRange = {}): Promise<ChunkFile[]> {
  const files: ChunkFile[] = [];
  const least = range.fromMs === undefined ? undefined : hourFolders(range.fromMs);
  const most = range.toMs === undefined ? undefined : hourFolders(range.toMs);
  const walk = async (folder: string, depth: number, onLeast: boolean, onMost: boolean): Promise<void> => {
    for (const entry of await names(folder)) {
      if (depth === 4) {
        const file = parseName(folder, entry);
        if (file) files.push(file);
        continue;
      }
      if (!/^\d{2,4}$/.test(entry)) continue;
      const atLeast = onLeast && least !== undefined;
      const atMost = onMost && most !== undefined;
      if ((atLeast && entry < least[depth]!) || (atMost && entry > most[depth]!)) continue;
      const further = [atLeast && entry === least[depth], atMost && entry === most[depth]] as const;
      await walk(path.join(folder, entry), depth + 1, ...further);
    }
  };
  await walk(root, 0, true, true);
  return files;
}

/** Names of the folders of an instant: year, month, day, hour. */
function hourFolders(ms: number): readonly string[] {
  const iso = new Date(Math.max(0, ms)).toISOString();
  return [iso.slice(0, 4), iso.slice(5, 7), iso.slice(8, 10), iso.slice(11, 13)];
}

function parseName(folder: string, name: string): ChunkFile | undefined {
  const parts = NAME.exec(name);
  if (!parts) return undefined;
  const [year, month, day, hour, minute, second, ms, msn] = parts.slice(1).map(Number) as number[];
  const startMs = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!, ms!);
  return { path: path.join(folder, name), startMs, firstMsn: msn! };
}

async function names(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
