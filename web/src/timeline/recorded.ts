/**
 * The known past of a stream: a tile for each zoom level, and single requests for times outside of the tiles.
 * In: timelines from the API. Out: the past for the bar; playable times for the player.
 */
import type { TimelineView } from '../../../src/api/shapes.ts';
import { ApiError, readFailure } from '../api/client.ts';
import { findMoment, findMomentBefore, type Moment, type Past, readPast, stretchAt } from '../time/past.ts';
import { nextPoint, type Point, type PointQuery } from './marks.ts';
import { bestTile, cutPast, joinTiles, missing, readTile, resolutionOf, type Tile } from './tiles.ts';
import type { View } from './view.ts';

/**
 * Requests the timeline of [fromMs, toMs), unix milliseconds, with a resolution of `resS` seconds; 0 is
 * exact.
 */
export type FetchTimeline = (fromMs: number, toMs: number, signal: AbortSignal, resS?: number) => Promise<TimelineView>;

const HOUR = 3_600_000;
/** Below the server's limit of 31 days per request. */
const LONGEST_MS = 30 * 24 * HOUR;
/**
 * Most requests for the media after a hole: about two years. A link may contain a time long before any
 * stream.
 */
const MAX_REQUESTS = 24;
/** A point is a few seconds before its gap: this much more is requested. Milliseconds. */
const BESIDE_MS = 5_000;
const lists = ['spans', 'gaps', 'offline', 'markers', 'pins'] as const;
const nothing: Tile = {
  resS: 0,
  exact: true,
  past: { fromMs: 0, toMs: 0, stretches: [] },
  markers: [],
  pins: [],
  requestedMs: 0,
};

/** The known end is this old at most while it is requested again and again, milliseconds. */
const END_MS = 15_000;

/** The past of one stream: tiles for the bar, and single requests. */
export class Recorded {
  readonly #fetchTimeline: FetchTimeline;
  readonly #signal: AbortSignal;
  readonly #now: () => number;
  readonly #tiles = new Map<number, Tile>();
  #nextView: View | null = null;
  #firstMs = 0;
  #covering: Promise<void> | null = null;
  /** Counts calls of `forget`, so that a response to an older request is recognized. */
  #forgotten = 0;

  /**
   * @param now the server's time, unix milliseconds
   * @param signal ends all requests when the page is closed
   */
  constructor(fetchTimeline: FetchTimeline, now: () => number, signal: AbortSignal) {
    this.#fetchTimeline = async (...request) => {
      const view = await fetchTimeline(...request);
      if (!lists.every((list) => Array.isArray(view?.[list]))) throw new ApiError(readFailure(200, '')); // not a response of oxbow
      return view;
    };
    this.#now = now;
    this.#signal = signal;
  }

  /** The known past of a view, in any resolution; an empty tile before the first response. */
  tileFor(view: View): Tile {
    return bestTile([...this.#tiles.values()], view) ?? nothing;
  }

  /**
   * Requests the missing part of a view at its zoom level. One request at a time: of the views requested
   * during it only the newest follows.
   *
   * @param firstMs the oldest kept time, unix milliseconds
   * @throws ApiError
   */
  async cover(view: View, firstMs = 0): Promise<void> {
    this.#nextView = view;
    this.#firstMs = firstMs;
    this.#covering ??= this.#coverViews().finally(() => {
      this.#covering = null;
    });
    await this.#covering;
  }

  async #coverViews(): Promise<void> {
    for (let view = this.#nextView; view; view = this.#nextView) {
      this.#nextView = null;
      const resS = resolutionOf(view.toMs - view.fromMs);
      const tile = this.#tiles.get(resS);
      const request = missing(tile, view, this.#now(), this.#firstMs);
      if (!request) continue;
      const forgotten = this.#forgotten;
      const fresh = await this.#askTile(request.fromMs, request.toMs, resS);
      const joined = tile && request.join ? joinTiles(tile, fresh) : fresh;
      this.#tiles.set(resS, forgotten === this.#forgotten ? joined : { ...joined, requestedMs: 0 });
    }
  }

  /**
   * Marks all tiles as stale, because a marker or a protected span changed; they are used until their next
   * response.
   */
  forget(): void {
    this.#forgotten += 1;
    for (const [resS, tile] of this.#tiles) this.#tiles.set(resS, { ...tile, requestedMs: 0 });
  }

  /**
   * Requests [fromMs, toMs), unix milliseconds, exactly, and keeps the response.
   *
   * @returns the response
   * @throws ApiError
   */
  async load(fromMs: number, toMs: number): Promise<Past> {
    const tile = await this.#askTile(fromMs, toMs, 0);
    this.#tiles.set(0, tile);
    return tile.past;
  }

  async #askTile(fromMs: number, toMs: number, resS: number): Promise<Tile> {
    const requestedMs = this.#now();
    let tile: Tile | undefined;
    for (let at = fromMs; at < toMs; at += LONGEST_MS) {
      const endMs = Math.min(toMs, at + LONGEST_MS);
      const answer = readTile(await this.#fetchTimeline(at, endMs, this.#signal, resS), resS, requestedMs);
      // The requested range, not the returned one, which is rounded to seconds: so that ranges join.
      const piece = {
        ...answer,
        past: { ...cutPast(answer.past, at, endMs), fromMs: at, toMs: endMs },
        markers: answer.markers.filter(({ atMs }) => atMs >= at && atMs < endMs),
      };
      tile = tile ? joinTiles(tile, piece) : piece;
    }
    return tile ?? nothing;
  }

  #exact(atMs: number): Past | undefined {
    const holds = ({ exact, past }: Tile) => exact && atMs >= past.fromMs && atMs < past.toMs;
    return [...this.#tiles.values()].find(holds)?.past;
  }

  /** The playable time from the known past; undefined if that is not enough. */
  known(targetMs: number): Moment | undefined {
    const exact = this.#exact(targetMs);
    if (exact) return findMoment(exact, targetMs);
    // A coarse tile shows that there is media near a time, but not exactly why there is none.
    const isMedia = [...this.#tiles.values()].some(({ past }) => stretchAt(past, targetMs)?.kind === 'media');
    return isMedia ? { atMs: targetMs } : undefined;
  }

  /**
   * The playable time, with requests if needed: a day at first, then thirty at a time, for two years or from
   * the oldest kept time on.
   *
   * @param targetMs unix milliseconds
   * @returns undefined if nothing is recorded after it
   * @throws ApiError
   */
  async find(targetMs: number): Promise<Moment | undefined> {
    const moment = this.known(targetMs);
    if (moment) return moment;
    let length = 24 * HOUR;
    let fromMs = Math.max(targetMs, this.#firstMs);
    for (let turn = 0; turn < MAX_REQUESTS && fromMs < this.#now(); turn++) {
      const toMs = Math.min(this.#now(), fromMs + length);
      const past = readPast(await this.#fetchTimeline(fromMs - 60_000, toMs, this.#signal));
      const moment = findMoment(past, targetMs);
      if (moment) return moment;
      fromMs = toMs;
      length = LONGEST_MS;
    }
    return undefined;
  }

  /** The playable time for a step back, from the known past; undefined if that is not enough. */
  knownBefore(targetMs: number): Moment | undefined {
    const exact = this.#exact(targetMs);
    return exact && findMomentBefore(exact, targetMs);
  }

  /**
   * The playable time for a step back: over a hole to the media before it, with at most one request.
   *
   * @param targetMs unix milliseconds
   * @returns undefined if nothing is recorded in the day before
   * @throws ApiError
   */
  async findBefore(targetMs: number): Promise<Moment | undefined> {
    const moment = this.knownBefore(targetMs);
    if (moment) return moment;
    const past = readPast(await this.#fetchTimeline(targetMs - 24 * HOUR, targetMs + 60_000, this.#signal));
    return findMomentBefore(past, targetMs);
  }

  /**
   * The next point from the known past of a view.
   *
   * @returns null if there is none; undefined if more must be requested to know that
   */
  knownPoint(view: View, query: PointQuery): Point | null | undefined {
    const { past, ...marks } = this.tileFor(view);
    const { atMs, forward } = query;
    if (atMs < past.fromMs || atMs > past.toMs + END_MS) return undefined;
    const point = nextPoint(past, marks, query);
    if (point) return point;
    const isWhole = forward ? past.toMs >= this.#now() - END_MS : past.fromMs <= this.#firstMs + 1_000;
    return isWhole ? null : undefined;
  }

  /**
   * The next point, with requests if needed: a day at first, then thirty at a time, to the end or the oldest
   * kept time.
   *
   * @throws ApiError
   */
  async findPoint(view: View, query: PointQuery): Promise<Point | null> {
    const point = this.knownPoint(view, query);
    if (point !== undefined) return point;
    const { forward } = query;
    const endMs = forward ? this.#now() : this.#firstMs;
    const bound = (atMs: number) => Math.min(this.#now(), Math.max(this.#firstMs, atMs));
    let length = 24 * HOUR;
    let atMs = bound(query.atMs);
    for (let turn = 0; turn < MAX_REQUESTS && atMs !== endMs; turn++) {
      const otherMs = bound(forward ? atMs + length : atMs - length);
      const { past, ...marks } = await this.#askTile(Math.min(atMs, otherMs), Math.max(atMs, otherMs) + BESIDE_MS, 0);
      const next = nextPoint(past, marks, query);
      if (next) return next;
      atMs = otherMs;
      length = LONGEST_MS;
    }
    return null;
  }
}
