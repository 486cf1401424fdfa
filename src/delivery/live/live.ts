/**
 * Answers /live/{stream}/: playlists with blocking reload, init sections, segments and parts.
 * In: a parsed address. Out: Reply, at once or when the media exists. RFC 8216bis 6.2.5; docs/media.md 14,
 * 18, 28.
 */
import { crc32 } from 'node:zlib';
import type { Track } from '@oxbow/media/frame';
import { printInit } from '@oxbow/media/isobmff/init';
import { printMediaPlaylist, printMultivariantPlaylist } from '@oxbow/media/m3u8/print';
import { isSubtitle, type Rendition, renditionsOf } from '@oxbow/media/rendition-set';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { LiveWindowView } from '../../packager/live-segment.ts';
import { hasReached, nextPartOf, partsOf, positionOf, type RenditionPart } from '../../packager/rendition-view.ts';
import {
  lengthOf,
  MAX_INTERLEAVED_BYTES,
  memoryBody,
  partFromMemory,
  partFromStore,
  storedBody,
} from '../body-parts.ts';
import { emptyText } from '../empty-text.ts';
import { contentKeysOf } from '../encryption/access-by-key.ts';
import { commonInit, isCommonKey } from '../encryption/common-media.ts';
import type { ContentKey, ContentKeys } from '../encryption/content-keys.ts';
import { sessionKeysOf } from '../encryption/playlist-keys.ts';
import { hlsMediaPlaylist } from '../format/hls-media.ts';
import { hlsMultivariant, withSessionKeys } from '../format/hls-multivariant.ts';
import { withPathways } from '../format/pathways.ts';
import type { BodyPart, Reply } from '../reply.ts';
import { missing, recordedSegment, type SegmentMedia, segmentInMemory } from '../segment-media.ts';
import type { ServedLiveStream, ServedStream } from '../served-stream.ts';
import { steeredReply } from '../signed-addresses.ts';
import { storedReply } from '../stored-segment.ts';
import { bytesReply, caching, cachingOfReached, contentTypes, keptFor, playlistReply } from '../text-reply.ts';
import type { Directives } from './directives.ts';
import { describeMeasured, livePresentation, partTargetOf } from './live-presentation.ts';
import { type PendingReply, settle, waitFor } from './pending-reply.ts';
import { besideOf } from './quality-window.ts';
import type { SegmentCache } from './segment-cache.ts';

/** Timeout of a first request to a stream that is starting. */
const START_WAIT_MS = 8000;
/** Segments ahead of the last complete one that may be requested (RFC 8216bis 6.2.5.2). */
const MAX_AHEAD = 2;
/**
 * Seconds of parts ahead that may be requested, or three parts if they are longer than a second (the Advance
 * Part Limit).
 */
const MAX_PARTS_AHEAD_S = 3;
const RETRY_AFTER_S = 2;

/** Rendered playlists of one version of a generation. */
interface Rendered {
  readonly version: number;
  readonly replies: Map<string, Reply>;
}

/** By live window and generation number: the current one and the one before it. */
const renderedLists = new WeakMap<object, Map<number, Rendered>>();

/**
 * The newest generation once it has a segment, ended or not; a first request waits for a stream that is
 * starting.
 *
 * @throws OxbowError `stream-offline`
 */
export async function readyView(stream: ServedStream, { signal }: { signal: AbortSignal }): Promise<LiveWindowView> {
  const { list } = stream;
  if (!list.ready && stream.starting()) {
    await waitFor(list.changes, () => list.ready, START_WAIT_MS, signal);
  }
  const view = list.generation && list.view(list.generation.number);
  if (!view || !list.ready) throw offline(stream);
  return view;
}

/** A generation with at least one complete segment. @throws OxbowError `stream-offline` */
export function listedView(stream: ServedLiveStream, generation: number): LiveWindowView {
  const view = stream.list.view(generation);
  if (!view?.segments.some((segment) => segment.sealed)) throw offline(stream);
  return view;
}

/** The Multivariant Playlist; waits for a stream that is starting. */
export async function answerLiveIndex(stream: ServedStream, options: { signal: AbortSignal }): Promise<Reply> {
  await readyView(stream, options);
  return liveIndex(stream);
}

/**
 * The Multivariant Playlist, without waiting.
 *
 * @throws OxbowError `stream-offline`
 */
export function liveIndex(stream: ServedLiveStream): Reply {
  const { list } = stream;
  const view = list.generation && list.view(list.generation.number);
  if (!view || !list.ready || view.ended) throw offline(stream);
  return rendered(stream, view, `index#${contentKeysOf(stream)?.series}`, () => liveIndexReply(view, stream));
}

/**
 * Prints the Multivariant Playlist of a view.
 *
 * @param how.folder between that of the stream and the playlist, with a slash at its end; default: there is
 *   none
 * @param how.isApart where there are derived qualities, sound has separate renditions; default: false
 */
export function liveIndexReply(
  view: LiveWindowView,
  stream: ServedLiveStream,
  { folder = '', isApart = false }: { readonly folder?: string; readonly isApart?: boolean } = {},
): Reply {
  const { name, steering } = stream;
  const presentation = { ...livePresentation(view), describe: () => describeMeasured(view) };
  const sessionKeys = sessionKeysOf(stream, folder === '' ? '' : '../');
  const list = withSessionKeys(
    hlsMultivariant(presentation, (id) => `${id}/g${view.generation.number}.m3u8`, { isApart }),
    sessionKeys,
  );
  const address = { folder: `/live/${name}/${folder}`, serverUri: `${folder === '' ? '' : '../'}steering.json` };
  return steeredReply(steering, (by) =>
    playlistReply(printMultivariantPlaylist(by ? withPathways(list, by, address) : list), caching.live),
  );
}

/**
 * A rendition's Media Playlist, or a pending reply until it contains what the directives request.
 *
 * @throws OxbowError `stream-offline` without such a playlist, `bad-request` for directives too far ahead
 */
export function livePlaylist(
  stream: ServedLiveStream,
  { rendition: renditionId, generation: number }: { readonly rendition: string; readonly generation: number },
  { msn, part: requestedPart, skip }: Directives,
): Reply | PendingReply {
  const { list } = stream;
  const view = listedView(stream, number);
  const rendition = renditionOf(view.tracks, renditionId);
  if (msn === undefined || !view.generation.parts || view.ended) return renderedPlaylist(stream, view, rendition, skip);
  const part = isSubtitle(rendition.id) ? undefined : requestedPart;
  const look = (): Reply | undefined => {
    const now = list.view(number);
    if (!now) throw offline(stream);
    const isReached = now.ended || hasReached(now, rendition, msn, part);
    return isReached ? reachedPlaylist(stream, now, rendition, skip) : undefined;
  };
  if (!hasReached(view, rendition, msn, part)) refuseTooFar(view, rendition, msn, part);
  return (
    look() ?? {
      key: `${rendition.id}/g${number}?${msn}.${part ?? 'whole'}${skip ? '?skip' : ''}`,
      changes: list.changes,
      look,
      waitMs: 3000 * view.generation.targetDurationS,
      late: () =>
        new OxbowError('part-timeout', `${stream.name} did not reach segment ${msn}, part ${part ?? 'whole'}.`),
    }
  );
}

/**
 * Refuses a request too far ahead.
 *
 * @param last MSN of the last complete segment
 * @throws OxbowError `bad-request` (RFC 8216bis 6.2.5.2)
 */
export function refuseFarSegment(msn: number, last: number): void {
  if (msn <= last + MAX_AHEAD) return;
  throw new OxbowError(
    'bad-request',
    `\`_HLS_msn\` is ${msn}, more than ${MAX_AHEAD} ahead of the last segment, ${last}.`,
  );
}

/** @throws OxbowError `bad-request` for a segment or part too far ahead of the playlist */
function refuseTooFar(view: LiveWindowView, rendition: Rendition, msn: number, part: number | undefined): void {
  const position = positionOf(view, rendition);
  if (!position) return;
  refuseFarSegment(msn, position.msn - 1);
  const targetS = partTargetOf(view.generation, rendition) ?? 1;
  const ahead = targetS < 1 ? Math.ceil(MAX_PARTS_AHEAD_S / targetS) : MAX_PARTS_AHEAD_S;
  const listedParts = msn === position.msn ? position.parts : 0;
  if (part !== undefined && msn >= position.msn && part >= listedParts + ahead) {
    throw new OxbowError('bad-request', `\`_HLS_part\` is ${part}, ${ahead} parts or more ahead of the list.`);
  }
}

/**
 * An init section by its number.
 *
 * @param key of common encryption; undefined: the tracks are as they are
 */
export function answerInit(
  stream: ServedStream,
  { rendition: renditionId, init: number }: { readonly rendition: string; readonly init: number },
  key?: ContentKey,
): Reply {
  const init = stream.inits.get(number);
  if (!init) throw new OxbowError('not-found', `${stream.name} has no init section ${number}.`);
  const { tracks } = renditionOf(init.tracks, renditionId);
  return initReply(tracks, `${renditionId}-init-${number}`, key);
}

/** The init section of tracks. @param name unique within the stream or asset */
export function initReply(tracks: readonly Track[], name: string, key: ContentKey | undefined): Reply {
  const clear = printInit(tracks);
  const bytes = key && isCommonKey(key) ? commonInit(clear, tracks, key) : clear;
  return bytesReply(bytes, contentTypes.mp4, caching.forever, etagOf(name, [crc32(bytes)]));
}

/** Names a segment of a rendition. */
interface SegmentName {
  readonly rendition: string;
  readonly msn: number;
}

/**
 * A segment by its MSN, from memory or from the recording: the same bytes and validator under the same
 * address.
 *
 * @throws OxbowError `not-found`, `gone`
 */
export async function answerSegment(
  stream: ServedStream,
  name: SegmentName,
  { reader, segmentCache }: { reader: Pick<RangeReader, 'shared'>; segmentCache: SegmentCache },
): Promise<Reply> {
  const inMemory = liveSegment(stream, name);
  if (inMemory) return inMemory;
  const segment = await recordedSegment(stream, name.msn);
  if (!segment) throw await missing(stream, name.msn);
  const empty = emptyText(segment, name);
  if (empty) return segmentReply(etagOf(segmentKey(name), [empty.crc]), [empty.bytes]);
  const { media: ranges, etag } = mediaOf(segment, name);
  const reply = segmentReply(etag, await storedBody(ranges, reader));
  if (reply.length <= MAX_INTERLEAVED_BYTES) {
    const { body: _, ...head } = reply;
    segmentCache.add(stream, segmentKey(name), { reply: head, ranges, startUs: segment.startUs });
  }
  return reply;
}

/**
 * A segment of the recording as its file has it.
 *
 * @param address.offset in the file when the segment was listed, bytes
 * @throws OxbowError `not-found`, `gone`
 */
export async function answerStoredSegment(
  stream: ServedStream,
  address: SegmentName & { readonly offset: number },
  { reader }: { readonly reader: Pick<RangeReader, 'shared'> },
): Promise<Reply> {
  const segment = await recordedSegment(stream, address.msn);
  if (!segment) throw await missing(stream, address.msn);
  const { media: ranges, etag } = mediaOf(segment, address);
  return storedReply({ ranges, offset: address.offset, etag: `${etag}-stored` }, reader);
}

/** Key of a segment within its stream; never reused for other bytes. */
export function segmentKey({ rendition, msn }: SegmentName): string {
  return `${rendition}-${msn}`;
}

/** A segment that is in memory. @throws OxbowError `not-found` if the rendition has no media in it */
export function liveSegment(stream: ServedLiveStream, name: SegmentName): Reply | undefined {
  const segment = segmentInMemory(stream, name.msn);
  if (!segment) return undefined;
  const empty = emptyText(segment, name);
  if (empty) return segmentReply(etagOf(segmentKey(name), [empty.crc]), [empty.bytes]);
  const { media, etag } = mediaOf(segment, name);
  return segmentReply(etag, memoryBody(media));
}

/**
 * The media of a rendition in a segment, track by track, with its validator.
 * @throws OxbowError `not-found`
 */
function mediaOf<Media>({ init, tracks }: SegmentMedia<Media>, name: SegmentName): { media: Media[]; etag: string } {
  const { rendition, msn } = name;
  const stored = init ? renditionOf(init.tracks, rendition).tracks.flatMap(({ id }) => tracks.get(id) ?? []) : [];
  if (stored.length === 0) throw new OxbowError('not-found', `Segment ${msn} has no ${rendition}.`);
  const crcs = stored.map(({ crc }) => crc);
  return { media: stored.map(({ media }) => media), etag: etagOf(segmentKey(name), crcs) };
}

/**
 * A part: at once if it exists, when it is complete if the playlist has announced it (EXT-X-PRELOAD-HINT).
 */
export async function answerPart(
  stream: ServedStream,
  address: PartAddress,
  options: { signal: AbortSignal },
): Promise<Reply> {
  const reply = livePart(stream, address);
  if (reply) return settle(reply, options);
  const { msn, part: index } = address;
  const part = findPart(stream, address);
  if (!part) throw msn < stream.leastMsnAt(stream.createdUs) ? notThere(msn, index) : noPart(stream, address);
  const segment = await recordedSegment(stream, msn);
  const body = segment && partFromStore(part, segment);
  if (!body) throw new OxbowError('gone', `Part ${index} of segment ${msn} is no longer kept on its own.`);
  return partReply(address, part, body);
}

/** Names a part. */
interface PartAddress {
  readonly rendition: string;
  readonly msn: number;
  readonly part: number;
}

/**
 * A part in memory, or a pending reply if the playlist has announced it; undefined for any other part.
 *
 * @throws OxbowError `not-found` for an unknown rendition
 */
export function livePart(stream: ServedLiveStream, address: PartAddress): Reply | PendingReply | undefined {
  const { list } = stream;
  const { msn, part: index } = address;
  const inMemory = (): Reply | undefined => {
    const part = findPart(stream, address);
    const body = part && partFromMemory(part);
    return body && partReply(address, part, body);
  };
  const reply = inMemory();
  const { generation } = list;
  const view = generation?.parts && list.view(generation.number);
  if (reply || !generation || !view || view.ended || findPart(stream, address)) return reply;
  const rendition = renditionOf(view.tracks, address.rendition);
  // Only the announced part is pending (docs/media.md 28).
  const coming = [positionOf(view, rendition), nextPartOf(view, rendition)];
  if (!coming.some((position) => position?.msn === msn && position.parts === index)) return undefined;
  const look = (): Reply | undefined => {
    const isOver = list.generation?.number !== generation.number;
    // The next generation may give its name to other media.
    const isListed = !isOver || list.view(generation.number)?.segments.some((segment) => segment.msn === msn);
    const part = isListed ? inMemory() : undefined;
    if (isOver && !part) throw notThere(msn, index);
    if (part || (!list.ended && list.find(msn)?.sealed === undefined)) return part;
    throw noPart(stream, address);
  };
  return {
    key: `${rendition.id}/${msn}.${index}`,
    changes: list.changes,
    look,
    waitMs: 3000 * generation.targetDurationS,
    late: () => new OxbowError('part-timeout', `${stream.name} did not make part ${index} of ${msn}.`),
  };
}

function findPart({ list }: ServedLiveStream, { rendition, msn, part }: PartAddress): RenditionPart | undefined {
  const segment = list.find(msn);
  return segment && partsOf(segment, renditionOf(segment.init.tracks, rendition))[part];
}

function noPart({ list }: ServedLiveStream, { msn, part }: PartAddress): OxbowError {
  const oldest = list.segments[0]?.msn;
  if (oldest !== undefined && msn < oldest) {
    return new OxbowError('gone', `The parts of segment ${msn} are no longer kept on their own.`);
  }
  return notThere(msn, part);
}

/**
 * A validator of name and content: a name that is used again for other bytes does not validate.
 *
 * @param name unique within the stream
 * @param crcs CRC-32 of each track's media, of a part from the start of its segment; in the order of the
 *   rendition
 */
export function etagOf(name: string, crcs: readonly number[]): string {
  return [name, ...crcs.map((crc) => crc.toString(16).padStart(8, '0'))].join('-');
}

function partReply({ rendition, msn, part }: PartAddress, { pieces }: RenditionPart, body: readonly BodyPart[]): Reply {
  const crcs = pieces.map(({ part: { crc } }) => crc);
  return segmentReply(etagOf(`${rendition}-${msn}.${part}`, crcs), body);
}

function segmentReply(etag: string, body: readonly BodyPart[]): Reply {
  return { contentType: contentTypes.segment, cacheControl: caching.forever, length: lengthOf(body), body, etag };
}

/** Renders a playlist at most once per change, for all clients. */
function rendered(stream: ServedLiveStream, view: LiveWindowView, key: string, print: () => Reply): Reply {
  const { number } = view.generation;
  const generations = renderedLists.get(stream.list) ?? new Map<number, Rendered>();
  renderedLists.set(stream.list, generations);
  let fresh = generations.get(number);
  if (fresh?.version !== view.version) {
    fresh = { version: view.version, replies: new Map() };
    generations.set(number, fresh);
    for (const old of generations.keys()) if (!stream.list.view(old)) generations.delete(old);
  }
  const ready = fresh.replies.get(key);
  if (ready) return ready;
  const reply = print();
  fresh.replies.set(key, reply);
  return reply;
}

function renderedPlaylist(stream: ServedLiveStream, view: LiveWindowView, rendition: Rendition, skip: boolean): Reply {
  const beside = view.generation.parts && besideOf(stream, view);
  return rendered(stream, view, playlistKey(rendition, skip, beside, contentKeysOf(stream)), () => {
    const protectionOf = contentKeysOf(stream)?.protectionIn('../');
    const options = { folderOf: () => '', protectionOf, skip };
    const list = hlsMediaPlaylist(livePresentation(view, beside), rendition.id, options);
    const text = printMediaPlaylist(list);
    return playlistReply(text, view.ended ? caching.past : caching.live);
  });
}

/** The same playlist as the answer to a blocking reload, which caches may keep longer. */
function reachedPlaylist(stream: ServedLiveStream, view: LiveWindowView, rendition: Rendition, skip: boolean): Reply {
  const beside = view.generation.parts && besideOf(stream, view);
  const key = playlistKey(rendition, skip, beside, contentKeysOf(stream));
  return rendered(stream, view, `reached ${key}`, () =>
    keptFor(renderedPlaylist(stream, view, rendition, skip), cachingOfReached(view.generation.targetDurationS)),
  );
}

/**
 * What differs between the playlists of one version of a window: other windows, which reports name, change at
 * other times.
 */
function playlistKey(
  { id }: Rendition,
  skip: boolean,
  beside: ReturnType<typeof besideOf> | undefined,
  keys: ContentKeys | undefined,
): string {
  const key = `${id}${skip ? '?skip' : ''}${keys ? `#${keys.series}` : ''}`;
  if (!beside || beside.length === 0) return key;
  return beside.reduce((sum, { last }) => `${sum} ${last.msn}.${last.part}`, key);
}

/** Finds a rendition. @throws OxbowError `not-found` */
export function renditionOf(tracks: Parameters<typeof renditionsOf>[0], id: string): Rendition {
  const { all, subtitles } = renditionsOf(tracks);
  const rendition = [...all, ...subtitles].find((candidate) => candidate.id === id);
  if (!rendition) throw new OxbowError('not-found', `There is no rendition ${id} here.`);
  return rendition;
}

function notThere(msn: number, index: number): OxbowError {
  return new OxbowError('not-found', `There is no part ${index} of segment ${msn}.`);
}

/** The error for a stream that is not live. */
export function offline(stream: ServedLiveStream): OxbowError {
  return new OxbowError('stream-offline', `${stream.name} is not live now.`, {
    extra: { retryAfterSeconds: RETRY_AFTER_S },
  });
}
