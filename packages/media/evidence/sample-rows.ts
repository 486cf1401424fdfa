/**
 * What is hashed of a segment: one row for each sample of a track, with its times, its size and the SHA-256
 * of its bytes. It does not depend on boxes, so a file that was made of the segment has the same rows.
 * In: samples. Out: rows and their digest. Pure. docs/5-record/evidence.md, "Digest of a segment".
 */

/** SHA-256 of bytes: 32 bytes, at once or later. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

export const ROW_BYTES = 48;

/** A sample without its bytes. */
export interface RowSample {
  /** Decode time, ticks; the row has the difference from the first sample of the segment. */
  readonly dts: number;
  /** Presentation time, ticks. */
  readonly pts: number;
  readonly key: boolean;
  /** Bytes. */
  readonly length: number;
}

/** A row as it was read. */
export interface SampleRow {
  /** Decode time after that of the first sample, ticks. */
  readonly afterFirst: number;
  /** pts − dts, ticks. */
  readonly composition: number;
  readonly key: boolean;
  /** Bytes. */
  readonly length: number;
  /** SHA-256 of the bytes of the sample. */
  readonly hash: Uint8Array;
}

/**
 * Writes the row of a sample: four numbers of 32 bits, big-endian, and the hash.
 *
 * @param at offset in `target`
 * @param firstDts decode time of the first sample of the segment
 */
export function printRow(target: DataView, at: number, sample: RowSample, firstDts: number): void {
  target.setUint32(at, sample.dts - firstDts);
  target.setUint32(at + 4, sample.pts - sample.dts);
  target.setUint32(at + 8, sample.length);
  target.setUint32(at + 12, sample.key ? 1 : 0);
}

/**
 * The rows of a whole segment.
 *
 * @param samples in decode order
 * @param bytesOf the bytes of the sample with an index
 */
export async function printRows(
  samples: readonly RowSample[],
  bytesOf: (index: number) => Uint8Array | Promise<Uint8Array>,
  sha256: Sha256,
): Promise<Uint8Array> {
  const rows = new Uint8Array(samples.length * ROW_BYTES);
  const view = new DataView(rows.buffer);
  for (const [i, sample] of samples.entries()) {
    printRow(view, i * ROW_BYTES, sample, samples[0]!.dts);
    rows.set(await sha256(await bytesOf(i)), i * ROW_BYTES + 16);
  }
  return rows;
}

/** Reads rows. @returns undefined if there is no whole number of rows */
export function parseRows(rows: Uint8Array): SampleRow[] | undefined {
  if (rows.length % ROW_BYTES !== 0) return undefined;
  const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
  return Array.from({ length: rows.length / ROW_BYTES }, (_, i) => {
    const at = i * ROW_BYTES;
    return {
      afterFirst: view.getUint32(at),
      composition: view.getUint32(at + 4),
      length: view.getUint32(at + 8),
      key: view.getUint32(at + 12) === 1,
      hash: rows.subarray(at + 16, at + ROW_BYTES),
    };
  });
}
