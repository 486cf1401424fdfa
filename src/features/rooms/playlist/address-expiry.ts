/**
 * How long the playback tokens in the addresses of a playlist are valid: so short that they end soon after
 * someone is sent out, and renewed before they end for those who are in the room.
 * In: the time. Out: an expiry, the same for everyone during one period. Pure.
 */

/** Everyone gets the same address in a period, ms. A token is valid for one to two of them. */
const PERIOD_MS = 5 * 60_000;

/** Addresses are sent again after this time, ms: before the first token of a period ends. */
export const ADDRESSES_EACH_MS = 2 * 60_000;

/** When the token of an address ends that is sent now, unix ms. */
export function addressExpiry(nowMs: number): number {
  return (Math.floor(nowMs / PERIOD_MS) + 2) * PERIOD_MS;
}
