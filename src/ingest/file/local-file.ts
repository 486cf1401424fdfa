/**
 * Reads a file of another program.
 * In: a path. Out: ranges of it; the instant in the header of an MP4 file. ISO/IEC 14496-12, 8.2.2.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { FormatError } from '@oxbow/media/errors';
import { findBox, readBoxes, readBoxHead, u32At } from '@oxbow/media/isobmff/box';
import type { FileBytes } from '../mp4/file-bytes.ts';

/** Seconds from 1904-01-01, from which MP4 counts, to 1970-01-01. */
const MP4_EPOCH_S = 2_082_844_800;
/** Of a moov that is searched for a time. */
const MAX_MOOV_BYTES = 64 * 1024 * 1024;

/** An open file. */
export interface LocalFile extends FileBytes {
  readonly length: number;
}

/** Opens a file for reading. Rejects with the system's error. */
export async function openLocalFile(path: string): Promise<LocalFile> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    return fileOf(handle, size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function fileOf(handle: FileHandle, length: number): LocalFile {
  return {
    length,
    ranged: true,
    async read(at, count, { signal }) {
      signal.throwIfAborted();
      const bytes = new Uint8Array(Math.max(0, Math.min(count, length - at)));
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, at + filled);
        if (bytesRead === 0) break; // it has become shorter
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** `creation_time` of an MP4 file, µs since 1970; undefined if it has none, or is not MP4. */
export async function readCreationUs(path: string): Promise<number | undefined> {
  await using file = await openLocalFile(path);
  const { signal } = new AbortController();
  try {
    for (let at = 0; at < file.length; ) {
      const head = readBoxHead(await file.read(at, 16, { signal }), 0);
      if (!head || head.size < 8) return undefined;
      if (head.type === 'moov') return creationOf(await file.read(at, Math.min(head.size, MAX_MOOV_BYTES), { signal }));
      at += head.size;
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  return undefined;
}

function creationOf(moov: Uint8Array): number | undefined {
  const { headLength } = readBoxHead(moov, 0)!;
  const mvhd = findBox(readBoxes(moov, headLength), 'mvhd');
  if (!mvhd) return undefined;
  const isLong = moov[mvhd.body] === 1;
  const high = isLong ? u32At(moov, mvhd.body + 4) : 0;
  const seconds = high * 2 ** 32 + u32At(moov, mvhd.body + (isLong ? 8 : 4)) - MP4_EPOCH_S;
  return seconds > 0 ? seconds * 1_000_000 : undefined;
}
