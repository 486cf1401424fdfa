/**
 * What a channel shows at an instant, by its schedule.
 * In: items in local time, a zone. Out: airings in UTC: which item, from when to when, where in it. Pure.
 *
 * An item lasts its duration in real time. One that happens once replaces weekly ones for its time. Where
 * clocks skip an hour, an item that would begin in it begins at the step, and the item that belongs there
 * comes first; where an hour comes twice, the first one counts. docs/decisions/0122.
 */
import type { TimeZone } from '../../../api/local-time.ts';
import { dropOldest } from '../../../lib/drop-oldest.ts';

/** What an item plays. */
export type ItemKind = 'asset' | 'clip' | 'recording' | 'live';

/** An item of a schedule. */
export interface ChannelItem {
  readonly id: string;
  readonly kind: ItemKind;
  /** Id of the asset, the clip or the stream. */
  readonly ref: string;
  readonly title: string;
  /** Local time, read as if it were UTC, ms since 1970. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly weekly: boolean;
  /** Where it begins in its media, ms: from its start; of a recording since 1970. */
  readonly mediaMs: number;
}

/** A stretch in which an item is shown. Times are ms since 1970. */
export interface Airing {
  readonly item: ChannelItem;
  /** When the item began, or would have begun if another one had not been shown. */
  readonly beganMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Longest item, ms. */
export const MAX_ITEM_MS = 24 * 3_600_000;
const DAY_MS = 24 * 3_600_000;
const WEEK_MS = 7 * DAY_MS;
/** Clocks step over whole quarters of an hour. */
const STEP_MS = 900_000;
/** Airings are worked out for this long at a time, ms. */
const AHEAD_MS = 2 * DAY_MS;
/** Days whose distance from UTC is kept. */
const MOST_DAYS = 100;

/** An item at its instant. */
interface Occurrence {
  readonly item: ChannelItem;
  readonly localMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The schedule of one channel; immutable. */
export class Schedule {
  readonly zone: TimeZone;
  readonly items: readonly ChannelItem[];
  /** By local day, ms: what is added to its local times for UTC, ms; `changes`: clocks change on it. */
  readonly #shifts = new Map<number, number | 'changes'>();
  #known: { readonly fromMs: number; readonly toMs: number; readonly airings: readonly Airing[] } | undefined;

  constructor(zone: TimeZone, items: readonly ChannelItem[]) {
    this.zone = zone;
    this.items = items;
  }

  /** What is shown at an instant; undefined: nothing is scheduled. @param ms since 1970 */
  at(ms: number): Airing | undefined {
    const airings = this.#near(ms);
    const airing = airings[countBegun(airings, ms) - 1];
    return airing && ms < airing.toMs ? airing : undefined;
  }

  /**
   * The beginning of the next airing after an instant, ms since 1970; at most a day ahead, where nothing may
   * begin.
   */
  nextMs(ms: number): number {
    const airings = this.#near(ms);
    return airings[countBegun(airings, ms)]?.fromMs ?? ms + DAY_MS;
  }

  /** Airings that overlap [fromMs, toMs), in order, complete. */
  between(fromMs: number, toMs: number): Airing[] {
    return airingsOf(this.#occurrences(fromMs - MAX_ITEM_MS, toMs + MAX_ITEM_MS)).filter(
      (airing) => airing.fromMs < toMs && airing.toMs > fromMs,
    );
  }

  /** Airings around an instant, and of more than a day after it. */
  #near(ms: number): readonly Airing[] {
    const known = this.#known;
    if (known && known.fromMs <= ms && ms + DAY_MS < known.toMs) return known.airings;
    const [fromMs, toMs] = [ms, ms + AHEAD_MS];
    this.#known = { fromMs, toMs, airings: this.between(fromMs, toMs) };
    return this.#known.airings;
  }

  /** Occurrences that overlap [fromMs, toMs). */
  #occurrences(fromMs: number, toMs: number): Occurrence[] {
    return this.items.flatMap((item) => {
      const { durationMs, startMs, weekly } = item;
      // Local times differ from UTC by less than a day.
      const firstMs = fromMs - durationMs - DAY_MS;
      if (!weekly && startMs < firstMs) return [];
      const weeks = weekly ? Math.max(0, Math.ceil((firstMs - startMs) / WEEK_MS)) : 0;
      const occurrences: Occurrence[] = [];
      for (let localMs = startMs + weeks * WEEK_MS; localMs < toMs + DAY_MS; localMs += WEEK_MS) {
        const atMs = this.#instantOf(localMs);
        if (atMs < toMs && atMs + durationMs > fromMs)
          occurrences.push({ item, localMs, fromMs: atMs, toMs: atMs + durationMs });
        if (!weekly) break;
      }
      return occurrences;
    });
  }

  /** As `instantOf`; a day without a change of clocks is looked up once. */
  #instantOf(localMs: number): number {
    const dayMs = Math.floor(localMs / DAY_MS) * DAY_MS;
    let shiftMs = this.#shifts.get(dayMs);
    if (shiftMs === undefined) {
      const [beginMs, endMs] = [instantOf(this.zone, dayMs), instantOf(this.zone, dayMs + DAY_MS)];
      shiftMs = endMs - beginMs === DAY_MS ? beginMs - dayMs : 'changes';
      this.#shifts.set(dayMs, shiftMs);
      dropOldest(this.#shifts, MOST_DAYS);
    }
    return shiftMs === 'changes' ? instantOf(this.zone, localMs) : localMs + shiftMs;
  }
}

/** How many airings have begun at an instant. @param airings in order */
function countBegun(airings: readonly Airing[], ms: number): number {
  let [low, high] = [0, airings.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (airings[middle]!.fromMs <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first instant that clocks show as a local time, or the step with which they skip it. */
export function instantOf(zone: TimeZone, localMs: number): number {
  const atMs = zone.instantsOf(localMs)[0];
  if (atMs !== undefined) return atMs;
  for (let laterMs = Math.ceil((localMs + 1) / STEP_MS) * STEP_MS; ; laterMs += STEP_MS) {
    const stepMs = zone.instantsOf(laterMs)[0];
    if (stepMs !== undefined) return stepMs;
    if (laterMs > localMs + 2 * DAY_MS) throw new RangeError(`${zone.name} steps over more than a day.`); // no zone
  }
}

/** Whether `a` is shown where both would be. */
function comesFirst(a: Occurrence, b: Occurrence): boolean {
  if (a.item.weekly !== b.item.weekly) return !a.item.weekly;
  if (a.fromMs !== b.fromMs) return a.fromMs > b.fromMs;
  return a.localMs > b.localMs;
}

/** Which occurrence is shown when. */
function airingsOf(occurrences: readonly Occurrence[]): Airing[] {
  const sorted = occurrences.toSorted((a, b) => a.fromMs - b.fromMs);
  const times = [...new Set(sorted.flatMap(({ fromMs, toMs }) => [fromMs, toMs]))].sort((a, b) => a - b);
  const airings: (Airing & { readonly of: Occurrence })[] = [];
  let open: Occurrence[] = [];
  let next = 0;
  for (const [i, fromMs] of times.entries()) {
    const toMs = times[i + 1];
    if (toMs === undefined) break;
    for (; sorted[next] && sorted[next]!.fromMs <= fromMs; next++) open.push(sorted[next]!);
    open = open.filter((occurrence) => occurrence.toMs > fromMs);
    const [first, ...others] = open;
    if (!first) continue;
    const shown = others.reduce((best, other) => (comesFirst(other, best) ? other : best), first);
    const last = airings.at(-1);
    if (last?.of === shown && last.toMs === fromMs) airings[airings.length - 1] = { ...last, toMs };
    else airings.push({ of: shown, item: shown.item, beganMs: shown.fromMs, fromMs, toMs });
  }
  return airings.map(({ item, beganMs, fromMs, toMs }) => ({ item, beganMs, fromMs, toMs }));
}

/** The item of the same kind of repetition that overlaps `item` in local time; undefined: none does. */
export function overlapOf(
  item: Pick<ChannelItem, 'startMs' | 'durationMs' | 'weekly'>,
  others: readonly ChannelItem[],
): ChannelItem | undefined {
  const { startMs, durationMs, weekly } = item;
  return others.find((other) => {
    if (other.weekly !== weekly) return false;
    if (!weekly) return startMs < other.startMs + other.durationMs && other.startMs < startMs + durationMs;
    const afterMs = within(other.startMs - startMs);
    return afterMs < durationMs || WEEK_MS - afterMs < other.durationMs;
  });
}

/** A distance on the circle of a week, 0 or more. */
function within(ms: number): number {
  return ((ms % WEEK_MS) + WEEK_MS) % WEEK_MS;
}
