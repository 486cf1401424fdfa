/**
 * Numbers of chunks and the bytes that they cover.
 * In: length of a file, bytes of a chunk. Out: positions, ranges of numbers. Pure.
 */
import { OxbowError } from '../../lib/errors.ts';

/** Bytes of a chunk: least, default and most. */
const chunkSizes = { min: 64 * 1024, usual: 1024 * 1024, max: 8 * 1024 * 1024 } as const;
/** Most chunks of an upload. */
const MAX_CHUNKS = 10_000;

/** The layout of an upload in chunks. */
interface ChunkLayout {
  readonly length: number;
  /** Of each chunk but the last. */
  readonly chunkBytes: number;
}

/**
 * Chooses the bytes of a chunk.
 *
 * @param wanted what the client requests; undefined: 1 MiB, or more where that is needed
 * @throws OxbowError `bad-request`, `upload-too-large`
 */
export function chunkBytesFor(length: number, wanted: number | undefined): number {
  const { min, usual, max } = chunkSizes;
  if (wanted !== undefined && (wanted < min || wanted > max)) {
    throw new OxbowError('bad-request', `A chunk has ${min} to ${max} bytes, not ${wanted}.`);
  }
  const step = 64 * 1024;
  const needed = Math.ceil(length / MAX_CHUNKS / step) * step;
  const chunkBytes = wanted ?? Math.max(usual, needed);
  if (needed <= chunkBytes && chunkBytes <= max) return chunkBytes;
  throw new OxbowError(
    'upload-too-large',
    `${length} bytes are more than ${MAX_CHUNKS} chunks of ${chunkBytes} bytes.`,
    {
      extra: { hint: 'Ask for larger chunks (`chunk_size`), or use tus at /api/v1/uploads.' },
    },
  );
}

/** What other programs send in: whole megabytes, smallest first, then parts of one. */
const USUAL_CHUNKS = [...[1, 2, 4, 5, 8].map((n) => n * 1024 * 1024), 512 * 1024, 256 * 1024, 128 * 1024, 64 * 1024];

/**
 * The bytes of a chunk where a client only says how many chunks there are: the first usual size that gives
 * this number, otherwise equal parts.
 *
 * @throws OxbowError `bad-request` where no allowed size gives it
 */
export function chunkBytesOf(length: number, count: number): number {
  const equal = Math.ceil(length / count);
  const bytes = [...USUAL_CHUNKS, equal].find((size) => Math.ceil(length / size) === count);
  if (bytes !== undefined && bytes >= chunkSizes.min && bytes <= chunkSizes.max) return bytes;
  throw new OxbowError('bad-request', `${length} bytes cannot be sent in ${count} chunks.`, {
    extra: { hint: `A chunk has ${chunkSizes.min} to ${chunkSizes.max} bytes.` },
  });
}

/** Number of chunks. */
export function chunkCount({ length, chunkBytes }: ChunkLayout): number {
  return Math.ceil(length / chunkBytes);
}

/**
 * The bytes of a chunk.
 *
 * @param number from 1
 * @throws OxbowError `bad-request`
 */
export function chunkRange(layout: ChunkLayout, number: number): { readonly offset: number; readonly length: number } {
  const count = chunkCount(layout);
  if (!Number.isInteger(number) || number < 1 || number > count) {
    throw new OxbowError('bad-request', `The upload has the chunks 1 to ${count}, not ${number}.`);
  }
  const offset = (number - 1) * layout.chunkBytes;
  return { offset, length: Math.min(layout.chunkBytes, layout.length - offset) };
}

/** Numbers as ranges, both ends included. */
type NumberRanges = readonly (readonly [first: number, last: number])[];

/**
 * The chunks at these offsets, as ranges of numbers.
 *
 * @param offsets in order
 */
export function numbersOf(offsets: readonly number[], chunkBytes: number): NumberRanges {
  const ranges: [number, number][] = [];
  for (const offset of offsets) {
    const number = offset / chunkBytes + 1;
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

/** The other numbers from 1 to `count`. */
export function missingNumbers(present: NumberRanges, count: number): NumberRanges {
  const missing: [number, number][] = [];
  let next = 1;
  for (const [first, last] of present) {
    if (first > next) missing.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= count) missing.push([next, count]);
  return missing;
}
