/**
 * Times of blocks in a Matroska file as the evidence has them: the file has presentation times only, rounded
 * to its units.
 * In: times of samples, or their text in a piece. Out: the text, or the times; units of the file. Pure.
 * docs/5-record/evidence.md, "Matroska".
 */
import { parseBase64 } from '../base64.ts';
import { movieTimescale } from '../isobmff/movie/movie.ts';
import { unitsPerSecond } from '../matroska/cluster.ts';
import { rescale } from '../rescale.ts';
import type { EvidencePiece } from './bundle.ts';

/** Bytes of the times of a sample. */
const TIME_BYTES = 8;

/** Times of a sample, ticks. */
interface SampleTimes {
  /** Decode time after that of the first sample of the segment. */
  readonly afterFirst: number;
  /** pts − dts. */
  readonly composition: number;
}

/** Length of `printTimes` in base64, characters. */
export function timesLength(samples: number): number {
  return Math.ceil((samples * TIME_BYTES) / 3) * 4;
}

/** The times of all samples of a segment. @param samples in decode order */
export function printTimes(samples: readonly { readonly dts: number; readonly pts: number }[]): Uint8Array {
  const bytes = new Uint8Array(samples.length * TIME_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, { dts, pts }] of samples.entries()) {
    view.setUint32(i * TIME_BYTES, dts - samples[0]!.dts);
    view.setUint32(i * TIME_BYTES + 4, pts - dts);
  }
  return bytes;
}

/** Reads `printTimes` in base64; undefined for another text. */
export function parseTimes(text: string): readonly SampleTimes[] | undefined {
  const bytes = parseBase64(text);
  if (!bytes || bytes.length % TIME_BYTES !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / TIME_BYTES }, (_, i) => {
    return { afterFirst: view.getUint32(i * TIME_BYTES), composition: view.getUint32(i * TIME_BYTES + 4) };
  });
}

/**
 * When a sample of a piece is presented in the file, units.
 *
 * @param segment decode time of the first sample of its segment as recorded, ticks, and their number per
 *   second
 * @param afterTicks its presentation time after that, ticks
 */
export function unitsOf(
  { at = 0, wait = 0, scale }: EvidencePiece,
  { tfdt, timescale }: { readonly tfdt: number; readonly timescale: number },
  afterTicks: number,
): number {
  const start = (wait * unitsPerSecond) / movieTimescale;
  const isSame = scale === undefined || scale === timescale;
  const after = isSame ? afterTicks : rescale(tfdt + afterTicks, timescale, scale) - rescale(tfdt, timescale, scale);
  return Math.max(0, Math.round(start + ((at + after) * unitsPerSecond) / (scale ?? timescale)));
}
