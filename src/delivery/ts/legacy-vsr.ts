/**
 * Compatibility with the addresses of video-stream-recorder (VSR), on the MPEG-TS rendition of the default
 * stream: the last five segments, windows by start and minutes, catch-up by `?utc=`.
 * In: address and query. Out: Reply. Playlists name segments by their permanent address,
 * /live/{stream}/ts/{msn}.ts. docs/4-watch/ts-and-vsr.md.
 */

import { printMediaPlaylist } from '@oxbow/media/m3u8/print';
import { TS } from '@oxbow/media/rendition-set';
import type { VsrWindow } from '../../api/media-address.ts';
import type { Clock } from '../../lib/clock.ts';
import type { LiveSegment, LiveWindowView } from '../../packager/live-segment.ts';
import { instantUs } from '../address-time.ts';
import { refuseClear } from '../encryption/access-by-key.ts';
import { hlsMediaPlaylist } from '../format/hls-media.ts';
import { offline, readyView } from '../live/live.ts';
import { livePresentation } from '../live/live-presentation.ts';
import { openWindow, type Range } from '../past/past.ts';
import type { Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { caching } from '../text-reply.ts';
import { legacyDurationUs, legacyInstantUs } from './legacy-vsr-time.ts';
import { renderedOnce } from './ts.ts';
import type { TsSegments } from './ts-segments.ts';
import { tsWindowReply } from './ts-window.ts';

/** Segments of the live playlist. */
const LIVE_SEGMENTS = 5;
/** Longest catch-up by `?utc=`, µs: 300 minutes. */
const CATCH_UP_US = 300 * 60 * 1_000_000;
/** An ended playlist is served for four target durations and this, ms; after that the stream is offline. */
const ENDED_FOR_MS = 60_000;

/**
 * The last five segments; with `?utc=` the 300 minutes from that time.
 *
 * @throws OxbowError `stream-offline`, and those of `openWindow`
 */
export function answerLegacyLive(
  stream: ServedStream,
  query: URLSearchParams,
  clock: Clock,
  options: { signal: AbortSignal },
): Promise<Reply> {
  const utc = query.get('utc');
  if (utc === null) return answerLast(stream, clock, options);
  const fromUs = instantUs(utc);
  return answerWindow(stream, { fromUs, toUs: fromUs + CATCH_UP_US }, `${stream.name}/ts/`);
}

/**
 * A window by start and minutes, on the wall clock of `?tz=`.
 *
 * @throws OxbowError as `openWindow`
 */
export async function answerLegacyWindow(
  stream: ServedStream,
  { start, length }: VsrWindow,
  query: URLSearchParams,
): Promise<Reply> {
  const fromUs = legacyInstantUs(start, query.get('tz'));
  const range = { fromUs, toUs: fromUs + legacyDurationUs(length) };
  return answerWindow(stream, range, `../../../live/${stream.name}/ts/`);
}

/** The last five segments as a live playlist; more if they are shorter than three target durations. */
async function answerLast(stream: ServedStream, clock: Clock, options: { signal: AbortSignal }): Promise<Reply> {
  const view = await readyView(stream, options);
  const sealed = view.segments.filter((segment) => segment.sealed);
  if (view.ended && endOf(sealed) / 1000 + 4000 * view.generation.targetDurationS + ENDED_FOR_MS < clock.nowMs()) {
    throw offline(stream);
  }
  const last: LiveWindowView = { ...view, segments: lastOf(sealed, view) };
  return renderedOnce(stream, 'vsr', last, () => {
    const folderOf = (id: string) => `${stream.name}/${id}/`;
    const protectionOf = stream.contentKeys?.protectionIn(`${stream.name}/`);
    return printMediaPlaylist(hlsMediaPlaylist(livePresentation(last), TS, { folderOf, protectionOf }));
  });
}

/** A playlist must not be shorter than three target durations (RFC 8216bis 6.2.2), nor than the hold back. */
function lastOf(sealed: readonly LiveSegment[], { generation }: LiveWindowView): readonly LiveSegment[] {
  const leastUs = Math.max(3 * generation.targetDurationS, generation.holdBackS) * 1_000_000;
  let from = sealed.length;
  for (let us = 0; from > 0 && (us < leastUs || sealed.length - from < LIVE_SEGMENTS); ) {
    us += sealed[--from]!.sealed!.durationUs;
  }
  return sealed.slice(from);
}

function endOf(sealed: readonly LiveSegment[]): number {
  const last = sealed.at(-1);
  return last ? last.startUs + last.sealed!.durationUs : 0;
}

/** @param folder of the segments, relative to the playlist */
async function answerWindow(stream: ServedStream, range: Range, folder: string): Promise<Reply> {
  return tsWindowReply(await openWindow(stream, { range }), range, folder, stream.contentKeys);
}

/**
 * A segment by an address without a stream. Caches must not keep it long: another stream may become the
 * default.
 */
export async function answerLegacySegment(stream: ServedStream, msn: number, segments: TsSegments): Promise<Reply> {
  refuseClear(stream.contentKeys);
  return { ...(await segments.answer(stream, msn)), cacheControl: caching.past };
}
