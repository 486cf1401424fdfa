/**
 * The past of the links of a bonded publisher: one row of each link for five seconds, with the other figures
 * of its stream. Streams without links have none of it.
 * In: samples of each second. Out: rows by time; what is appended to a packed window. Pure.
 *
 * The appended part follows the compressed figures, where readers that do not know it stop.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import { WINDOW_US } from '../../recording/window.ts';
import type { LinkSample } from './link-figures.ts';

/** The columns of a row in the order of the packed form. */
export const linkColumns = ['coveredMs', 'bytes', 'packets', 'lost', 'rttMs'] as const;
export type LinkColumn = (typeof linkColumns)[number];
const WIDTH = linkColumns.length;
const ROW_S = 5;
const WINDOW_ROWS = WINDOW_US / 1e6 / ROW_S;
const MAX_LINKS = 16;
/** A number, then its columns. */
const LINK_VALUES = 1 + WIDTH * WINDOW_ROWS;
/** The end of a packed window with links: the length of the part before it, 32 bits, and this mark. */
const MARK = 'LNK1';
const TAIL_BYTES = 8;

/** Five seconds of a link. */
export interface LinkRow {
  /** Unix seconds / 5. */
  readonly row: number;
  readonly link: number;
  /** By `linkColumns`; NaN is not known. */
  readonly values: Float32Array;
}

/** The rows of the windows in memory. */
export class LinkRows {
  /** Values of each link by window: by column, then by row. */
  readonly #windows = new Map<number, Map<number, Float32Array>>();
  readonly #kept: number;

  /** @param kept windows in memory */
  constructor(kept: number) {
    this.#kept = kept;
  }

  /** Adds a second that ends at `atMs`, ms since 1970. */
  add(atMs: number, coveredMs: number, links: readonly LinkSample[]): void {
    const windowUs = Math.floor((atMs * 1000) / WINDOW_US) * WINDOW_US;
    const row = Math.floor(atMs / 1000 / ROW_S) - windowUs / 1e6 / ROW_S;
    for (const { number, bytes, packets, lost, rttMs } of links) {
      const values = this.#valuesOf(windowUs, number);
      if (!values) continue;
      for (const [column, value] of [coveredMs, bytes, packets, lost].entries()) {
        const at = column * WINDOW_ROWS + row;
        values[at] = (Number.isNaN(values[at]!) ? 0 : values[at]!) + value;
      }
      const at = 4 * WINDOW_ROWS + row;
      if (rttMs !== undefined && !(values[at]! >= rttMs)) values[at] = rttMs;
    }
  }

  /** Adds what an earlier process wrote. @throws FormatError */
  unpack(windowUs: number, packed: Uint8Array): void {
    for (const [link, values] of unpackValues(packed)) this.#valuesOf(windowUs, link)?.set(values);
  }

  /** What is appended to a packed window; empty without links. */
  pack(windowUs: number): Uint8Array {
    const links = this.#windows.get(windowUs);
    if (!links) return new Uint8Array(0);
    const table = new Float32Array(links.size * LINK_VALUES);
    for (const [index, [link, values]] of [...links].entries()) {
      table[index * LINK_VALUES] = link;
      // Four digits are enough for a chart, and pack better.
      const short = values.map((value) => (Number.isFinite(value) ? Number(value.toPrecision(4)) : Number.NaN));
      table.set(short, index * LINK_VALUES + 1);
    }
    const bytes = deflateRawSync(new Uint8Array(table.buffer));
    const tail = Buffer.alloc(TAIL_BYTES);
    tail.writeUInt32LE(bytes.length, 0);
    tail.write(MARK, 4, 'latin1');
    return Buffer.concat([bytes, tail]);
  }

  /** The rows of [fromMs, toMs) in memory. */
  *between(fromMs: number, toMs: number): Generator<LinkRow> {
    for (const [windowUs, links] of this.#windows) {
      if (windowUs / 1000 >= toMs || (windowUs + WINDOW_US) / 1000 <= fromMs) continue;
      for (const [link, values] of links) yield* rowsOf(windowUs, link, values);
    }
  }

  /** Undefined for windows that are older than those in memory, and beyond the bound of links. */
  #valuesOf(windowUs: number, link: number): Float32Array | undefined {
    const newestUs = Math.max(windowUs, ...this.#windows.keys());
    const oldestUs = newestUs - (this.#kept - 1) * WINDOW_US;
    if (windowUs < oldestUs) return undefined;
    let links = this.#windows.get(windowUs);
    if (!links) {
      for (const before of [...this.#windows.keys()]) if (before < oldestUs) this.#windows.delete(before);
      links = new Map();
      this.#windows.set(windowUs, links);
    }
    let values = links.get(link);
    if (!values && links.size < MAX_LINKS) {
      values = new Float32Array(WIDTH * WINDOW_ROWS).fill(Number.NaN);
      links.set(link, values);
    }
    return values;
  }
}

/**
 * The rows of the links of a packed window.
 *
 * @throws FormatError if the appended part is damaged
 */
export function* unpackLinks(windowUs: number, packed: Uint8Array): Generator<LinkRow> {
  for (const [link, values] of unpackValues(packed)) yield* rowsOf(windowUs, link, values);
}

function* rowsOf(windowUs: number, link: number, values: Float32Array): Generator<LinkRow> {
  const first = windowUs / 1e6 / ROW_S;
  for (let row = 0; row < WINDOW_ROWS; row++) {
    if (Number.isNaN(values[row]!)) continue; // coveredMs: nothing was measured
    const own = Float32Array.from(linkColumns, (_, column) => values[column * WINDOW_ROWS + row]!);
    yield { row: first + row, link, values: own };
  }
}

/** Whether a packed window has rows of links. */
export function hasLinks(packed: Uint8Array): boolean {
  const tail = Buffer.from(packed.subarray(-TAIL_BYTES));
  return tail.length === TAIL_BYTES && tail.toString('latin1', 4) === MARK;
}

function* unpackValues(packed: Uint8Array): Generator<readonly [number, Float32Array]> {
  if (!hasLinks(packed)) return;
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  const tailAt = bytes.length - TAIL_BYTES;
  const length = bytes.readUInt32LE(tailAt);
  if (length > tailAt) throw new FormatError('packed links are longer than their window', tailAt);
  let inflated: Uint8Array;
  try {
    const maxOutputLength = MAX_LINKS * LINK_VALUES * 4;
    inflated = inflateRawSync(bytes.subarray(tailAt - length, tailAt), { maxOutputLength });
  } catch {
    throw new FormatError('packed links cannot be read', tailAt - length);
  }
  if (inflated.length % (LINK_VALUES * 4) !== 0) throw new FormatError('packed links have another length', tailAt);
  const table = new Float32Array(new Uint8Array(inflated).buffer); // a copy: the offset may be no multiple of 4
  for (let at = 0; at < table.length; at += LINK_VALUES) {
    const link = table[at]!;
    if (!Number.isInteger(link) || link < 1 || link > 255) throw new FormatError(`packed link ${link}`, tailAt);
    yield [link, table.subarray(at + 1, at + LINK_VALUES)];
  }
}
