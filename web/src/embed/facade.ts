/**
 * The media element interface of a stream: programme seconds, ranges, and the events of a change.
 * In: snapshots of the player. Out: <oxbow-player>. Pure. HTML, 4.8.11; media-elements proposals for live
 * streams.
 */
import type { MediaState } from '../media/state.ts';

/** Like `TimeRanges`, which scripts cannot create. Seconds. */
export class Ranges {
  readonly #ranges: readonly (readonly [start: number, end: number])[];

  /** @param ranges in order of time */
  constructor(...ranges: readonly (readonly [start: number, end: number])[]) {
    this.#ranges = ranges;
  }

  get length(): number {
    return this.#ranges.length;
  }

  /** @throws RangeError if there is no such range */
  start(index: number): number {
    return this.#at(index)[0];
  }

  /** @throws RangeError if there is no such range */
  end(index: number): number {
    return this.#at(index)[1];
  }

  #at(index: number): readonly [number, number] {
    const range = this.#ranges[index];
    if (!range) throw new RangeError(`There is no range ${index}.`);
    return range;
  }
}

/** The state of the media element interface. */
export interface MediaView {
  readonly player: MediaState;
  /** Unix milliseconds of programme second 0; null before the stream is known. */
  readonly originMs: number | null;
  /** The server's now, unix milliseconds. */
  readonly nowMs: number;
  /** A seek was requested, and its picture is not shown yet. */
  readonly seeking: boolean;
}

/** The media events that a change can cause. */
export type MediaEvent =
  | 'durationchange'
  | 'error'
  | 'loadedmetadata'
  | 'pause'
  | 'play'
  | 'playing'
  | 'progress'
  | 'ratechange'
  | 'seeked'
  | 'streamtypechange'
  | 'targetlivewindowchange'
  | 'timeupdate'
  | 'volumechange'
  | 'waiting';

/** The events of a change, in the order in which a media element dispatches them. */
export function mediaEvents(before: MediaView, after: MediaView): MediaEvent[] {
  const [old, now] = [before.player, after.player];
  const plays = (player: MediaState) => !player.paused && !player.loading && player.pictured;
  const events: MediaEvent[] = [];
  if (before.originMs === null && after.originMs !== null) {
    events.push('durationchange', 'loadedmetadata', 'streamtypechange', 'targetlivewindowchange');
  }
  if (old.muted !== now.muted || old.volume !== now.volume) events.push('volumechange');
  if (old.rate !== now.rate) events.push('ratechange');
  if (old.paused !== now.paused) events.push(now.paused ? 'pause' : 'play');
  if (!old.loading && now.loading && !now.paused) events.push('waiting');
  if (before.seeking && !after.seeking) events.push('seeked');
  if (!plays(old) && plays(now)) events.push('playing');
  if (old.shownMs !== now.shownMs) events.push('timeupdate');
  if (Math.floor(before.nowMs / 1000) !== Math.floor(after.nowMs / 1000)) events.push('progress');
  if (old.failure === null && now.failure !== null) events.push('error');
  return events;
}

/** Programme seconds of a time. @param atMs unix milliseconds */
export function programmeTime(atMs: number, originMs: number): number {
  return (atMs - originMs) / 1000;
}

/** The shown or requested time, programme seconds; 0 before any. */
export function currentTime({ player, originMs }: MediaView): number {
  return player.shownMs === null || originMs === null ? 0 : programmeTime(player.shownMs, originMs);
}

/** From the oldest kept time to now. @param firstMs unix milliseconds; null if nothing is recorded */
export function seekable({ originMs, nowMs }: MediaView, firstMs: number | null): Ranges {
  if (originMs === null) return new Ranges();
  return new Ranges([programmeTime(firstMs ?? originMs, originMs), programmeTime(nowMs, originMs)]);
}

/** Start of the live edge: the shown time at the edge; otherwise now, which only the edge reaches. */
export function liveEdgeStart(view: MediaView): number {
  if (view.originMs === null) return Number.NaN;
  return view.player.atEdge ? currentTime(view) : programmeTime(view.nowMs, view.originMs);
}

/** The buffered range around the picture. */
export function buffered(view: MediaView): Ranges {
  const { player } = view;
  if (player.shownMs === null || player.latency.bufferS <= 0) return new Ranges();
  const at = currentTime(view);
  return new Ranges([at, at + player.latency.bufferS]);
}

/** Like `HTMLMediaElement.readyState`. */
export function readyState({ player, originMs }: MediaView): 0 | 1 | 2 | 4 {
  if (!player.pictured) return originMs === null ? 0 : 1;
  return player.loading ? 2 : 4;
}

/** A seek this close to now means now, seconds. */
const NOW_S = 1;

/**
 * The target of setting `currentTime`.
 *
 * @param seconds of the programme
 * @returns unix milliseconds; null for now
 */
export function seekTargetMs(seconds: number, { originMs, nowMs }: MediaView): number | null {
  if (originMs === null || !Number.isFinite(seconds)) return null;
  const atMs = originMs + seconds * 1000;
  return atMs >= nowMs - NOW_S * 1000 ? null : atMs;
}
