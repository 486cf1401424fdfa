/**
 * Distributes the bits of a rendition over the pieces that are encoded apart, so that all of them have about
 * the same quality and the whole has its bit rate.
 * In: the bits of each piece at constant quality. Out: a bit rate for each piece. Pure. docs/decisions/0034.
 */

/** A piece of a video. */
interface PieceShare {
  readonly durationUs: number;
  /** Size at a constant quality, bytes; undefined if it is not known. */
  readonly bytes: number | undefined;
}

/** A piece gets at least this much of the bit rate of the whole. */
const LEAST = 0.02;

/**
 * The bit rate of each piece, bits per second.
 *
 * @param bitRate of the whole, bits per second
 * @param maxRate of any piece, bits per second; the excess of a piece goes to the others
 */
export function bitShares(pieces: readonly PieceShare[], bitRate: number, maxRate: number): number[] {
  const total = pieces.reduce((sum, { durationUs }) => sum + durationUs, 0);
  const measured = pieces.filter(({ bytes }) => bytes !== undefined);
  const knownUs = measured.reduce((sum, { durationUs }) => sum + durationUs, 0);
  const perUs = knownUs > 0 ? measured.reduce((sum, { bytes }) => sum + bytes!, 0) / knownUs : 1;
  // Bytes per µs of each piece: a piece that was not measured is like the others on average.
  const weights = pieces.map(({ bytes, durationUs }) =>
    Math.max(perUs * LEAST, (bytes ?? perUs * durationUs) / durationUs),
  );
  const rates = pieces.map(() => 0);
  let open = pieces.map((_, i) => i);
  let left = bitRate * total;
  while (open.length > 0) {
    const weight = open.reduce((sum, i) => sum + weights[i]! * pieces[i]!.durationUs, 0);
    const full = open.filter((i) => (left * weights[i]!) / weight >= maxRate);
    const indexes = full.length > 0 ? full : open;
    for (const i of indexes) rates[i] = full.length > 0 ? maxRate : (left * weights[i]!) / weight;
    left -= indexes.reduce((sum, i) => sum + rates[i]! * pieces[i]!.durationUs, 0);
    open = open.filter((i) => !indexes.includes(i));
  }
  return rates.map((rate) => Math.round(rate));
}
