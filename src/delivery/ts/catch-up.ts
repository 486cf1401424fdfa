/**
 * Answers catch-up of IPTV players on the MPEG-TS rendition: the past from an instant as one playlist, which
 * ends where the programme ends, or grows until then.
 * In: the forms of api/ts-address.ts, and queries. Out: Reply. docs/4-watch/iptv.md.
 */

import { FormatError } from '@oxbow/media/errors';
import { printMultivariantPlaylist } from '@oxbow/media/m3u8/print';
import { catchUpStart } from '../../api/ts-address.ts';
import { parseDuration } from '../../lib/duration.ts';
import { OxbowError } from '../../lib/errors.ts';
import { instantUs, isDuration } from '../address-time.ts';
import { tsMultivariant } from '../format/hls-multivariant.ts';
import { openWindow, type Range } from '../past/past.ts';
import type { Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { caching, playlistReply } from '../text-reply.ts';
import { tsWindowReply } from './ts-window.ts';

/** Catch-up without an end, µs: 300 minutes. */
const OPEN_CATCH_UP_US = 300 * 60 * 1_000_000;
/**
 * A programme that ends less than this from now counts as complete, µs: players request a programme that is
 * on until their own now, and many of them start at the live edge of a playlist that is not complete.
 */
const NOW_US = 60 * 1_000_000;

/** The request of a player. */
export interface CatchUp {
  /** µs since 1970. */
  readonly fromUs: number;
  /** `now`: until the request. Undefined: the player names no end. */
  readonly toUs: number | 'now' | undefined;
}

/**
 * The catch-up that the query of `index.m3u8` requests: `utc` or `start`; and `duration`, or `utcend` or
 * `end`. An end that is a placeholder which the player did not replace is none. A player that only adds its
 * own now (`lutc`) expects a list that ends: Kodi plays it so, and requests the next one itself. The time of
 * its clock is not used.
 *
 * @returns undefined: the live stream is requested
 * @throws OxbowError `bad-time`, `bad-duration`
 */
export function catchUpIn(query: URLSearchParams): CatchUp | undefined {
  const start = catchUpStart(query);
  if (start === null) return undefined;
  const fromUs = instantUs(start);
  const readParameter = (name: string) => {
    const text = query.get(name) ?? '';
    return text === '' || text.includes('{') ? undefined : text;
  };
  const duration = readParameter('duration');
  if (duration !== undefined) return { fromUs, toUs: fromUs + durationUs(duration) };
  const end = readParameter('utcend') ?? readParameter('end');
  if (end !== undefined) return { fromUs, toUs: instantUs(end) };
  return { fromUs, toUs: query.has('lutc') ? 'now' : undefined };
}

function durationUs(text: string): number {
  try {
    if (!isDuration(text)) throw new FormatError('not a duration', 0);
    return parseDuration(text) * 1000;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const shown = text.slice(0, 64).replaceAll(/[^\x20-\x7e]/g, '?');
    throw new OxbowError('bad-duration', `"${shown}" is not a duration. Write seconds as a plain number.`, {
      cause: error,
    });
  }
}

/**
 * Answers the playlist of a catch-up.
 *
 * @param nowUs µs since 1970
 * @throws OxbowError as `openWindow`; `unsupported-media`
 */
export async function answerCatchUp(stream: ServedStream, request: CatchUp, nowUs: number): Promise<Reply> {
  const range = rangeOf(request, nowUs);
  const window = await openWindow(stream, { range });
  const isOver = request.toUs !== undefined && range.toUs <= nowUs + NOW_US;
  return tsWindowReply(isOver ? { ...window, ended: true } : window, range, '', stream.contentKeys);
}

/**
 * Answers the past from this many seconds ago until now. Each client reloads its address, which means another
 * instant then: so this is a Multivariant Playlist, whose only variant names the instant.
 *
 * @param nowUs µs since 1970
 * @throws OxbowError as `openWindow`
 */
export async function answerDelayed(stream: ServedStream, delayS: number, nowUs: number): Promise<Reply> {
  const fromS = Math.max(0, Math.floor(nowUs / 1e6) - delayS);
  const lengthS = Math.min(delayS, OPEN_CATCH_UP_US / 1e6);
  const window = await openWindow(stream, { range: { fromUs: fromS * 1e6, toUs: (fromS + lengthS) * 1e6 } });
  const list = tsMultivariant(window, `index-${fromS}-${lengthS}.m3u8`);
  return playlistReply(printMultivariantPlaylist(list), caching.none);
}

function rangeOf({ fromUs, toUs }: CatchUp, nowUs: number): Range {
  const longest = fromUs + OPEN_CATCH_UP_US;
  // From now on there is nothing yet: refused as such.
  if (toUs === 'now') return { fromUs, toUs: fromUs < nowUs ? Math.min(longest, nowUs) : longest };
  return { fromUs, toUs: toUs ?? longest };
}
