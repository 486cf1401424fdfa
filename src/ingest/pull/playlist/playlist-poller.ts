/**
 * Polls a Media Playlist: performs the operations that the transitions of its state request.
 * In: the URL of the list. Out: each list that differs from the one before, and reports that the source is
 * down or has ended. RFC 8216bis 6.3.4; docs/2-sources/polling.md.
 */

import { FormatError } from '@oxbow/media/errors';
import { PlaylistReader } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { sleep } from '../../../lib/abort.ts';
import { OxbowError, reasonOf } from '../../../lib/errors.ts';
import type { PullContext } from '../context.ts';
import { mergeDelta } from './delta-update.ts';
import { fetchPlaylist, isGone, type LoadedPlaylist } from './playlist-fetch.ts';
import type { Following, PlaylistLocation, PollEvent, PollOperation, PollReport, PollState } from './poll-state.ts';
import { isSameLocation, nextPoll, startPoll } from './poll-transitions.ts';
import { isBeyond } from './reload-url.ts';

/**
 * A reload counts as held if it took this part of PART-TARGET, or of the target duration if no part was
 * requested.
 */
const HELD = 0.5;

/** Looks up where a Media Playlist is now. */
export type Relocate = (options: { signal: AbortSignal }) => Promise<PlaylistLocation>;

/**
 * Ends after a list with EXT-X-ENDLIST that has no successor, unless it was live and `context.awaitReturn` is
 * set; otherwise only when aborted, or for unsupported media.
 *
 * @param relocate undefined if the list's URL cannot be looked up again
 * @throws OxbowError `unsupported-media`; the signal's reason when aborted
 */
export async function* pollPlaylist(
  first: PlaylistLocation,
  relocate: Relocate | undefined,
  context: PullContext,
  { signal }: { signal: AbortSignal },
): AsyncGenerator<PollReport, void> {
  const { awaitReturn, wasLive, fromPage, clock } = context;
  const options = { canRelocate: relocate !== undefined, awaitReturn, wasLive, fromPage };
  const operations = new PollOperations(relocate, context, signal);
  let { state, effects, operation } = startPoll(first, options, clock.monotonicMs());
  for (;;) {
    for (const effect of effects) {
      if (effect.do === 'report') yield effect.report;
      else if (effect.do === 'count-retry') context.counters.retries();
      else context.sourceReturn.announce();
    }
    if (!operation) return;
    ({ state, effects, operation } = nextPoll(state, await operations.perform(operation, state)));
  }
}

/** Performs the operations of one poller. */
class PollOperations {
  readonly #relocate: Relocate | undefined;
  readonly #context: PullContext;
  readonly #signal: AbortSignal;
  readonly #reader = new PlaylistReader();
  /** A lookup that was late. */
  #locating: Promise<PlaylistLocation | undefined> | undefined;

  constructor(relocate: Relocate | undefined, context: PullContext, signal: AbortSignal) {
    this.#relocate = relocate;
    this.#context = context;
    this.#signal = signal;
  }

  async perform(operation: PollOperation, { list, location }: PollState): Promise<PollEvent> {
    switch (operation.do) {
      case 'pause': {
        const woken = await this.#pause(operation);
        return { type: 'due', atMs: this.#atMs(), following: this.#following(list), woken };
      }
      case 'load':
        return await this.#load(operation);
      case 'locate':
        return await this.#locate(operation, location.url);
      case 'continue-locating':
        return { type: 'located', location: await this.#locating, live: true, atMs: this.#atMs() };
    }
  }

  #atMs(): number {
    return this.#context.clock.monotonicMs();
  }

  #following(list: MediaPlaylist | undefined): Following {
    const { lowLatency } = this.#context;
    return { parts: list !== undefined && lowLatency.follows(list), holds: lowLatency.holds };
  }

  /** Returns true if the pause ended early because another rendition has returned. */
  async #pause(operation: Extract<PollOperation, { do: 'pause' }>): Promise<boolean> {
    const { fromMs, minMs, maxMs, untilReturn } = operation;
    if (maxMs === 0) return false;
    const randomMs = minMs === maxMs ? minMs : minMs + (maxMs - minMs) * Math.random();
    const ms = Math.max(0, fromMs + randomMs - this.#atMs());
    if (untilReturn) return await this.#context.sourceReturn.wait(ms, { signal: this.#signal });
    await sleep(ms, { signal: this.#signal });
    return false;
  }

  async #load(operation: Extract<PollOperation, { do: 'load' }>): Promise<PollEvent> {
    const { location, url, reload, before, holdMs, idleMs, fresh } = operation;
    const { lowLatency } = this.#context;
    try {
      const loaded: LoadedPlaylist =
        location.loaded ??
        (await fetchPlaylist(url, this.#context, {
          signal: this.#signal,
          holdMs,
          imports: location.imports,
          reader: this.#reader,
          ...(idleMs !== undefined && { idleMs }),
          fresh,
        }));
      const list = mergeDelta(before, mediaOf(loaded));
      const atMs = this.#atMs();
      if (reload.blocking && list) {
        const heldMs = HELD * 1000 * (reload.parts ? (list.partTargetS ?? 0) : list.targetDurationS);
        lowLatency.reloaded({ held: atMs - reload.beganMs >= heldMs, news: isBeyond(list, before!) });
      }
      const { text, arrivedMs } = loaded;
      return { type: 'loaded', atMs, list, text, url: loaded.url, arrivedMs, following: this.#following(list) };
    } catch (error) {
      this.#signal.throwIfAborted();
      if (!mayRetry(error)) throw error;
      return { type: 'failed', atMs: this.#atMs(), gone: isGone(error), detail: reasonOf(error).slice(0, 200) };
    }
  }

  async #locate({ lateAtMs, mustBeLive }: Extract<PollOperation, { do: 'locate' }>, from: URL): Promise<PollEvent> {
    const locating = tryRelocate(this.#relocate!, this.#signal);
    if (lateAtMs !== undefined && !(await this.#endsBefore(locating, lateAtMs))) {
      this.#locating = locating;
      return { type: 'lookup-late', atMs: this.#atMs() };
    }
    const location = await locating;
    const probed =
      location && mustBeLive && !isSameLocation(location.url, from) ? await this.#probe(location) : location;
    return { type: 'located', atMs: this.#atMs(), location: probed ?? location, live: probed !== undefined };
  }

  /** The location with its list if that is live. */
  async #probe(location: PlaylistLocation): Promise<PlaylistLocation | undefined> {
    const { imports } = location;
    try {
      const loaded =
        location.loaded ?? (await fetchPlaylist(location.url, this.#context, { signal: this.#signal, imports }));
      return mediaOf(loaded).endList ? undefined : { ...location, loaded };
    } catch (error) {
      this.#signal.throwIfAborted();
      if (isFailure(error)) return undefined;
      throw error;
    }
  }

  /** Whether work settles, or the signal aborts, before a time; monotonic ms. */
  async #endsBefore(work: Promise<unknown>, atMs: number): Promise<boolean> {
    const settled = new AbortController();
    const settle = () => settled.abort();
    work.then(settle, settle);
    const signal = AbortSignal.any([this.#signal, settled.signal]);
    return sleep(Math.max(0, atMs - this.#atMs()), { signal }).then(
      () => false,
      () => true,
    );
  }
}

/** The list as a Media Playlist; a Multivariant one in its place is an error. */
function mediaOf({ parsed }: LoadedPlaylist): MediaPlaylist {
  if (parsed.kind !== 'media') throw new FormatError('a Multivariant Playlist where a Media Playlist was expected', 0);
  if (parsed.playlist.iFramesOnly) throw new OxbowError('unsupported-media', 'The playlist has I-frames only.');
  return parsed.playlist;
}

/** Whether an error is a failure of the source; any other one is a bug. */
function isFailure(error: unknown): boolean {
  return error instanceof OxbowError || error instanceof FormatError;
}

/** Whether a reload may help after an error: a failure of the source other than unsupported media. */
export function mayRetry(error: unknown): error is OxbowError | FormatError {
  return isFailure(error) && !(error instanceof OxbowError && error.code === 'unsupported-media');
}

/**
 * Looks up where a list is now.
 *
 * @returns undefined if that fails
 * @throws the signal's reason when aborted; bugs
 */
export async function tryRelocate(relocate: Relocate, signal: AbortSignal): Promise<PlaylistLocation | undefined> {
  try {
    return await relocate({ signal });
  } catch (error) {
    // The next reload of the list meets the same failure and reports it.
    signal.throwIfAborted();
    if (isFailure(error)) return undefined;
    throw error;
  }
}
