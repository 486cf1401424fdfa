/**
 * Answers /live/{stream}/dvr-{length}/: live playlists that reach hours back. The lengths are a fixed set, so
 * that clients share playlists.
 * In: a parsed address. Out: Reply. docs/media.md 27 and 33; docs/decisions/0110.
 */

import { printMediaPlaylist } from '@oxbow/media/m3u8/print';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import { edgeOf, type LiveWindowView } from '../../packager/live-segment.ts';
import { latestDateRanges } from '../../recording/date-range-rows.ts';
import { recordedBetween } from '../../recording/recording-reader.ts';
import { contentKeysOf } from '../encryption/access-by-key.ts';
import { hlsMediaPlaylist } from '../format/hls-media.ts';
import type { Directives } from '../live/directives.ts';
import { listedView, liveIndexReply, offline, readyView, refuseFarSegment, renditionOf } from '../live/live.ts';
import { waitFor } from '../live/pending-reply.ts';
import type { Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { caching, cachingOfReached, keptFor, playlistReply } from '../text-reply.ts';
import { DvrList, type DvrPromise } from './dvr-list.ts';
import { dvrQualities } from './past-qualities.ts';

const HOUR_US = 3_600_000_000;

/** Lengths by their name in the path, µs. */
const DVR_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['30m', HOUR_US / 2],
  ...[1, 2, 4, 8, 12, 24].map((hours) => [`${hours}h`, hours * HOUR_US] as const),
]);

/** Open playlists of all streams; one of four hours takes about 2 MB. */
const MAX_LISTS = 32;

/** How a playlist is answered. */
interface DvrOptions {
  readonly signal: AbortSignal;
  /** Segments are listed as ranges of files, where a bucket may answer. */
  readonly isDirect: boolean;
}

/** A playlist: whose, and which. */
interface Requested {
  readonly stream: ServedStream;
  /** Name of the length. */
  readonly length: string;
  readonly rendition: string;
  readonly isDirect: boolean;
  readonly skip: boolean;
}

interface OpenList {
  readonly list: DvrList;
  /** The last reply, with and without skipped segments, while nothing has changed. */
  readonly replies: Map<
    boolean,
    { readonly shown: string; readonly dateRanges: LiveWindowView['dateRanges']; readonly reply: Reply }
  >;
}

/** The DVR playlists of all streams. */
export class DvrLists {
  /** Least recently used first. */
  readonly #lists = new Map<string, Promise<OpenList>>();
  /** By live window, then generation and length. Kept when the playlist itself is evicted. */
  readonly #constraints = new WeakMap<object, Map<string, DvrPromise>>();
  /** Numbers of live windows: a stream that is deleted and created again has another one. */
  readonly #ids = new WeakMap<object, number>();
  #nextId = 1;

  /**
   * The Multivariant Playlist of the live stream, with playlists of that length; with the qualities that are
   * recorded so far back.
   */
  async index(stream: ServedStream, length: string, options: DvrOptions): Promise<Reply> {
    const lastsUs = dvrLengthUs(length);
    const view = await readyView(stream, options);
    if (view.ended) throw offline(stream);
    const fromUs = Math.max(edgeOf(view.segments) - lastsUs, stream.horizonUs());
    const shown = { ...view, qualities: await dvrQualities(stream, view, fromUs) };
    return liveIndexReply(shown, stream, { folder: `dvr-${length}/`, isApart: options.isDirect });
  }

  /**
   * The playlist of a rendition, once it contains what the directives request.
   *
   * @throws OxbowError `not-found`, `stream-offline`, `bad-request`, `part-timeout`
   */
  async playlist(
    stream: ServedStream,
    { length, rendition, generation }: { length: string; rendition: string; generation: number },
    { msn, skip }: Directives,
    { signal, isDirect }: DvrOptions,
  ): Promise<Reply> {
    const view = listedView(stream, generation);
    renditionOf(view.tracks, rendition);
    const requested: Requested = { stream, length, rendition, isDirect, skip };
    if (!isDirect && (msn === undefined || view.ended)) return this.#reply(requested, view);
    if (msn !== undefined) refuseFarSegment(msn, lastOf(view));
    const leastMsn = msn ?? view.segments.find(({ sealed }) => sealed)!.msn;
    const reached = () => {
      const now = stream.list.view(generation);
      return !now || listableOf(stream, now, isDirect) >= (now.ended ? lastOf(now) : leastMsn);
    };
    await waitFor(stream.list.changes, reached, 3000 * view.generation.targetDurationS, signal);
    if (!reached()) throw new OxbowError('part-timeout', `${stream.name} did not reach segment ${leastMsn}.`);
    const reply = await this.#reply(requested, listedView(stream, generation));
    return msn === undefined ? reply : keptFor(reply, cachingOfReached(view.generation.targetDurationS));
  }

  async #reply(requested: Requested, view: LiveWindowView): Promise<Reply> {
    const { stream, length, rendition, isDirect, skip } = requested;
    const { number } = view.generation;
    const kind = isDirect ? '/direct' : '';
    const key = `${this.#idOf(stream)}/${stream.list.erasures}/${length}/${rendition}/${number}${kind}`;
    const open = await this.#open(key, requested, view);
    // The window may have grown meanwhile: the newest view is printed, in the same turn.
    const now = stream.list.view(number) ?? view;
    const unplaced = open.list.unplaced(now, stream.list.decidedMsn);
    if (unplaced) {
      open.list.place(unplaced, await recordedBetween(stream.recording, unplaced.fromUs, unplaced.toUs), stream.inits);
      return this.#reply(requested, now);
    }
    if (!open.list.follow(now, stream.horizonUs())) {
      this.#lists.delete(key);
      return this.#reply(requested, now);
    }
    const left = open.list.leftBehind(now, stream.list.decidedMsn);
    if (left) {
      const groups = await recordedBetween(stream.recording, left.fromUs, left.toUs);
      // A quality has groups without media.
      const recorded = groups.filter(({ tracks }) => tracks.length > 0);
      open.list.confirm(left, new Set(recorded.map(({ msn }) => msn)));
      open.replies.clear();
      return this.#reply(requested, now);
    }
    const promise = this.#constraintsOf(stream, `${number}/${length}`, open.list, now);
    const series = contentKeysOf(stream)?.series;
    const shown = () => `${open.list.lastMsn}/${now.ended}/${stream.horizonUs()}/${series}`;
    const cached = open.replies.get(skip);
    if (cached?.shown === shown() && cached.dateRanges === now.dateRanges) return cached.reply;
    const lastMsn = open.list.lastMsn;
    const between = { fromUs: open.list.startUs, toUs: Number.MAX_SAFE_INTEGER, lastMsn };
    const dateRanges = latestDateRanges(await stream.recording.dateRanges(between), between);
    if (open.list.lastMsn !== lastMsn) return this.#reply(requested, view);
    const folderOf = (id: string) => `../../${id}/`;
    const presentation = open.list.presentation(now, promise, dateRanges);
    const keys = contentKeysOf(stream);
    await keys?.ready(presentation.mediaSequence, { lastMsn });
    const protectionOf = keys?.protectionIn('../../');
    const text = printMediaPlaylist(
      hlsMediaPlaylist(presentation, rendition, { folderOf, protectionOf, skip, placeOf: ({ place }) => place }),
    );
    const reply = playlistReply(text, presentation.ended ? caching.past : caching.live);
    open.replies.set(skip, { shown: shown(), dateRanges: now.dateRanges, reply });
    return reply;
  }

  #open(key: string, requested: Requested, view: LiveWindowView): Promise<OpenList> {
    const cached = this.#lists.get(key);
    this.#lists.delete(key);
    const opening = cached ?? open(requested, view);
    this.#lists.set(key, opening);
    opening.catch(() => this.#lists.delete(key));
    dropOldest(this.#lists, MAX_LISTS);
    return opening;
  }

  #constraintsOf(stream: ServedStream, key: string, list: DvrList, { generation }: LiveWindowView): DvrPromise {
    const promises = this.#constraints.get(stream.list) ?? new Map<string, DvrPromise>();
    this.#constraints.set(stream.list, promises);
    const promise = promises.get(key) ?? { targetDurationS: Math.max(generation.targetDurationS, list.longestS) };
    promises.set(key, promise);
    for (const other of promises.keys()) if (!stream.list.view(Number.parseInt(other, 10))) promises.delete(other);
    return promise;
  }

  #idOf({ list }: ServedStream): number {
    const id = this.#ids.get(list) ?? this.#nextId++;
    this.#ids.set(list, id);
    return id;
  }
}

async function open({ stream, length, rendition, isDirect }: Requested, view: LiveWindowView): Promise<OpenList> {
  const how = { lengthUs: dvrLengthUs(length), isDirect };
  const list = new DvrList(view, renditionOf(view.tracks, rendition), how);
  await list.open(stream, view);
  return { list, replies: new Map() };
}

function lastOf({ segments }: LiveWindowView): number {
  return segments.findLast((segment) => segment.sealed)?.msn ?? 0;
}

/**
 * MSN of the last segment that may be listed: where a bucket may answer, those of this process only once they
 * are recorded or lost.
 */
export function listableOf({ list }: Pick<ServedStream, 'list'>, view: LiveWindowView, isDirect: boolean): number {
  const lastMsn = lastOf(view);
  return isDirect && !view.inherited ? Math.min(lastMsn, list.decidedMsn) : lastMsn;
}

/** Folder of playlists of a length, µs. */
export function dvrFolderOf(lengthUs: number): string {
  const [name = ''] = [...DVR_LENGTHS].find(([, us]) => us === lengthUs) ?? [];
  return `dvr-${name}`;
}

/**
 * A length by its name in the path, µs.
 *
 * @throws OxbowError `not-found`
 */
export function dvrLengthUs(name: string): number {
  const length = DVR_LENGTHS.get(name);
  if (length === undefined) {
    const names = [...DVR_LENGTHS.keys()].map((key) => `dvr-${key}`).join(', ');
    throw new OxbowError('not-found', `There is no list of that length; there are ${names}.`);
  }
  return length;
}
