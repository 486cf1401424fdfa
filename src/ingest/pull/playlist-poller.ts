/**
 * Reloads a Media Playlist for as long as it goes on.
 * In: its URL. Out: each list that differs from the one before, and word of when the source is down. rfc8216bis, 6.3.4.
 */
import { backoffMs, sleep } from '../../lib/abort.ts';
import { FormatError, messageOf, OxbowError } from '../../lib/errors.ts';
import { PlaylistReader } from '../../media/m3u8/parse.ts';
import type { MediaPlaylist } from '../../media/m3u8/playlist.ts';
import type { PullContext } from './context.ts';
import { mayAskForDelta, mergeDelta } from './delta-update.ts';
import { fetchPlaylist, isGone, type LoadedPlaylist, PLAYLIST_IDLE_MS } from './playlist-fetch.ts';
import { edgeOf, isBeyond, reloadPauseMs, reloadUrl } from './reload-url.ts';
import { PAGE_RETURN_PAUSE_MS, returnPauseMs } from './source-return.ts';

/** After so many failures in a row, or at once where the list is gone, the Multivariant Playlist is asked where the list is now. */
const FAILURES_TO_RELOCATE = 3;
const MAX_BACKOFF_MS = 10_000;
/** A reload of a live list ends after a target duration without bytes, but not before this, ms; a failure doubles it for the next. */
const MIN_IDLE_MS = 2000;
/** For so long after the last list one that fails is asked for as often as one that does not, ms: its segments may still be had. */
const EAGER_MS = 60_000;
/** A list that ended may have a successor, which needs its first segment before it is announced. */
const SUCCESSOR_WITHIN_MS = 30_000;
const MAX_SUCCESSOR_PAUSE_MS = 2000;
/** A reload without news was held if it took this much of PART-TARGET, or of the target duration where parts are not asked for. */
const HELD = 0.5;
/** A list that cannot be had for so many target durations is down. */
const LATE = 1.5;

/** What the poller tells. */
export type PollEvent =
  | {
      readonly kind: 'list';
      /** Whole: what a delta update left out is back in its place. */
      readonly list: MediaPlaylist;
      readonly url: URL;
      readonly arrivedMs: number;
      /** It is another list than the one before, in whose place it is: its numbers need not go on. */
      readonly moved: boolean;
    }
  /** A live list has EXT-X-ENDLIST, and is reloaded until it is live again. */
  | { readonly kind: 'ended' }
  /** The list cannot be had, or has stood still; told once until it changes. */
  | { readonly kind: 'down'; readonly detail: string };

/** Where a Media Playlist is. */
export interface PlaylistPlace {
  readonly url: URL;
  /** The list itself, when finding it has loaded it. */
  readonly loaded?: LoadedPlaylist;
  readonly imports?: ReadonlyMap<string, string> | undefined;
}

/** Asks again where a Media Playlist is. */
export type Relocate = (options: { signal: AbortSignal }) => Promise<PlaylistPlace>;

/** The list as a Media Playlist; a Multivariant one in its place is an error. */
function mediaOf({ parsed }: LoadedPlaylist): MediaPlaylist {
  if (parsed.kind !== 'media') throw new FormatError('a Multivariant Playlist where a Media Playlist was expected', 0);
  if (parsed.playlist.iFramesOnly) throw new OxbowError('unsupported-media', 'the playlist has I-frames only');
  return parsed.playlist;
}

/**
 * Ends after a list with EXT-X-ENDLIST that has no successor, unless it was live and `context.awaitReturn` is set; else only by abort, or
 * for media that cannot be taken.
 *
 * @param relocate asks again where the list is; undefined when its URL is all that is known
 * @throws OxbowError `unsupported-media`; the signal's reason when aborted
 */
export async function* pollPlaylist(
  first: PlaylistPlace,
  relocate: Relocate | undefined,
  context: PullContext,
  { signal }: { signal: AbortSignal },
): AsyncGenerator<PollEvent, void> {
  const { clock, counters, lowLatency } = context;
  const reader = new PlaylistReader();
  let place = first;
  /** As last loaded from this place. */
  let list: MediaPlaylist | undefined;
  let seen: string | undefined;
  let targetMs = 0;
  let failures = 0;
  /** It was looked for elsewhere since it was loaded last. */
  let sought = false;
  let told = false;
  let moved = false;
  let needsWhole = false;
  let goodAt = clock.monotonicMs();
  let changedAt = goodAt;
  let hasLived = context.awaitReturn && context.wasLive;
  /** When the list ended that is awaited, monotonic ms. */
  let endedAt: number | undefined;
  let locatedAt = Number.NEGATIVE_INFINITY;
  const moveTo = (found: PlaylistPlace) => {
    if (!isSamePlace(found.url, place.url)) {
      moved = true;
      list = undefined;
    }
    place = found;
  };
  for (;;) {
    const beganAt = clock.monotonicMs();
    const mayHold = failures === 0 && endedAt === undefined;
    const parts = list !== undefined && mayHold && lowLatency.follows(list);
    const blocking = list?.serverControl?.canBlockReload === true && mayHold && lowLatency.holds;
    let pauseMs: number;
    try {
      if (endedAt !== undefined && relocate && beganAt >= locatedAt + (context.fromPage ? PAGE_RETURN_PAUSE_MS : 0)) {
        locatedAt = beganAt;
        const found = await findLive(place, relocate, context, signal);
        if (found) moveTo(found);
      }
      const skip = parts && !needsWhole && mayAskForDelta(list!, beganAt - goodAt);
      const loaded: LoadedPlaylist =
        place.loaded ??
        (await fetchPlaylist(list && blocking ? reloadUrl(place.url, list, { parts, skip }) : place.url, context, {
          signal,
          holdMs: blocking ? 3 * targetMs : 0,
          imports: place.imports,
          reader,
          ...(list && {
            idleMs: Math.min(PLAYLIST_IDLE_MS, Math.max(MIN_IDLE_MS, targetMs) * 2 ** Math.min(failures, 4)),
          }),
          fresh: failures > 0,
        }));
      place = { url: place.url, imports: place.imports };
      const next = mergeDelta(list, mediaOf(loaded));
      if (!next && needsWhole) throw new FormatError('the playlist leaves segments out that were asked for', 0);
      needsWhole = next === undefined;
      if (!next) continue;
      failures = 0;
      sought = false;
      goodAt = clock.monotonicMs();
      const lived = list !== undefined && !list.endList;
      hasLived ||= lived || (context.awaitReturn && !next.endList);
      if (endedAt !== undefined && !next.endList) {
        endedAt = undefined;
        context.sourceReturn.announce();
      }
      const held = goodAt - beganAt >= HELD * 1000 * (parts ? (next.partTargetS ?? 0) : next.targetDurationS);
      if (blocking) lowLatency.reloaded({ held, news: isBeyond(next, list!) });
      list = next;
      targetMs = list.targetDurationS * 1000;
      // Updates leave out what a whole list has: of a list of parts only its edge tells whether it has changed.
      const state = parts ? edgeOf(next) : loaded.text;
      if (state !== seen) {
        seen = lowLatency.follows(next) ? edgeOf(next) : loaded.text;
        changedAt = goodAt;
        told = false;
        yield { kind: 'list', list: next, url: loaded.url, arrivedMs: loaded.arrivedMs, moved };
        moved = false;
        if (next.endList) {
          const successor = lived && relocate && (yield* findSuccessor(place, relocate, context, signal));
          if (successor) {
            moveTo(successor);
            continue;
          }
          if (!context.awaitReturn || !hasLived) return;
          yield { kind: 'ended' };
          endedAt ??= goodAt;
          locatedAt = goodAt;
        }
        pauseMs = next.serverControl?.canBlockReload && lowLatency.holds ? 0 : reloadPauseMs(next, targetMs);
      } else {
        pauseMs = reloadPauseMs(next, targetMs / 2);
        const stillMs = goodAt - changedAt;
        if (!told && endedAt === undefined && stillMs > 3 * targetMs) {
          told = true;
          yield { kind: 'down', detail: `the playlist has not changed for ${Math.round(stillMs / 1000)} s` };
        }
      }
      // The standard counts from when loading began, not from when it ended.
      pauseMs -= clock.monotonicMs() - beganAt;
    } catch (error) {
      signal.throwIfAborted();
      if (!isFailure(error) || (error instanceof OxbowError && error.code === 'unsupported-media')) throw error;
      failures += 1;
      counters.retries();
      if (endedAt !== undefined) told = true; // it is known to be away
      const down: PollEvent = { kind: 'down', detail: messageOf(error).slice(0, 200) };
      const lateAtMs = goodAt + LATE * targetMs;
      // To tell that it is down cuts the media: not before it is known to be nowhere.
      let isNowhere = sought || !relocate;
      if (
        relocate &&
        endedAt === undefined &&
        (failures % FAILURES_TO_RELOCATE === 0 || (failures === 1 && isGone(error)))
      ) {
        const finding = tryRelocate(relocate, signal);
        const untilMs = Math.max(lateAtMs, clock.monotonicMs()) + targetMs;
        if (!told && !(await endsBefore(finding, untilMs, context, signal))) {
          told = true;
          yield down;
        }
        const found = await finding;
        if (found) moveTo(found);
        else isNowhere = true;
        sought = true;
      }
      if (!told && isNowhere && clock.monotonicMs() > lateAtMs) {
        told = true;
        yield down;
      }
      const isEager = list !== undefined && clock.monotonicMs() < goodAt + EAGER_MS;
      pauseMs = backoffMs(failures, 250, isEager ? reloadPauseMs(list!, MAX_BACKOFF_MS) : MAX_BACKOFF_MS);
    }
    if (endedAt === undefined) await sleep(Math.max(0, pauseMs), { signal });
    else {
      const leastMs = list ? reloadPauseMs(list, targetMs / 2) : targetMs;
      const awayMs = clock.monotonicMs() - endedAt;
      // Another rendition is back: this one will be soon.
      if (await context.sourceReturn.wait(returnPauseMs(awayMs, leastMs), { signal })) endedAt = clock.monotonicMs();
    }
  }
}

/** Whether the source has failed; what else there is, is our mistake. */
export function isFailure(error: unknown): boolean {
  return error instanceof OxbowError || error instanceof FormatError;
}

/** Tokens change between loads; the path does not. */
function isSamePlace(a: URL, b: URL): boolean {
  return a.host === b.host && a.pathname === b.pathname;
}

/** Where a live list that ended goes on: origins begin another one when codecs change, or when they were started anew. */
async function* findSuccessor(
  ended: PlaylistPlace,
  relocate: Relocate,
  context: PullContext,
  signal: AbortSignal,
): AsyncGenerator<PollEvent, PlaylistPlace | undefined> {
  const { clock } = context;
  const until = clock.monotonicMs() + SUCCESSOR_WITHIN_MS;
  for (let attempt = 0; clock.monotonicMs() < until; attempt++) {
    const found = await tryRelocate(relocate, signal);
    if (found) {
      if (isSamePlace(found.url, ended.url)) return undefined;
      // A page that shows what was live as a film leads to what is recorded already.
      return context.awaitReturn && context.fromPage ? await liveAt(found, context, signal) : found;
    }
    if (attempt === 0) yield context.awaitReturn ? { kind: 'ended' } : { kind: 'down', detail: 'the playlist ended' };
    await sleep(backoffMs(attempt, 250, MAX_SUCCESSOR_PAUSE_MS), { signal });
  }
  return undefined;
}

/** Where a source that ended is live again at another address. */
async function findLive(
  ended: PlaylistPlace,
  relocate: Relocate,
  context: PullContext,
  signal: AbortSignal,
): Promise<PlaylistPlace | undefined> {
  const found = await tryRelocate(relocate, signal);
  return found && !isSamePlace(found.url, ended.url) ? liveAt(found, context, signal) : undefined;
}

/** A place with its list, if that is live. */
async function liveAt(
  place: PlaylistPlace,
  context: PullContext,
  signal: AbortSignal,
): Promise<PlaylistPlace | undefined> {
  try {
    const loaded = place.loaded ?? (await fetchPlaylist(place.url, context, { signal, imports: place.imports }));
    return mediaOf(loaded).endList ? undefined : { ...place, loaded };
  } catch (error) {
    signal.throwIfAborted();
    if (isFailure(error)) return undefined;
    throw error;
  }
}

/**
 * Asks where a list is now.
 *
 * @returns undefined when that cannot be had just now
 * @throws the signal's reason when aborted; what is no failure of the source
 */
export async function tryRelocate(relocate: Relocate, signal: AbortSignal): Promise<PlaylistPlace | undefined> {
  try {
    return await relocate({ signal });
  } catch (error) {
    // The same failure that the next reload of the list will meet, and tell.
    signal.throwIfAborted();
    if (isFailure(error)) return undefined;
    throw error;
  }
}

/** Whether something ends, however it does, or `signal` aborts, before a moment; monotonic ms. */
async function endsBefore(
  work: Promise<unknown>,
  atMs: number,
  { clock }: PullContext,
  signal: AbortSignal,
): Promise<boolean> {
  const ended = new AbortController();
  const end = () => ended.abort();
  work.then(end, end);
  return sleep(Math.max(0, atMs - clock.monotonicMs()), { signal: AbortSignal.any([signal, ended.signal]) }).then(
    () => false,
    () => true,
  );
}
