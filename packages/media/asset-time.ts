/**
 * The clock of an asset's media, the same in all of its renditions.
 * In: times of the original. Out: `tfdt` and pts of segments. Pure. docs/decisions/0030.
 *
 * An asset begins at 0 µs. Decode times of pictures in decode order, and of sound that only primes a decoder,
 * are earlier than that, and `tfdt` cannot be negative (ISO 14496-12 8.8.12): the media clock shows a little
 * more than 0 when the asset begins.
 */
import { type Run, ticksToUs, usToTicks } from './run.ts';

/** The media clock at the start of an asset that an earlier version imported, µs. */
export const earlierClockStartUs = 10_000_000;
/**
 * At least this much for all others, µs: sound that primes the decoders of the original and of encoded sound.
 */
const LEAST_US = 200_000;

/**
 * The media clock at the start of an asset, µs: whole ticks of its reference track, so that cuts at its
 * frames are exact.
 *
 * @param neededUs how much earlier decode times are
 * @param timescale of the reference track
 */
export function clockStartFor(neededUs: number, timescale: number): number {
  const us = Math.min(earlierClockStartUs, Math.max(LEAST_US, neededUs));
  return ticksToUs(Math.ceil((us * timescale) / 1_000_000), timescale);
}

/** The only run of an asset: asset time = `utcOffsetUs` + pts. */
export function assetRun(clockStartUs: number): Run {
  return { id: 0, utcOffsetUs: 0 - clockStartUs, clock: 'source' };
}

/**
 * The media clock at a time of the asset, ticks to the nearest.
 *
 * @param us since the start of the asset
 */
export function assetTicks(us: number, timescale: number, clockStartUs: number): number {
  return usToTicks(us + clockStartUs, timescale);
}
