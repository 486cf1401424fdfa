/**
 * Times that a person types into an address of media: `/clip/door/-10m/now.mp4`, `/thumb/door/14:05.jpg`.
 * In: an address, the time now. Out: the same address with instants, to which the client is sent: what an
 * instant names never changes, so it may be cached.
 */
import { parseInstant } from '../api/instant.ts';
import type { MediaAddress } from '../api/media-address.ts';
import { readMoment } from '../api/moment.ts';
import { isDuration } from './address-time.ts';

/**
 * The address with instants, in milliseconds.
 *
 * @param nowMs ms since 1970; a time without a day is the last one before it, in the zone of this server
 * @returns undefined where no time of the address is a typed one
 */
export function withInstants(address: MediaAddress, nowMs: number): MediaAddress | undefined {
  switch (address.kind) {
    case 'window-index':
    case 'window-manifest':
    case 'window-playlist':
    case 'captions':
    case 'clip':
    case 'timelapse':
    case 'storyboard': {
      const [from, to] = [typedMs(address.from, nowMs), typedMs(address.to, nowMs)];
      if (from === undefined && to === undefined) return undefined;
      return { ...address, from: from ?? address.from, to: to ?? address.to };
    }
    case 'still':
    case 'small-still': {
      const at = typedMs(address.at, nowMs);
      return at === undefined ? undefined : { ...address, at };
    }
    default:
      return undefined;
  }
}

/** The milliseconds of a typed time as text; undefined for instants, durations, and what names no time. */
function typedMs(text: string, nowMs: number): string | undefined {
  const isPlain = /^\d+$/.test(text);
  if (isPlain || isDuration(text)) return undefined;
  try {
    const decoded = decodeURIComponent(text);
    const ms = isInstant(decoded) ? null : readMoment(decoded, nowMs);
    return ms === null ? undefined : String(Math.max(0, Math.round(ms))).padStart(13, '0');
  } catch {
    return undefined; // malformed percent-encoding: refused where the address is answered
  }
}

function isInstant(text: string): boolean {
  try {
    parseInstant(text);
    return true;
  } catch {
    return false;
  }
}
