/**
 * Answers what lies under /vod/{stream}/{from}/{to}/: a window of the past as playlists, and as a DASH manifest.
 * In: two instants. Out: Reply. Ten-minute windows on the grid are the same URL for everyone (docs/media.md 16).
 */
import { copyGroup } from '../../archive/segment-index.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { DateRangeTag } from '../../media/m3u8/playlist.ts';
import { printMediaPlaylist, printMultivariantPlaylist } from '../../media/m3u8/print.ts';
import { assertTsCarries } from '../../media/mpegts/muxer/muxer-tables.ts';
import { renditionsOf, TS, tsRenditionOf } from '../../media/rendition-set.ts';
import type { Init } from '../../media/segment.ts';
import { latestDateRanges } from '../../recording/date-range-rows.ts';
import { type RecordedGroup, startsWithKey } from '../../recording/recording-reader.ts';
import { WINDOW_US, windowOf } from '../../recording/window.ts';
import { dashManifest } from '../format/dash.ts';
import { hlsMediaPlaylist } from '../format/hls-media.ts';
import { hlsMultivariant } from '../format/hls-multivariant.ts';
import type { Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { caching, contentTypes, playlistReply } from '../text-reply.ts';
import {
  firstOf,
  joins,
  listStored,
  type PastWindow,
  pastPresentation,
  type StoredSegment,
} from './past-presentation.ts';

/**
 * TARGETDURATION of a list of the past where no segment is longer, seconds. It may change neither while the list grows nor when it is
 * over (RFC 8216bis 6.2.1), and a source may go on with key frames further apart: this leaves room for all that a continuous source is cut
 * into by default, and for the six seconds of most HLS sources (Apple 7.5).
 */
const USUAL_TARGET_S = 6;
/** In a longer list a date a minute is enough. */
const DATED_US = 3600 * 1_000_000;
/** No list is longer; ask for several windows instead. */
export const MAX_WINDOW_US = 24 * 3600 * 1_000_000;

/** What of a stream its past is found by. */
export type PastStream = Pick<ServedStream, 'name' | 'recording' | 'createdUs' | 'horizonUs'>;

/** A stretch of time, µs since 1970. */
export interface Range {
  readonly fromUs: number;
  readonly toUs: number;
}

/** What a playlist of the past is asked for. */
export interface PastRequest {
  readonly range: Range;
  /** It was asked for by its revision, which is never given other bytes. */
  readonly revision?: number | undefined;
}

/**
 * The groups of a range: those that start in it where it is a window of the grid, else all that overlap it, from the key frame
 * before its start.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`
 */
export function groupsOf(stream: PastStream, range: Range): Promise<Iterable<RecordedGroup>> {
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
  if (!first) return refuse(stream, range);
  const lead = await leadTo(stream, first);
  return lead.length > 0 ? joined(lead, groups) : groups;
}

async function startingIn(stream: PastStream, range: Range): Promise<Iterable<RecordedGroup>> {
  const groups = Array.from(await look(stream, range), copyGroup).filter((group) => group.startUs >= range.fromUs);
  return groups.length > 0 ? groups : refuse(stream, range);
}

function look(stream: PastStream, { fromUs, toUs }: Range): Promise<Iterable<RecordedGroup>> {
  if (toUs <= fromUs) throw new OxbowError('bad-time', 'the end does not lie after the start');
  if (toUs - fromUs > MAX_WINDOW_US) throw new OxbowError('window-too-long', 'this window is longer than 24 hours');
  return stream.recording.walk(fromUs, toUs);
}

/** One sequence after the other. */
function joined(lead: readonly RecordedGroup[], groups: Iterable<RecordedGroup>): Iterable<RecordedGroup> {
  return {
    *[Symbol.iterator]() {
      yield* lead;
      yield* groups;
    },
  };
}

function refuse(stream: PastStream, { toUs }: Range): never {
  const horizonUs = stream.horizonUs();
  if (toUs <= horizonUs && toUs > stream.createdUs) {
    throw new OxbowError('gone', `${stream.name} is kept from ${new Date(horizonUs / 1000).toISOString()} on`);
  }
  throw new OxbowError('no-media', `nothing of ${stream.name} is recorded between these times`);
}

/** Decoding starts at a key frame: that of the first group, or the last one before it if media joins them: what leads from there. */
async function leadTo(stream: PastStream, first: RecordedGroup): Promise<RecordedGroup[]> {
  if (startsWithKey(first)) return [];
  const key = await stream.recording.keyBefore(first.startUs);
  if (!key) return [];
  const before = await stream.recording.between(key.startUs, first.startUs);
  const lead = before.filter((group) => group.msn >= key.msn && group.msn < first.msn);
  return lead.every((group, i) => joins(group, lead[i + 1] ?? first)) ? lead : [];
}

/** The multivariant playlist of a window. */
export async function answerPastIndex(stream: ServedStream, request: PastRequest): Promise<Reply> {
  const window = await openWindow(stream, request);
  const text = printMultivariantPlaylist(hlsMultivariant(window, (id) => `${id}.m3u8`));
  return playlistReply(text, cachingOf(window));
}

/** The DASH manifest of a window. */
export async function answerPastManifest(stream: ServedStream, request: PastRequest): Promise<Reply> {
  const window = await openWindow(stream, request);
  const text = dashManifest(window, folderOfStream(stream, request));
  return playlistReply(text, cachingOf(window), contentTypes.manifest);
}

/**
 * A rendition's list over a window.
 *
 * @throws OxbowError `not-found` when nothing in the window has that rendition; `unsupported-media` for codecs that MPEG-TS cannot
 * carry
 */
export async function answerPastPlaylist(
  stream: ServedStream,
  request: PastRequest,
  renditionId: string,
): Promise<Reply> {
  const window = await openWindow(stream, request);
  if (renditionId === TS) {
    const init = firstOf(window.segments)?.init;
    if (init) assertTsCarries(tsRenditionOf(init.tracks).tracks);
  } else if (!hasRendition(window, renditionId)) {
    throw new OxbowError('not-found', `there is no rendition ${renditionId} between these times`);
  }
  const folderOf = (id: string) => `${folderOfStream(stream, request)}${id}/`;
  const text = printMediaPlaylist(hlsMediaPlaylist(window, renditionId, { folderOf }));
  return playlistReply(text, cachingOf(window));
}

/** Where the stream's segments are, relative to the lists of a window. */
function folderOfStream({ name }: ServedStream, { revision }: PastRequest): string {
  return `${revision === undefined ? '../../../../' : '../../../../../'}live/${name}/`;
}

/** Mostly the first segment has it. */
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
 * What a playlist of a range is made from.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`
 */
export async function openWindow(stream: ServedStream, { range, revision }: PastRequest): Promise<PastWindow> {
  const ended = stream.settled(range.toUs);
  const groups = await groupsOf(stream, range);
  const fixed = ended && revision !== undefined && revision === countOf(groups);
  return pastPresentation(
    { groups, initOf: (number) => stream.inits.get(number) },
    {
      ended,
      fixed,
      dateRanges: await dateRangesOf(stream, groups, range),
      sparseDates: range.toUs - range.fromUs > DATED_US,
      targetDurationS: fixed ? USUAL_TARGET_S : leastTargetOf(stream, range, ended),
    },
  );
}

/** By live list, then by the start of a window: what was promised while it grew. */
const promised = new WeakMap<object, Map<number, number>>();
/** Of each stream; those that were asked for first are forgotten. About 50 bytes each. */
const MAX_PROMISED = 256;

/**
 * TARGETDURATION is no less than this, seconds. While a window grows, segments may come that are as long as the live list promises.
 * The first answer decides, and holds when the window is complete (RFC 8216bis 6.2.1).
 */
function leastTargetOf({ list }: ServedStream, { fromUs }: Range, complete: boolean): number {
  const known = promised.get(list) ?? new Map<number, number>();
  const answered = known.get(fromUs);
  if (answered !== undefined) return answered;
  if (complete) return USUAL_TARGET_S;
  const leastS = Math.max(USUAL_TARGET_S, list.lastGeneration?.targetDurationS ?? 1);
  known.set(fromUs, leastS);
  if (known.size > MAX_PROMISED) known.delete(known.keys().next().value!);
  promised.set(list, known);
  return leastS;
}

/** What the range's own segments and those before them tell of it: what is told later changes no list of the past. */
async function dateRangesOf(
  stream: ServedStream,
  groups: Iterable<RecordedGroup>,
  { fromUs, toUs }: Range,
): Promise<DateRangeTag[]> {
  const between = { fromUs: Math.min(fromUs, firstOf(groups)!.startUs), toUs, lastMsn: Number.MAX_SAFE_INTEGER };
  const dateRanges = await stream.recording.dateRanges(between);
  if (dateRanges.length === 0) return [];
  let { lastMsn } = between;
  for (const { msn } of groups) lastMsn = msn;
  return latestDateRanges(dateRanges, { ...between, lastMsn });
}

/** Only the revision that the window has now is for good: what is filled in later has another (docs/media.md 16). */
export function cachingOf({ ended, fixed }: PastWindow): string {
  if (!ended) return caching.live;
  return fixed ? caching.forever : caching.past;
}

function countOf(groups: Iterable<RecordedGroup>): number {
  let count = 0;
  for (const _ of groups) count++;
  return count;
}

/** Whether the range is one of the ten-minute windows of the grid. */
export function isWindow({ fromUs, toUs }: Range): boolean {
  return windowOf(fromUs) === fromUs && toUs - fromUs === WINDOW_US;
}
