/**
 * The clock of an asset's media, the same in all of its renditions.
 * In: times of the original. Out: `tfdt` and pts of segments. Pure. docs/decisions/0030.
 *
 * An asset begins at 0 µs. Decode times of pictures in decode order, and of sound that only primes a decoder, are earlier than
 * that, and `tfdt` cannot be negative (ISO 14496-12 8.8.12): the media clock shows ten seconds when the asset begins.
 */
import { type Run, usToTicks } from './run.ts';

/** The media clock at the start of an asset, µs. Whole seconds are exact in every timescale. */
export const assetClockStartUs = 10_000_000;

/** The only run of an asset: asset time = `utcOffsetUs` + pts. */
export const assetRun: Run = { id: 0, utcOffsetUs: 0 - assetClockStartUs, clock: 'source' };

/**
 * The media clock at a time of the asset, ticks to the nearest.
 *
 * @param us since the start of the asset; at least -10 s
 */
export function assetTicks(us: number, timescale: number): number {
  return usToTicks(us + assetClockStartUs, timescale);
}
