/**
 * What the page has learned of a stream's past: a tile for each zoom level, and single questions where those do not reach.
 * In: timelines from the API. Out: the bar's picture of the past; moments for the player.
 */
import type { TimelineView } from '../../../src/api/shapes.ts';
import { ApiError, readFailure } from '../api/client.ts';
import { findMoment, findMomentBefore, type Moment, type Past, readPast, stretchAt } from './past.ts';
import { bestTile, cutPast, joinTiles, missing, readTile, resolutionOf, type Tile } from './tiles.ts';
import type { View } from './view.ts';

/** Asks the server for [fromMs, toMs), unix milliseconds, as fine as `resS` seconds; 0 is exact. */
export type AskTimeline = (fromMs: number, toMs: number, signal: AbortSignal, resS?: number) => Promise<TimelineView>;

const HOUR = 3_600_000;
/** The server tells at most 31 days at a time. */
const LONGEST_MS = 30 * 24 * HOUR;
/** Questions for the media after a hole: years. A link may name a moment long before there were streams. */
const MOST_QUESTIONS = 24;
const lists = ['spans', 'gaps', 'offline', 'markers', 'pins'] as const;
const nothing: Tile = {
  resS: 0,
  exact: true,
  past: { fromMs: 0, toMs: 0, stretches: [] },
  markers: [],
  pins: [],
  requestedMs: 0,
};

/** The past of one stream: tiles for the bar, and single questions beside them. */
export class Recorded {
  readonly #ask: AskTimeline;
  readonly #signal: AbortSignal;
  readonly #now: () => number;
  readonly #tiles = new Map<number, Tile>();
  #nextView: View | null = null;
  #firstMs = 0;
  #covering: Promise<void> | null = null;
  /** How often everything was forgotten, so that an answer to an older question is known as such. */
  #forgotten = 0;

  /**
   * @param now the server's time, unix milliseconds
   * @param signal ends all questions when the page is left
   */
  constructor(ask: AskTimeline, now: () => number, signal: AbortSignal) {
    this.#ask = async (...question) => {
      const view = await ask(...question);
      if (!lists.every((list) => Array.isArray(view?.[list]))) throw new ApiError(readFailure(200, '')); // not oxbow's answer
      return view;
    };
    this.#now = now;
    this.#signal = signal;
  }

  /** What is known of a view, as fine as that is; an empty tile before the first answer. */
  tileFor(view: View): Tile {
    return bestTile([...this.#tiles.values()], view) ?? nothing;
  }

  /**
   * Asks for what is missing of a view at its zoom level. One question at a time: of views that are wished for meanwhile only
   * the newest is asked for.
   *
   * @param firstMs the oldest kept moment, unix milliseconds
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
      const question = missing(tile, view, this.#now(), this.#firstMs);
      if (!question) continue;
      const forgotten = this.#forgotten;
      const fresh = await this.#askTile(question.fromMs, question.toMs, resS);
      const joined = tile && question.join ? joinTiles(tile, fresh) : fresh;
      this.#tiles.set(resS, forgotten === this.#forgotten ? joined : { ...joined, requestedMs: 0 });
    }
  }

  /** All tiles are asked for anew with the next view of theirs: something was marked or pinned. Until then they serve. */
  forget(): void {
    this.#forgotten += 1;
    for (const [resS, tile] of this.#tiles) this.#tiles.set(resS, { ...tile, requestedMs: 0 });
  }

  /**
   * Asks for [fromMs, toMs), unix milliseconds, exactly, and keeps the answer.
   *
   * @returns what was answered
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
      const answer = readTile(await this.#ask(at, endMs, this.#signal, resS), resS, requestedMs);
      // What was asked for, rather than what was answered in whole seconds: so that pieces join.
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

  /** The moment to play, out of what is known already; undefined where that does not tell. */
  known(targetMs: number): Moment | undefined {
    const exact = this.#exact(targetMs);
    if (exact) return findMoment(exact, targetMs);
    // A coarse tile tells that there is media around a moment, but not exactly why there is none.
    const isMedia = [...this.#tiles.values()].some(({ past }) => stretchAt(past, targetMs)?.kind === 'media');
    return isMedia ? { atMs: targetMs } : undefined;
  }

  /**
   * The moment to play, asking the server where needed, a day at first, then thirty at a time, for two years or from the oldest kept
   * moment on.
   *
   * @param targetMs unix milliseconds
   * @returns undefined where nothing is recorded from there on
   * @throws ApiError
   */
  async find(targetMs: number): Promise<Moment | undefined> {
    const known = this.known(targetMs);
    if (known) return known;
    let length = 24 * HOUR;
    let fromMs = Math.max(targetMs, this.#firstMs);
    for (let turn = 0; turn < MOST_QUESTIONS && fromMs < this.#now(); turn++) {
      const toMs = Math.min(this.#now(), fromMs + length);
      const past = readPast(await this.#ask(fromMs - 60_000, toMs, this.#signal));
      const moment = findMoment(past, targetMs);
      if (moment) return moment;
      fromMs = toMs;
      length = LONGEST_MS;
    }
    return undefined;
  }

  /** The moment to play when someone steps back to it, out of what is known already; undefined where that does not tell. */
  knownBefore(targetMs: number): Moment | undefined {
    const exact = this.#exact(targetMs);
    return exact && findMomentBefore(exact, targetMs);
  }

  /**
   * The moment to play when someone steps back to it: over a hole to the media before, asking the server at most once.
   *
   * @param targetMs unix milliseconds
   * @returns undefined where nothing is recorded in the day before
   * @throws ApiError
   */
  async findBefore(targetMs: number): Promise<Moment | undefined> {
    const known = this.knownBefore(targetMs);
    if (known) return known;
    const past = readPast(await this.#ask(targetMs - 24 * HOUR, targetMs + 60_000, this.#signal));
    return findMomentBefore(past, targetMs);
  }
}
