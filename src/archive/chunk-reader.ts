/**
 * Reads what a chunk file says of itself: from its seal box in one read, or from the commit boxes of an open tail.
 * In: a path. Out: head, tracks and groups. MEDIA.md, Files 21 and 22. Nothing is written here.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { FormatError } from '../lib/errors.ts';
import type { Track } from '../media/frame.ts';
import { fourccAt, u32At } from '../media/isobmff/box.ts';
import {
  type ChunkHead,
  type CommitBox,
  type CommittedGroup,
  commitUserType,
  maxCommitBoxBytes,
  parseCommitBox,
  parseHeadBox,
  parseSealBox,
  sizeFromTrailer,
} from '../media/isobmff/commit-box.ts';
import { chunkMoovOffset, parseInit } from '../media/isobmff/init.ts';
import { placeholderOffset } from './chunk-file.ts';

const START_BYTES = 16 * 1024;
const MAX_START_BYTES = 1024 * 1024;
const TAIL_BYTES = 8 * 1024;
const MAX_SEAL_BYTES = 64 * 1024 * 1024;
const WINDOW_BYTES = 256 * 1024;

/** A commit box and the bytes it was read from. */
export interface LocatedBox extends CommitBox {
  readonly bytes: Uint8Array;
}

/** What a chunk file says of itself. */
export interface ScannedChunk {
  readonly path: string;
  /** `open`: it was never sealed, or sealing was not finished: `recoverChunk` does that. */
  readonly state: 'sealed' | 'open';
  /** Bytes of the file. */
  readonly length: number;
  readonly head: ChunkHead;
  readonly tracks: readonly Track[];
  /** Oldest first. */
  readonly groups: readonly CommittedGroup[];
}

/** A scan with what recovery needs beside it. */
export interface ChunkLayout extends ScannedChunk {
  readonly boxes: readonly LocatedBox[];
  /** Type of the box at 32. */
  readonly placeholder: string;
}

/**
 * Reads `length` bytes, or fewer at the end of the file.
 *
 * @param offset from the start of the file
 */
export async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/**
 * Reads a chunk file without changing it.
 *
 * Rejects with FormatError if its start is not that of a chunk file of ours, and with the system's error if it cannot be read.
 */
export async function scanChunk(path: string): Promise<ScannedChunk> {
  const file = await open(path, 'r');
  try {
    const { state, length, head, tracks, groups } = await scanFile(file, path);
    return { path, state, length, head, tracks, groups };
  } finally {
    await file.close();
  }
}

/**
 * As `scanChunk`, on an open file.
 *
 * @param path only for the result
 */
export async function scanFile(file: FileHandle, path: string): Promise<ChunkLayout> {
  const { size: length } = await file.stat();
  const start = await readStart(file, length);
  const sealed = await readSeal(file, length);
  const boxes = sealed ?? (await findBoxes(file, start.end, length));
  return {
    path,
    state: sealed && start.placeholder === 'mdat' ? 'sealed' : 'open',
    length,
    head: start.head,
    tracks: start.tracks,
    groups: boxes.map(({ group }) => group),
    boxes,
    placeholder: start.placeholder,
  };
}

async function readStart(file: FileHandle, length: number) {
  let bytes = await readAt(file, 0, Math.min(length, START_BYTES));
  const moovSize = bytes.length >= chunkMoovOffset + 8 ? u32At(bytes, chunkMoovOffset) : 0;
  if (moovSize < 8 || fourccAt(bytes, chunkMoovOffset + 4) !== 'moov')
    throw new FormatError('this is no chunk file', 0);
  const headAt = chunkMoovOffset + moovSize;
  if (headAt + 4 > length || headAt > MAX_START_BYTES)
    throw new FormatError('the first moov does not end', chunkMoovOffset);
  if (headAt + 4096 > bytes.length) bytes = await readAt(file, 0, Math.min(length, headAt + 4096));
  const head = parseHeadBox(bytes, headAt, crc32);
  const tracks = parseInit(bytes.subarray(chunkMoovOffset, headAt));
  return { head, tracks, placeholder: fourccAt(bytes, placeholderOffset + 4), end: headAt + u32At(bytes, headAt) };
}

/** All commit boxes from the seal box, or undefined if the file does not end with a whole one. */
async function readSeal(file: FileHandle, length: number): Promise<LocatedBox[] | undefined> {
  let tail = await readAt(file, Math.max(0, length - TAIL_BYTES), Math.min(length, TAIL_BYTES));
  const size = sizeFromTrailer(tail);
  if (size === undefined || size > length || size > MAX_SEAL_BYTES) return undefined;
  if (size > tail.length) tail = await readAt(file, length - size, size);
  const at = tail.length - size;
  const seal = ifWellFormed(() => parseSealBox(tail, at, crc32));
  if (!seal || seal.self !== length - size) return undefined;
  let from = at + 48;
  return seal.boxes.map((box) => {
    const bytes = tail.subarray(from, from + u32At(tail, from));
    from += bytes.length;
    return { ...box, bytes };
  });
}

/** The value, or undefined where the bytes make no sense: on a torn file that is an answer, not an error. */
function ifWellFormed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/**
 * The commit boxes of a file without a seal box, oldest first: the last one by searching backwards, the others by the chain,
 * and by searching again where the chain is broken.
 */
async function findBoxes(file: FileHandle, from: number, length: number): Promise<LocatedBox[]> {
  const boxes: LocatedBox[] = [];
  let box = await searchBackwards(file, from, length);
  while (box) {
    boxes.push(box);
    const { prev, self } = box;
    if (prev === 0) break;
    box = prev < self ? await readBox(file, prev) : undefined;
    box ??= await searchBackwards(file, from, self);
  }
  return boxes.reverse();
}

/** The commit box at an offset, or undefined if there is none that is whole and knows its own place. */
async function readBox(file: FileHandle, at: number): Promise<LocatedBox | undefined> {
  const start = await readAt(file, at, 512);
  const size = start.length >= 4 ? u32At(start, 0) : 0;
  if (size > maxCommitBoxBytes || size === 0) return undefined;
  const bytes = size <= start.length ? start.subarray(0, size) : await readAt(file, at, size);
  const box = ifWellFormed(() => parseCommitBox(bytes, 0, crc32));
  return box?.self === at ? { ...box, bytes } : undefined;
}

/** The last whole commit box that begins in [from, to). */
async function searchBackwards(file: FileHandle, from: number, to: number): Promise<LocatedBox | undefined> {
  const overlap = commitUserType.length - 1;
  for (let end = to; end > from; ) {
    const start = Math.max(from, end - WINDOW_BYTES);
    const read = await readAt(file, start, end - start + 8 + overlap);
    const window = Buffer.from(read.buffer, read.byteOffset, read.length);
    // The user type stands 8 bytes into its box.
    for (let hit = window.lastIndexOf(commitUserType); hit >= 8; hit = window.lastIndexOf(commitUserType, hit - 1)) {
      const at = start + hit - 8;
      const box = at < end ? await readBox(file, at) : undefined;
      if (box) return box;
    }
    end = start;
  }
  return undefined;
}
