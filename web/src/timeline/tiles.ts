/**
 * Tiles of the past, one per zoom level: their resolution, the missing part of a view, and how responses are
 * joined.
 * In: views, responses. Out: the recorded past. Pure.
 */
import type { TimelineView } from '../../../src/api/shapes.ts';
import { type HealedPart, healedIn, type Past, readPast, type Stretch, TOUCHING_MS } from '../time/past.ts';
import type { View } from './view.ts';

/** A marked time with a text. */
export interface Marker {
  /** Id in the API. */
  readonly id: string;
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly text: string;
}

/** A protected span [fromMs, toMs), never deleted automatically, unix milliseconds. */
export interface Pin {
  /** Id in the API. */
  readonly id: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly text: string;
}

/** The responses of one zoom level: the past, its marks, its resolution. */
export interface Tile {
  /** Requested resolution, seconds; 0: exact. */
  readonly resS: number;
  /** Nothing was merged in the response. */
  readonly exact: boolean;
  readonly past: Past;
  readonly markers: readonly Marker[];
  readonly pins: readonly Pin[];
  /** When all of it was requested, unix milliseconds. */
  readonly requestedMs: number;
}

/** Views up to this length are requested exactly, milliseconds. */
const EXACT_MS = 2 * 3_600_000;
/** Finest resolution of a bar: no screen is much wider, pixels. */
const FINEST_PX = 2_000;
const resolutions = [1, 2, 5, 10, 30, 60, 300, 900, 3600];

/**
 * The resolution for a view: in steps, so that a small zoom sends the same request.
 *
 * @param lengthMs milliseconds that the bar shows
 * @returns seconds; 0 is exact
 */
export function resolutionOf(lengthMs: number): number {
  if (lengthMs <= EXACT_MS) return 0;
  return resolutions.findLast((seconds) => seconds * 1000 <= lengthMs / FINEST_PX) ?? 1;
}

/** Parses a response into a tile; marks without an id or a time are left out. */
export function readTile(view: TimelineView, resS: number, requestedMs: number): Tile {
  const pins = view.pins as readonly Partial<{ id: string; from: string; to: string; text: string }>[];
  const markers = view.markers as readonly Partial<{ id: string; at: string; text: string }>[];
  return {
    resS,
    exact: !view.res,
    past: readPast(view),
    markers: markers
      .map(({ id, at = '', text = '' }) => ({ id: id ?? at, atMs: Date.parse(at), text }))
      .filter(({ atMs }) => atMs >= 0)
      .sort((a, b) => a.atMs - b.atMs),
    pins: pins
      .map(({ id, from = '', to = '', text = '' }) => ({
        id: id ?? from,
        fromMs: Date.parse(from),
        toMs: Date.parse(to),
        text,
      }))
      .filter(({ fromMs, toMs }) => toMs > fromMs),
    requestedMs,
  };
}

function isSame(a: Stretch, b: Stretch): boolean {
  return a.kind === b.kind && a.cause === b.cause && a.detail === b.detail;
}

/** The part of a past within [fromMs, toMs), unix milliseconds. */
export function cutPast(past: Past, fromMs: number, toMs: number): Past {
  const stretches = past.stretches
    .map((stretch) => ({
      ...stretch,
      fromMs: Math.max(fromMs, stretch.fromMs),
      toMs: Math.min(toMs, stretch.toMs),
    }))
    .filter((stretch) => stretch.toMs > stretch.fromMs);
  const healed = healedIn(past, { fromMs, toMs }).map((part) => ({
    ...part,
    fromMs: Math.max(fromMs, part.fromMs),
    toMs: Math.min(toMs, part.toMs),
  }));
  const range = { fromMs: Math.max(fromMs, past.fromMs), toMs: Math.min(toMs, past.toMs) };
  return { ...range, stretches, ...(healed.length > 0 && { healed }) };
}

/** Joins two pasts that touch or overlap: where both know something, the newer one is used. */
export function joinPast(old: Past, fresh: Past): Past {
  const before = cutPast(old, old.fromMs, fresh.fromMs);
  const after = cutPast(old, fresh.toMs, old.toMs);
  const stretches: Stretch[] = [];
  for (const stretch of [...before.stretches, ...fresh.stretches, ...after.stretches]) {
    const last = stretches.at(-1);
    if (last && isSame(last, stretch) && stretch.fromMs - last.toMs <= TOUCHING_MS) {
      stretches[stretches.length - 1] = { ...last, toMs: stretch.toMs };
    } else {
      stretches.push(stretch);
    }
  }
  const healed = joinHealed([...(before.healed ?? []), ...(fresh.healed ?? []), ...(after.healed ?? [])]);
  const range = { fromMs: Math.min(old.fromMs, fresh.fromMs), toMs: Math.max(old.toMs, fresh.toMs) };
  return { ...range, stretches, ...(healed.length > 0 && { healed }) };
}

/** A part that was cut in two is one again. */
function joinHealed(parts: readonly HealedPart[]): HealedPart[] {
  const joined: HealedPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    const continues = last?.toMs === part.fromMs && last.healedMs === part.healedMs && last.source === part.source;
    if (last && continues) joined[joined.length - 1] = { ...last, toMs: part.toMs };
    else joined.push(part);
  }
  return joined;
}

/** Joins two tiles of one zoom level; marks in the newer range are those of the newer one. */
export function joinTiles(old: Tile, fresh: Tile): Tile {
  const { fromMs, toMs } = fresh.past;
  const outside = ({ atMs }: Marker) => atMs < fromMs || atMs >= toMs;
  const freshIds = new Set(fresh.pins.map(({ id }) => id));
  const apart = (pin: Pin) => !freshIds.has(pin.id) && (pin.toMs <= fromMs || pin.fromMs >= toMs);
  return {
    resS: old.resS,
    exact: old.exact && fresh.exact,
    past: joinPast(old.past, fresh.past),
    markers: [...old.markers.filter(outside), ...fresh.markers].sort((a, b) => a.atMs - b.atMs),
    pins: [...old.pins.filter(apart), ...fresh.pins],
    requestedMs: old.requestedMs,
  };
}

/** The end of a response is not settled: media that was being recorded is requested again. Milliseconds. */
const UNSETTLED_MS = 60_000;
/** A tile is requested again after this time: retention deletes, other users add markers. Milliseconds. */
const STALE_MS = 120_000;
/** The end is fresh for this long, milliseconds. */
const FRESH_MS = 2_500;

/** The next request: a range that replaces the tile, or one that extends it. */
interface TimelineRequest {
  readonly fromMs: number;
  readonly toMs: number;
  readonly join: boolean;
}

/**
 * The part of a view that is missing, with one view's length on both sides, so that a little panning needs no
 * request.
 *
 * @param tile the tile of this zoom level
 * @param nowMs unix milliseconds; the end of the request
 * @param firstMs unix milliseconds; nothing earlier is requested, except what the view shows
 * @returns null if nothing is missing
 */
export function missing(tile: Tile | undefined, view: View, nowMs: number, firstMs = 0): TimelineRequest | null {
  const length = view.toMs - view.fromMs;
  const toMs = Math.min(nowMs, view.toMs);
  if (toMs <= view.fromMs) return null;
  const whole = {
    fromMs: Math.min(view.fromMs, Math.max(firstMs, view.fromMs - length)),
    toMs: Math.min(nowMs, view.toMs + length),
    join: false,
  };
  // Requested later than now: with the clock of this machine, before the server's was known.
  if (!tile || nowMs - tile.requestedMs > STALE_MS || tile.requestedMs > nowMs) return whole;
  const { past } = tile;
  if (view.fromMs < past.fromMs || view.fromMs > past.toMs) return whole;
  if (toMs - past.toMs <= FRESH_MS) return null;
  return {
    fromMs: Math.max(past.fromMs, past.toMs - Math.max(UNSETTLED_MS, 2000 * tile.resS)),
    toMs: whole.toMs,
    join: true,
  };
}

/** The tile that covers most of a view, and of equals the one of the view's own zoom level. */
export function bestTile(tiles: readonly Tile[], view: View): Tile | undefined {
  const length = view.toMs - view.fromMs;
  const viewResS = resolutionOf(length);
  const score = ({ past, resS }: Tile) => {
    const held = Math.max(0, Math.min(past.toMs, view.toMs) - Math.max(past.fromMs, view.fromMs));
    return held / length + (resS === viewResS ? 0.01 : 0);
  };
  return tiles.toSorted((a, b) => score(b) - score(a) || a.resS - b.resS)[0];
}
