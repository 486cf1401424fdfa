/**
 * Keeps a little disk space for the start: on a full disk SQLite opens no database, and nothing could make
 * room.
 * In: the data folder. Out: a file in it while the disk has room, and its space when the disk is full.
 */
import { randomBytes } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Files, systemFiles } from '../lib/files/files.ts';
import { replaceFile } from '../lib/files/replace-file.ts';
import { RESERVE_FILE } from './file-names.ts';

/** The index of shared memory, and some hundred pages of the write-ahead log. */
export const RESERVE_BYTES = 1024 * 1024;
/** A disk with less free space has no reserve. */
const ROOM_BYTES = 16 * RESERVE_BYTES;

/**
 * Deletes the reserve if the disk has less space than it, and creates it if there is room. Never rejects: a
 * start without it is like one on a disk that never had it.
 *
 * @param disk the file layer; default: that of the system
 */
export async function keepReserve(folder: string, disk: Files = systemFiles): Promise<void> {
  const path = join(folder, RESERVE_FILE);
  try {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    if (free < RESERVE_BYTES) return await disk.rm(path, { force: true });
    if (free < ROOM_BYTES || (await disk.stat(path).catch(() => undefined))?.size === RESERVE_BYTES) return;
    // A file system that compresses would give no space for zeros.
    await replaceFile(disk, path, randomBytes(RESERVE_BYTES), { mode: 0o600 });
  } catch {
    // The disk is broken or read-only: its users report it.
  }
}
