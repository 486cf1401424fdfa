/**
 * Answers /vod/{stream}/{from}/{to}/: a window of the recording as HLS playlists and as a DASH manifest.
 * In: a time range. Out: Reply. Players share the URLs of ten-minute windows on the grid (docs/media.md 16).
 */

import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import { printMediaPlaylist, printMultivariantPlaylist } from '@oxbow/media/m3u8/print';
import { assertTsCarries } from '@oxbow/media/mpegts/muxer/muxer-tables';
import { type Rendition, renditionsOf, TS, tsRenditionOf } from '@oxbow/media/rendition-set';
import type { Init } from '@oxbow/media/segment';
import { printRfc3339 } from '../../api/instant.ts';
import { copyGroup } from '../../archive/segment-index.ts';
import type { SegmentRange } from '../../archive/segment-store.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import { latestDateRanges } from '../../recording/date-range-rows.ts';
import { isHealedMsn, liveMsnOf, revisionOf } from '../../recording/healed/healed-numbers.ts';
import { findKeyBefore, type RecordedGroup, startsWithKey, withoutFound } from '../../recording/recording-reader.ts';
import { WINDOW_US, windowOf } from '../../recording/window.ts';
import { contentKeysOf, refuseCommon } from '../encryption/access-by-key.ts';
import type { ContentKeys } from '../encryption/content-keys.ts';
import { manifestProtection, sessionKeysOf } from '../encryption/playlist-keys.ts';
import { dashManifest } from '../format/dash.ts';
import { hlsMediaPlaylist } from '../format/hls-media.ts';
import { hlsMultivariant, withSessionKeys } from '../format/hls-multivariant.ts';
import type { Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { placeOf, rangesOf } from '../stored-segment.ts';
import { caching, contentTypes, playlistReply } from '../text-reply.ts';
import {
  firstOf,
  joins,
  listStored,
  type PastWindow,
  pastPresentation,
  type StoredSegment,
} from './past-presentation.ts';
import { joinQualities } from './past-qualities.ts';

/**
 * Least TARGETDURATION of a window, seconds. It may change neither while the playlist grows nor at its end
 * (RFC 8216bis 6.2.1), but the source may continue with key frames further apart: this covers the default
 * segments of a continuous source, and the six seconds of most HLS sources (Apple 7.5).
 */
const USUAL_TARGET_S = 6;
/** Longer playlists have one date per minute instead of one per segment. */
const DATED_US = 3600 * 1_000_000;
/** Longest window; clients request several instead. */
const MAX_WINDOW_US = 24 * 3600 * 1_000_000;

/** Clients that saw a window grow have loaded it again this long after its end, µs. */
const LAST_RELOAD_US = 60_000_000;

/** What reading a time range needs of a stream. */
type PastStream = Pick<ServedStream, 'name' | 'recording' | 'createdUs' | 'horizonUs' | 'erased'>;

/** A time range, µs since 1970. */
export interface Range {
  readonly fromUs: number;
  readonly toUs: number;
}

/** A request for a window. */
export interface PastRequest {
  readonly range: Range;
  /** The revision in the address, as `revisionOf` counts it: such an address never gets other bytes. */
  readonly revision?: number | undefined;
}

/**
 * The groups of a range: those that start in it if it is a window of the grid, otherwise all that overlap it,
 * from the key frame before its start.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`
 */
function groupsOf(stream: PastStream, range: Range): Promise<Iterable<RecordedGroup>> {
  return isWindow(range) ? startingIn(stream, range) : groupsFromKey(stream, range);
}

/**
 * The segments that overlap a range, from the key frame before its start.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`
 */
export async function segmentsOver(
  stream: PastStream & Pick<ServedStream, 'inits'>,
  range: Range,
): Promise<StoredSegment[]> {
  return listStored({ groups: await groupsFromKey(stream, range), initOf: (number) => stream.inits.get(number) });
}

async function groupsFromKey(stream: PastStream, range: Range): Promise<Iterable<RecordedGroup>> {
  const groups = await look(stream, range);
  const first = firstOf(groups);
  if (!first) return refuseEmpty(stream, range);
  // A quality without media there has none that leads to it.
  const lead = first.tracks.length > 0 ? await leadTo(stream, copyGroup(first)) : [];
  return lead.length > 0 ? joined(lead, groups) : groups;
}

async function startingIn(stream: PastStream, range: Range): Promise<Iterable<RecordedGroup>> {
  const groups = Array.from(await look(stream, range), copyGroup).filter((group) => group.startUs >= range.fromUs);
  return groups.length > 0 ? groups : refuseEmpty(stream, range);
}

/** @throws OxbowError `bad-time`, `window-too-long` */
export function checkRange({ fromUs, toUs }: Range): void {
  checkOrder({ fromUs, toUs });
  if (toUs - fromUs > MAX_WINDOW_US) throw new OxbowError('window-too-long', 'The window is longer than 24 hours.');
}

/** @throws OxbowError `bad-time` unless the range ends after it begins */
export function checkOrder({ fromUs, toUs }: Range): void {
  if (toUs > fromUs) return;
  const [from, to] = [fromUs, toUs].map((us) => printRfc3339(us / 1000));
  throw new OxbowError('bad-time', `The end (${to}) is not after the start (${from}).`);
}

async function look(stream: PastStream, { fromUs, toUs }: Range): Promise<Iterable<RecordedGroup>> {
  checkRange({ fromUs, toUs });
  return stream.recording.walk(fromUs, toUs);
}

/** Concatenates two sequences. */
function joined(lead: readonly RecordedGroup[], groups: Iterable<RecordedGroup>): Iterable<RecordedGroup> {
  return {
    *[Symbol.iterator]() {
      yield* lead;
      yield* groups;
    },
  };
}

/** Refuses a range without media: `gone` if retention or a request has deleted it, otherwise `no-media`. */
export function refuseEmpty(stream: PastStream, { fromUs, toUs }: Range): never {
  const horizonUs = stream.horizonUs();
  if (toUs <= horizonUs && toUs > stream.createdUs) {
    throw new OxbowError('gone', `${stream.name} is kept from ${new Date(horizonUs / 1000).toISOString()} on.`);
  }
  if (stream.erased?.overlaps(fromUs, toUs))
    throw new OxbowError('gone', `The recording of ${stream.name} was deleted there.`);
  throw new OxbowError('no-media', `Nothing of ${stream.name} is recorded between these times.`);
}

/** The groups from the last key frame to `first`; empty if `first` has one, or if a hole separates them. */
export async function leadTo(stream: PastStream, first: RecordedGroup): Promise<RecordedGroup[]> {
  if (startsWithKey(first)) return [];
  const key = await findKeyBefore(stream.recording, first.startUs);
  if (!key) return [];
  const before = await stream.recording.between(key.startUs, first.startUs);
  const lead = before.filter((group) => group.msn >= key.msn && group.msn < first.msn);
  return lead.every((group, i) => joins(group, lead[i + 1] ?? first)) ? lead : [];
}

/** How the segments of a window are listed. */
interface PastOptions {
  /** As ranges of files, where a bucket may answer; default: false. */
  readonly isDirect?: boolean;
  /** Ends the wait for a key server. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The Multivariant Playlist of a window, with the qualities that are recorded over nearly all of it. Where a
 * bucket may answer, their sound, which is in other files, is a separate rendition.
 */
export async function answerPastIndex(
  stream: ServedStream,
  request: PastRequest,
  { isDirect = false, signal }: PastOptions = {},
): Promise<Reply> {
  const window = await withQualities(stream, request, await openWindow(stream, request));
  const list = hlsMultivariant(window, (id) => `${id}.m3u8`, { isApart: isDirect });
  const { mediaSequence } = window;
  await contentKeysOf(stream)?.ready(mediaSequence, { signal });
  const sessionKeys = sessionKeysOf(stream, folderOfStream(stream, request), mediaSequence);
  return playlistReply(printMultivariantPlaylist(withSessionKeys(list, sessionKeys)), cachingOf(window));
}

/** The DASH manifest of a window, with the same qualities. */
export async function answerPastManifest(
  stream: ServedStream,
  request: PastRequest,
  { isDirect = false, signal }: PastOptions = {},
): Promise<Reply> {
  const folder = folderOfStream(stream, request);
  const protectionOf = manifestProtection(stream, folder);
  const window = await withQualities(stream, request, await openWindow(stream, request));
  await windowKeysReady(stream, window, signal);
  const text = dashManifest(window, folder, { placeOf: isDirect ? placeInFile : undefined, protectionOf });
  return playlistReply(text, cachingOf(window), contentTypes.manifest);
}

/**
 * A rendition's Media Playlist of a window.
 *
 * @throws OxbowError `not-found` if no segment of the window has the rendition; `unsupported-media` for
 *   codecs that MPEG-TS cannot carry
 */
export async function answerPastPlaylist(
  stream: ServedStream,
  request: PastRequest,
  renditionId: string,
  { isDirect = false, signal }: PastOptions = {},
): Promise<Reply> {
  const window = await openWindow(stream, request);
  await windowKeysReady(stream, window, signal);
  if (renditionId === TS) {
    refuseCommon(contentKeysOf(stream));
    const init = firstOf(window.segments)?.init;
    if (init) assertTsCarries(tsRenditionOf(init.tracks).tracks);
  } else if (!hasRendition(window, renditionId)) {
    throw new OxbowError('not-found', `There is no rendition ${renditionId} between these times.`);
  }
  const folderOf = (id: string) => `${folderOfStream(stream, request)}${id}/`;
  const keys = contentKeysOf(stream);
  const protectionOf = keys?.protectionIn(folderOfStream(stream, request));
  const placeOf = isDirect ? placeInFile : undefined;
  const text = printMediaPlaylist(hlsMediaPlaylist(window, renditionId, { folderOf, placeOf, protectionOf }));
  return playlistReply(text, cachingOf(window, keys));
}

/** Waits until the key server has given all keys of a window. @throws OxbowError `key-server-failed` */
async function windowKeysReady(
  stream: ServedStream,
  window: PastWindow,
  signal: AbortSignal | undefined,
): Promise<void> {
  const keys = contentKeysOf(stream);
  if (!keys?.isCommon) return;
  let [firstMsn, lastMsn] = [window.mediaSequence, window.mediaSequence];
  for (const { msn } of window.segments) {
    firstMsn = Math.min(firstMsn, liveMsnOf(msn));
    lastMsn = Math.max(lastMsn, liveMsnOf(msn));
  }
  await keys.ready(firstMsn, { lastMsn, signal });
}

/** Folder of the stream's segments, relative to the playlists of a window. */
function folderOfStream(stream: ServedStream, { revision }: PastRequest): string {
  return `${revision === undefined ? '../../../../' : '../../../../../'}live/${(stream.source ?? stream).name}/`;
}

function placeInFile({ tracks, location }: StoredSegment, { tracks: wanted }: Rendition): SegmentRange | undefined {
  return placeOf(rangesOf(wanted, tracks, location));
}

function hasRendition({ segments }: PastWindow, renditionId: string): boolean {
  let last: Init | undefined;
  for (const { init } of segments) {
    if (!init || init === last) continue;
    last = init;
    const { all, subtitles } = renditionsOf(init.tracks);
    if ([...all, ...subtitles].some(({ id }) => id === renditionId)) return true;
  }
  return false;
}

/**
 * Opens a window as a presentation.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`
 */
export async function openWindow(stream: ServedStream, { range, revision }: PastRequest): Promise<PastWindow> {
  const ended = stream.settled(range.toUs);
  const groups = await groupsOf(isFinal(stream, { range, revision }) ? stream : recordedOnly(stream), range);
  const fixed = ended && revision !== undefined && revision === revisionIn(groups);
  return pastPresentation(
    {
      groups,
      initOf: (number) => stream.inits.get(number),
      captionsOf: (run) => stream.recording.captionsOf(run),
    },
    {
      ended,
      fixed,
      hasAllTexts: true,
      dateRanges: await dateRangesOf(stream, groups, range),
      sparseDates: range.toUs - range.fromUs > DATED_US,
      targetDurationS: fixed ? USUAL_TARGET_S : leastTargetOf(stream, range, ended),
    },
  );
}

/**
 * Whether no client loads a window again: then it has what was found later too. One that grows must not
 * change what it lists (RFC 8216bis 6.2.1), and clients that saw it grow load it once more at its end; an
 * address with a revision is given out when the window is complete.
 */
function isFinal(stream: ServedStream, { range, revision }: PastRequest): boolean {
  return stream.settled(revision === undefined ? range.toUs + LAST_RELOAD_US : range.toUs);
}

function recordedOnly(stream: ServedStream): PastStream {
  const { name, createdUs, erased } = stream;
  return { name, createdUs, erased, horizonUs: () => stream.horizonUs(), recording: withoutFound(stream.recording) };
}

/** Adds the qualities of a stream to its window; it is complete when they are. */
async function withQualities(stream: ServedStream, request: PastRequest, window: PastWindow): Promise<PastWindow> {
  const qualities = [...(stream.qualities?.values() ?? [])];
  if (qualities.length === 0) return window;
  const windows = await Promise.all(qualities.map((quality) => openWindow(quality, request).catch(ignoreNothing)));
  const settled = qualities.every((quality) => quality.settled(request.range.toUs));
  return joinQualities(
    settled ? window : { ...window, ended: false, fixed: false },
    windows.filter((presented) => presented !== undefined),
  );
}

/** @throws any other error than that a quality has no media there */
function ignoreNothing(error: unknown): undefined {
  if (!(error instanceof OxbowError) || (error.code !== 'no-media' && error.code !== 'gone')) throw error;
}

/** TARGETDURATION of growing windows, by live window and start of the range. */
const promised = new WeakMap<object, Map<number, number>>();
/** Per stream; the oldest is removed. About 50 bytes each. */
const MAX_PROMISED = 256;

/**
 * Least TARGETDURATION of a window, seconds. While a window grows, segments as long as the live
 * TARGETDURATION may follow. The first answer decides, also for the complete window (RFC 8216bis 6.2.1).
 */
function leastTargetOf({ list }: ServedStream, { fromUs }: Range, complete: boolean): number {
  const targets = promised.get(list) ?? new Map<number, number>();
  const answered = targets.get(fromUs);
  if (answered !== undefined) return answered;
  if (complete) return USUAL_TARGET_S;
  const leastS = Math.max(USUAL_TARGET_S, list.lastGeneration?.targetDurationS ?? 1);
  targets.set(fromUs, leastS);
  dropOldest(targets, MAX_PROMISED);
  promised.set(list, targets);
  return leastS;
}

/**
 * Date ranges that the segments of the range and those before it carry. Later updates do not change a past
 * playlist.
 */
async function dateRangesOf(
  stream: ServedStream,
  groups: Iterable<RecordedGroup>,
  { fromUs, toUs }: Range,
): Promise<DateRangeTag[]> {
  const between = { fromUs: Math.min(fromUs, firstOf(groups)!.startUs), toUs, lastMsn: Number.MAX_SAFE_INTEGER };
  const dateRanges = await stream.recording.dateRanges(between);
  if (dateRanges.length === 0) return [];
  let { lastMsn } = between;
  for (const { msn } of groups) if (!isHealedMsn(msn)) lastMsn = msn;
  return latestDateRanges(dateRanges, { ...between, lastMsn });
}

/**
 * Only the current revision is immutable: segments that are added later make another revision (docs/media.md
 * 16). The names of keys change with the settings.
 */
export function cachingOf({ ended, fixed }: PastWindow, keys?: ContentKeys): string {
  if (!ended) return caching.live;
  return fixed && !keys ? caching.forever : caching.past;
}

function revisionIn(groups: Iterable<RecordedGroup>): number {
  let segments = 0;
  let found = 0;
  for (const { msn } of groups) {
    segments++;
    if (isHealedMsn(msn)) found++;
  }
  return revisionOf(segments, found);
}

/** Whether the range is one of the ten-minute windows of the grid. */
function isWindow({ fromUs, toUs }: Range): boolean {
  return windowOf(fromUs) === fromUs && toUs - fromUs === WINDOW_US;
}
