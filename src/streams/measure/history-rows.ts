/**
 * The past of a stream's figures: one row for five seconds, the last hour in memory, packed by ten-minute
 * windows for the database.
 * In: figures of each second. Out: rows by time; packed windows. Pure.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import { WINDOW_US } from '../../recording/window.ts';
import type { LinkSample } from './link-figures.ts';
import { hasLinks, type LinkRow, LinkRows } from './link-rows.ts';

/** Length of a row, seconds. */
export const ROW_S = 5;
const WINDOW_ROWS = WINDOW_US / 1e6 / ROW_S;
/** Windows in memory: an hour and the one that has begun. */
export const KEPT_WINDOWS = 7;
const KEPT_ROWS = KEPT_WINDOWS * WINDOW_ROWS;
/** Version of the packed form. */
const FORM = 1;

/**
 * The columns in the order of the packed form, with how rows are merged. New columns are added at the end:
 * older windows do not have them.
 */
const columns = {
  /** Time that the figures cover, ms. */
  coveredMs: 'sum',
  videoBytes: 'sum',
  videoFrames: 'sum',
  audioBytes: 'sum',
  /** Bytes on the connection. */
  bytesIn: 'sum',
  packets: 'sum',
  lost: 'sum',
  retransmitted: 'sum',
  dropped: 'sum',
  /** Damaged places in the media. */
  damaged: 'sum',
  keyFrameIntervalMs: 'max',
  rttMs: 'max',
  jitterMs: 'max',
  viewers: 'max',
  /** How far audio has moved after the picture since the run began; negative: before. */
  avOffsetMs: 'farthest',
  /** How far the wall clock is ahead of the time of the media since the run began. */
  skewMs: 'farthest',
  /** Difference of small pictures, see storyboard-sampler. */
  pictureChange: 'max',
  /**
   * Of content-check: share of the picture that is dark, percent; largest change of a pixel; level of the
   * sound, dB.
   */
  dark: 'max',
  pixelChange: 'max',
  soundDb: 'max',
} as const satisfies Record<string, 'sum' | 'max' | 'farthest'>;

/** Name of a column. */
export type HistoryColumn = keyof typeof columns;
/** Values to add to a row; NaN or absent: not known. */
type HistoryValues = { readonly [Column in HistoryColumn]?: number | undefined };

/** The columns in the order of a row. */
export const historyColumns = Object.keys(columns) as HistoryColumn[];
const WIDTH = historyColumns.length;
/** Largest unpacked window that is read: a hundred columns. */
const MAX_UNPACKED = WINDOW_ROWS * 100 * 4;

/** Merges a value into a column of a row; NaN is not known. */
export function merge(column: HistoryColumn, before: number, value: number): number {
  if (Number.isNaN(before)) return value;
  if (Number.isNaN(value)) return before;
  if (columns[column] === 'sum') return before + value;
  if (columns[column] === 'max') return Math.max(before, value);
  return Math.abs(value) > Math.abs(before) ? value : before; // from 0
}

/** Rows by time. */
export class HistoryRows {
  readonly #values = new Float32Array(KEPT_ROWS * WIDTH).fill(Number.NaN);
  /** Number of the row in each place, unix seconds / ROW_S; -1: none. */
  readonly #numbers = new Float64Array(KEPT_ROWS).fill(-1);
  /** Windows with changes that were not packed, µs since 1970. */
  readonly #changed = new Set<number>();
  /** Of streams that had a bonded publisher. */
  #links: LinkRows | undefined;

  /**
   * Adds figures to the row of an instant.
   *
   * @param atMs ms since 1970; nothing is added to rows that are older than those in memory
   */
  add(atMs: number, values: HistoryValues): void {
    this.#add(atMs, values, 1);
  }

  /** Adds figures evenly to the time from `fromMs` to `toMs`, ms since 1970. */
  spread(fromMs: number, toMs: number, values: HistoryValues): void {
    const rowMs = ROW_S * 1000;
    for (let startMs = fromMs; startMs < toMs; ) {
      const endMs = Math.min(toMs, Math.floor(startMs / rowMs + 1) * rowMs);
      this.#add(startMs, values, (endMs - startMs) / (toMs - fromMs));
      startMs = endMs;
    }
  }

  /** Adds a second of the links of a bonded publisher that ends at `atMs`, ms since 1970. */
  addLinks(atMs: number, coveredMs: number, links: readonly LinkSample[]): void {
    this.#links ??= new LinkRows(KEPT_WINDOWS);
    this.#links.add(atMs, coveredMs, links);
    this.#changed.add(Math.floor((atMs * 1000) / WINDOW_US) * WINDOW_US);
  }

  /** The rows of links of [fromMs, toMs) that are in memory. */
  linksBetween(fromMs: number, toMs: number): Iterable<LinkRow> {
    return this.#links?.between(fromMs, toMs) ?? [];
  }

  /** @param share of the sums that belong to the row, 0 to 1 */
  #add(atMs: number, values: HistoryValues, share: number): void {
    const number = Math.floor(atMs / 1000 / ROW_S);
    const at = this.#place(number);
    if (at < 0) return;
    for (const [i, name] of historyColumns.entries()) {
      const value = values[name];
      if (value === undefined) continue;
      const part = columns[name] === 'sum' ? value * share : value;
      this.#values[at + i] = merge(name, this.#values[at + i]!, part);
    }
    this.#changed.add(Math.floor(number / WINDOW_ROWS) * WINDOW_US);
  }

  /** Windows with changes since they were packed, µs since 1970. */
  get changed(): readonly number[] {
    return [...this.#changed];
  }

  /** Packs a window that is in memory, and notes that it has no further changes. */
  pack(windowUs: number): Uint8Array {
    this.#changed.delete(windowUs);
    const first = windowUs / 1e6 / ROW_S;
    const table = new Float32Array(WINDOW_ROWS * WIDTH).fill(Number.NaN);
    for (let row = 0; row < WINDOW_ROWS; row++) {
      const from = this.#find(first + row);
      // By column: equal values and NaN are next to each other.
      for (let i = 0; from >= 0 && i < WIDTH; i++) table[i * WINDOW_ROWS + row] = rounded(this.#values[from + i]!);
    }
    const bytes = new Uint8Array(table.buffer);
    const links = this.#links?.pack(windowUs) ?? new Uint8Array(0);
    return Buffer.concat([Uint8Array.of(FORM, WIDTH), deflateRawSync(bytes), links]);
  }

  /**
   * Adds the rows of a packed window.
   *
   * @throws FormatError if it is not a packed window
   */
  unpack(windowUs: number, packed: Uint8Array): void {
    for (const [number, values] of unpackWindow(windowUs, packed)) {
      const at = this.#place(number);
      if (at >= 0) this.#values.set(values, at);
    }
    if (!hasLinks(packed)) return;
    this.#links ??= new LinkRows(KEPT_WINDOWS);
    this.#links.unpack(windowUs, packed);
  }

  /** The rows of [fromMs, toMs) that are in memory, oldest first, with their number. */
  *between(fromMs: number, toMs: number): Generator<readonly [number, Float32Array]> {
    const last = Math.ceil(toMs / 1000 / ROW_S);
    const newest = this.#numbers.reduce((most, number) => Math.max(most, number), -1);
    for (let number = Math.max(Math.floor(fromMs / 1000 / ROW_S), newest - KEPT_ROWS + 1); number < last; number++) {
      if (number > newest) return;
      const at = this.#find(number);
      if (at >= 0) yield [number, this.#values.subarray(at, at + WIDTH)];
    }
  }

  #find(number: number): number {
    const place = number % KEPT_ROWS;
    return this.#numbers[place] === number ? place * WIDTH : -1;
  }

  /** Offset of a row, which is empty if it is new; -1 if a newer one has its place. */
  #place(number: number): number {
    const place = number % KEPT_ROWS;
    const held = this.#numbers[place]!;
    if (held > number) return -1;
    if (held < number) {
      this.#numbers[place] = number;
      this.#values.fill(Number.NaN, place * WIDTH, (place + 1) * WIDTH);
    }
    return place * WIDTH;
  }
}

/** Four digits are enough for a chart, and pack better. */
function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : Number.NaN;
}

/**
 * The rows of a packed window, with their number (unix seconds / ROW_S).
 *
 * @param wanted columns to read; the others are NaN
 * @throws FormatError if it is not a packed window
 */
export function* unpackWindow(
  windowUs: number,
  packed: Uint8Array,
  wanted: readonly HistoryColumn[] = historyColumns,
): Generator<readonly [number, Float32Array]> {
  if (packed[0] !== FORM) throw new FormatError(`figures of form ${packed[0]}, expected ${FORM}`, 0);
  let bytes: Uint8Array;
  try {
    bytes = inflateRawSync(packed.subarray(2), { maxOutputLength: MAX_UNPACKED });
  } catch {
    throw new FormatError('packed figures cannot be read', 2);
  }
  const width = packed[1]!;
  if (bytes.length !== WINDOW_ROWS * width * 4) throw new FormatError('packed figures have another length', 2);
  const table = new Float32Array(new Uint8Array(bytes).buffer); // a copy, because the offset may not be a multiple of 4
  const first = windowUs / 1e6 / ROW_S;
  const read = wanted.map((name) => historyColumns.indexOf(name)).filter((column) => column < width);
  for (let row = 0; row < WINDOW_ROWS; row++) {
    if (Number.isNaN(table[row]!)) continue; // coveredMs: nothing was measured
    const values = new Float32Array(WIDTH).fill(Number.NaN);
    for (const i of read) values[i] = table[i * WINDOW_ROWS + row]!;
    yield [first + row, values];
  }
}
