/**
 * Reads a time that a person has typed, in their zone or UTC: on pages, and in the options of verbs.
 * In: text. Out: unix milliseconds. Pure: the zone is that of the machine.
 */

const MINUTE = 60_000;
const units: Readonly<Record<string, number>> = { s: 1_000, m: MINUTE, h: 60 * MINUTE, d: 24 * 60 * MINUTE };
const CLOCK = /(?:^|\s|T)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?$/i;
const DATE = /^(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})日?$/;
const BACK = /^[-−–](?:\s*\d+(?:\.\d+)?\s*[smhd])+$/;
/** Words for days, as days before today. */
const days: Readonly<Record<string, number>> = {
  today: 0,
  今天: 0,
  heute: 0,
  yesterday: 1,
  昨天: 1,
  gestern: 1,
  前天: 2,
  vorgestern: 2,
};

/** A day and a time of a calendar; months from 1. */
interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/**
 * The time of parts; null if there is no such day. An hour that daylight saving time skips is the one after
 * it.
 */
function momentOf({ year, month, day, hour, minute, second }: Parts, utc: boolean): number | null {
  if (hour > 23 || minute > 59 || second > 59) return null;
  const date = utc
    ? new Date(Date.UTC(year, month - 1, day, hour, minute, second))
    : new Date(year, month - 1, day, hour, minute, second);
  const [ownMonth, ownDay] = utc ? [date.getUTCMonth(), date.getUTCDate()] : [date.getMonth(), date.getDate()];
  return ownMonth === month - 1 && ownDay === day ? date.getTime() : null;
}

/**
 * The time that a text names: `14:03`, `14:03:20`, `yesterday 14:00`, `2026-11-22 14:03`, `-1h 30m`, `now`,
 * each also followed by `UTC`.
 *
 * @param nowMs unix milliseconds; a time without a day is the last one before it
 * @returns unix milliseconds; null if the text names no time
 */
export function readMoment(text: string, nowMs: number): number | null {
  const typed = text.trim().replaceAll('：', ':').replaceAll(/\s+/g, ' ');
  if (/^(now|live|现在|直播|jetzt)$/i.test(typed)) return nowMs;
  if (BACK.test(typed)) {
    const parts = [...typed.matchAll(/(\d+(?:\.\d+)?)\s*([smhd])/g)];
    return nowMs - parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0);
  }
  const utc = /\s?(utc|z)$/i.test(typed);
  const local = typed.replace(/\s?(utc|z)$/i, '');
  const clock = CLOCK.exec(local);
  const dayText = local
    .slice(0, clock ? clock.index : undefined)
    .trim()
    .toLowerCase();
  if (!clock && dayText === '') return null;
  const time = { hour: Number(clock?.[1] ?? 0), minute: Number(clock?.[2] ?? 0), second: Number(clock?.[3] ?? 0) };
  const now = new Date(nowMs);
  const today = utc
    ? { year: now.getUTCFullYear(), month: now.getUTCMonth() + 1, day: now.getUTCDate() }
    : { year: now.getFullYear(), month: now.getMonth() + 1, day: now.getDate() };
  const before = (count: number): Parts => {
    const date = new Date(Date.UTC(today.year, today.month - 1, today.day - count));
    return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate(), ...time };
  };
  if (dayText === '') {
    const atMs = momentOf(before(0), utc);
    return atMs !== null && atMs > nowMs ? momentOf(before(1), utc) : atMs;
  }
  if (Object.hasOwn(days, dayText)) return momentOf(before(days[dayText]!), utc);
  const date = DATE.exec(dayText);
  if (!date) return null;
  const [, year, month, day] = date;
  return momentOf({ year: Number(year ?? today.year), month: Number(month), day: Number(day), ...time }, utc);
}

const two = (value: number) => String(value).padStart(2, '0');

/**
 * The time as text that `readMoment` reads: `2026-11-22 14:03:20`, in the viewer's zone.
 * @param atMs unix milliseconds
 */
export function writeMoment(atMs: number): string {
  const date = new Date(atMs);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
