/**
 * Reads head, tracks and groups of a chunk file: from its seal box in one read, or from the commit boxes of
 * an open file.
 * In: a location. Out: a scan. Read-only. docs/media.md 21 and 22.
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import type { Track } from '@oxbow/media/frame';
import { fourccAt, u32At } from '@oxbow/media/isobmff/box';
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
} from '@oxbow/media/isobmff/commit-box';
import { chunkMoovOffset, parseInit } from '@oxbow/media/isobmff/init';
import { placeholderOffset } from './chunk-file.ts';
import type { Abortable, SegmentLocation, SegmentStore } from './segment-store.ts';

const START_BYTES = 16 * 1024;
const MAX_START_BYTES = 1024 * 1024;
const TAIL_BYTES = 8 * 1024;
const MAX_SEAL_BYTES = 64 * 1024 * 1024;
const WINDOW_BYTES = 256 * 1024;

/** A commit box and the bytes it was read from. */
export interface LocatedBox extends CommitBox {
  readonly bytes: Uint8Array;
}

/** Result of a scan. */
export interface ScannedChunk {
  readonly location: SegmentLocation;
  /** `open`: not sealed, or sealing was interrupted; `recoverChunk` seals it. */
  readonly state: 'sealed' | 'open';
  /** Bytes of the file. */
  readonly length: number;
  readonly head: ChunkHead;
  readonly tracks: readonly Track[];
  /** Oldest first. */
  readonly groups: readonly CommittedGroup[];
}

/** A scan with the details that recovery needs. */
export interface ChunkLayout extends ScannedChunk {
  readonly boxes: readonly LocatedBox[];
  /** Type of the box at offset 32. */
  readonly placeholder: string;
  /** Offset of the first group that was written. */
  readonly headEnd: number;
}

/** The object to scan. */
interface Scanned {
  readonly length: number;
  /** Reads bytes, fewer at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * Reads a chunk file without changing it.
 *
 * @throws FormatError if it does not start as a chunk file of oxbow; what `read` of the store throws
 */
export async function scanChunk(
  store: Pick<SegmentStore, 'read' | 'size'>,
  location: SegmentLocation,
  options: Abortable = {},
): Promise<ChunkLayout> {
  const file: Scanned = {
    length: await store.size(location, options),
    read: (offset, length) => store.read(location, { offset, length }, options),
  };
  const start = await readStart(file);
  const sealed = await readSeal(file);
  const boxes = sealed ?? (await findBoxes(file, start.end));
  return {
    location,
    state: sealed && start.placeholder === 'mdat' ? 'sealed' : 'open',
    length: file.length,
    head: start.head,
    tracks: start.tracks,
    groups: boxes.map(({ group }) => group),
    boxes,
    placeholder: start.placeholder,
    headEnd: start.end,
  };
}

async function readStart(file: Scanned) {
  const { length } = file;
  let bytes = await file.read(0, Math.min(length, START_BYTES));
  const moovSize = bytes.length >= chunkMoovOffset + 8 ? u32At(bytes, chunkMoovOffset) : 0;
  if (moovSize < 8 || fourccAt(bytes, chunkMoovOffset + 4) !== 'moov') throw new FormatError('not a chunk file', 0);
  const headAt = chunkMoovOffset + moovSize;
  if (headAt + 4 > length || headAt > MAX_START_BYTES)
    throw new FormatError('the first moov is truncated', chunkMoovOffset);
  if (headAt + 4096 > bytes.length) bytes = await file.read(0, Math.min(length, headAt + 4096));
  const head = parseHeadBox(bytes, headAt, crc32);
  const tracks = parseInit(bytes.subarray(chunkMoovOffset, headAt));
  return { head, tracks, placeholder: fourccAt(bytes, placeholderOffset + 4), end: headAt + u32At(bytes, headAt) };
}

/** All commit boxes from the seal box; undefined if the file does not end with an intact one. */
async function readSeal(file: Scanned): Promise<LocatedBox[] | undefined> {
  const { length } = file;
  let tail = await file.read(Math.max(0, length - TAIL_BYTES), Math.min(length, TAIL_BYTES));
  const size = sizeFromTrailer(tail);
  if (size === undefined || size > length || size > MAX_SEAL_BYTES) return undefined;
  if (size > tail.length) tail = await file.read(length - size, size);
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

/** The value, or undefined if the bytes are malformed: expected in a torn file. */
function ifWellFormed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/**
 * The commit boxes of a file without a seal box, oldest first: finds the last one by searching backwards, the
 * others through the chain of `prev`; searches again where the chain is broken.
 */
async function findBoxes(file: Scanned, from: number): Promise<LocatedBox[]> {
  const boxes: LocatedBox[] = [];
  let box = await searchBackwards(file, from, file.length);
  while (box) {
    boxes.push(box);
    const { prev, self } = box;
    if (prev === 0) break;
    box = prev < self ? await readBox(file, prev) : undefined;
    box ??= await searchBackwards(file, from, self);
  }
  return boxes.reverse();
}

/** The commit box at an offset; undefined unless it is intact and contains this offset as its own. */
async function readBox(file: Scanned, at: number): Promise<LocatedBox | undefined> {
  const start = await file.read(at, 512);
  const size = start.length >= 4 ? u32At(start, 0) : 0;
  if (size > maxCommitBoxBytes || size === 0) return undefined;
  const bytes = size <= start.length ? start.subarray(0, size) : await file.read(at, size);
  const box = ifWellFormed(() => parseCommitBox(bytes, 0, crc32));
  return box?.self === at ? { ...box, bytes } : undefined;
}

/** The last intact commit box that begins in [from, to). */
async function searchBackwards(file: Scanned, from: number, to: number): Promise<LocatedBox | undefined> {
  const overlap = commitUserType.length - 1;
  for (let end = to; end > from; ) {
    const start = Math.max(from, end - WINDOW_BYTES);
    const read = await file.read(start, end - start + 8 + overlap);
    const window = Buffer.from(read.buffer, read.byteOffset, read.length);
    // The user type is 8 bytes into its box.
    for (let hit = window.lastIndexOf(commitUserType); hit >= 8; hit = window.lastIndexOf(commitUserType, hit - 1)) {
      const at = start + hit - 8;
      const box = at < end ? await readBox(file, at) : undefined;
      if (box) return box;
    }
    end = start;
  }
  return undefined;
}
