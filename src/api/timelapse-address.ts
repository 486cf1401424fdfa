/**
 * The addresses of time-lapses, below /timelapse/: a part of the media addresses.
 * In: paths. Out: addresses, and back. Pure.
 */
import { digitsAt } from '../lib/whole-number.ts';
import { isStreamName } from './stream/stream-name.ts';
import { isTime } from './thumb-address.ts';

/** A range of a recording as a short film; `to` may be a duration. */
export interface TimelapseAddress {
  readonly kind: 'timelapse';
  readonly stream: string;
  readonly from: string;
  readonly to: string;
  /** Duration of the film. */
  readonly seconds: number;
}

/** What their paths begin with. */
export const TIMELAPSE = '/timelapse/';
const SECONDS_DIGITS = 3;

/**
 * Parses a path.
 *
 * @param path begins with `TIMELAPSE`, percent-encoded
 * @returns undefined for what names nothing there
 */
export function parseTimelapseAddress(path: string): TimelapseAddress | undefined {
  const [stream = '', from = '', to = '', file = '', ...more] = path.slice(TIMELAPSE.length).split('/');
  const seconds = file.endsWith('.mp4') ? digitsAt(file, 0, file.length - 4, SECONDS_DIGITS) : -1;
  if (seconds < 0 || !isStreamName(stream) || !isTime(from) || !isTime(to) || more.length > 0) return undefined;
  return { kind: 'timelapse', stream, from, to, seconds };
}

/** Prints the path of an address. */
export function printTimelapseAddress({ stream, from, to, seconds }: TimelapseAddress): string {
  return `${TIMELAPSE}${stream}/${from}/${to}/${seconds}.mp4`;
}
