/**
 * Packs rows into one message between threads: by column, all blobs in one buffer. Unpacked, a day of the
 * index is 1,440 objects with as many buffers, and sending it costs more than reading it.
 * In: rows of SQLite. Out: a message, and the same rows in the other thread. Pure.
 */

/** Rows by column. */
export interface PackedRows {
  readonly count: number;
  readonly columns: readonly PackedColumn[];
  /** The blobs of all columns, concatenated by column. */
  readonly blobs: Uint8Array;
}

interface PackedColumn {
  readonly name: string;
  /** Values by row, or lengths of blobs by row; -1 for null. */
  readonly values: readonly unknown[] | { readonly lengths: Int32Array };
}

/** Fewer rows are sent unpacked. */
const MANY = 32;

/** Whether there are enough rows to pack. */
export function isWorthPacking(rows: readonly Record<string, unknown>[]): boolean {
  return rows.length >= MANY;
}

/**
 * Packs rows that all have the columns of the first.
 *
 * @param rows at least one; their blobs are copied
 */
export function packRows(rows: readonly Record<string, unknown>[]): PackedRows {
  const pieces: Uint8Array[] = [];
  const columns = Object.keys(rows[0]!).map((name): PackedColumn => {
    const values = rows.map((row) => row[name]);
    if (!values.every(isBlobOrNull) || values.every((value) => value === null)) return { name, values };
    const lengths = Int32Array.from(values, (value) => (value === null ? -1 : value.length));
    for (const value of values) if (value) pieces.push(value);
    return { name, values: { lengths } };
  });
  const blobs = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    blobs.set(piece, at);
    at += piece.length;
  }
  return { count: rows.length, columns, blobs };
}

function isBlobOrNull(value: unknown): value is Uint8Array | null {
  return value === null || value instanceof Uint8Array;
}

/** Unpacks rows. Their blobs are views of one buffer: copy a blob to keep it. */
export function unpackRows({ count, columns, blobs }: PackedRows): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = Array.from({ length: count }, () => ({}));
  let at = 0;
  for (const { name, values } of columns) {
    for (let i = 0; i < count; i++) {
      if (!('lengths' in values)) {
        rows[i]![name] = values[i];
        continue;
      }
      const length = values.lengths[i]!;
      rows[i]![name] = length < 0 ? null : blobs.subarray(at, at + length);
      at += Math.max(0, length);
    }
  }
  return rows;
}
