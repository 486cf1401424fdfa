/**
 * Where the items of a channel are in a week of local days.
 * In: items with local times. Out: blocks by day and minute. Times are local, read as if they were UTC, ms.
 * Pure.
 */

/** The part of an item that decides where it is. */
export interface WeekItem {
  readonly id: string;
  readonly start: string;
  readonly seconds: number;
  readonly weekly: boolean;
}

/** The part of an item on one day. */
export interface Block<Item> {
  readonly item: Item;
  /** 0 to 6. */
  readonly day: number;
  /** Minutes from midnight. */
  readonly fromMin: number;
  readonly toMin: number;
  /** Local time at which this occurrence begins, ms. */
  readonly startMs: number;
}

const MIN_MS = 60_000;
export const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

/** The Monday of the week of a local time. */
export function mondayOf(localMs: number): number {
  const day = Math.floor(localMs / DAY_MS);
  // 1970-01-01 was a Thursday.
  return (day - ((day + 3) % 7)) * DAY_MS;
}

/** The local time of a zone at an instant. @param zone IANA name */
export function localOf(ms: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(ms);
  const of = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
}

/** A local time as the API writes it. */
export function printLocal(localMs: number): string {
  return new Date(localMs).toISOString().slice(0, 19);
}

/** Ms of such a time, or of one without seconds, as a field of the browser has it; NaN for others. */
export function readLocal(text: string): number {
  return Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`);
}

/** The blocks of the week that begins at `mondayMs`; items over midnight have several. */
export function blocksOf<Item extends WeekItem>(items: readonly Item[], mondayMs: number): Block<Item>[] {
  return items.flatMap((item) =>
    startsIn(item, mondayMs).flatMap((startMs) => {
      const endMs = startMs + item.seconds * 1000;
      const blocks: Block<Item>[] = [];
      for (let day = 0; day < 7; day++) {
        const [fromMs, toMs] = [mondayMs + day * DAY_MS, mondayMs + (day + 1) * DAY_MS];
        if (startMs >= toMs || endMs <= fromMs) continue;
        const fromMin = (Math.max(startMs, fromMs) - fromMs) / MIN_MS;
        blocks.push({ item, day, fromMin, toMin: (Math.min(endMs, toMs) - fromMs) / MIN_MS, startMs });
      }
      return blocks;
    }),
  );
}

/** Starts of an item whose time touches the week: of a weekly one at most two. */
function startsIn({ start, seconds, weekly }: WeekItem, mondayMs: number): number[] {
  const firstMs = readLocal(start);
  if (!weekly) return [firstMs];
  const weeks = Math.floor((mondayMs - firstMs) / WEEK_MS);
  return [weeks, weeks + 1]
    .filter((count) => count >= 0)
    .map((count) => firstMs + count * WEEK_MS)
    .filter((startMs) => startMs < mondayMs + WEEK_MS && startMs + seconds * 1000 > mondayMs);
}

/** A start moved by days and minutes; never before 1970. */
export function moved(start: string, days: number, minutes: number): string {
  return printLocal(Math.max(0, readLocal(start) + days * DAY_MS + minutes * MIN_MS));
}
