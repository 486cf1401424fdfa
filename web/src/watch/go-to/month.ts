/**
 * A month of a calendar in the viewer's zone: its weeks, moves of the keyboard.
 * In: days. Out: the calendar. Pure: the zone is that of the machine.
 */
/** A day as text that sorts, `2026-11-22`. */
export type Day = string;

const two = (value: number) => String(value).padStart(2, '0');
const dayOf = (date: Date): Day => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;

/** Noon of a day: no change of daylight saving time is near. */
function noonOf(day: Day): Date {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date, 12);
}

/** The day of a time. @param atMs unix milliseconds */
export function dayAt(atMs: number): Day {
  return dayOf(new Date(atMs));
}

/** Noon of a day, for its name; unix milliseconds. */
export function noonMs(day: Day): number {
  return noonOf(day).getTime();
}

/** The time of a day that has the clock time of another time; unix milliseconds. */
export function sameClock(day: Day, clockMs: number): number {
  const [noon, clock] = [noonOf(day), new Date(clockMs)];
  const time = [clock.getHours(), clock.getMinutes(), clock.getSeconds()] as const;
  return new Date(noon.getFullYear(), noon.getMonth(), noon.getDate(), ...time).getTime();
}

/** A day some days later, or earlier if it is negative. */
export function addDays(day: Day, count: number): Day {
  const noon = noonOf(day);
  return dayOf(new Date(noon.getFullYear(), noon.getMonth(), noon.getDate() + count, 12));
}

/** The same day some months later, or the last one of a shorter month. */
export function addMonths(day: Day, count: number): Day {
  const noon = noonOf(day);
  const last = new Date(noon.getFullYear(), noon.getMonth() + count + 1, 0, 12);
  return dayOf(new Date(last.getFullYear(), last.getMonth(), Math.min(noon.getDate(), last.getDate()), 12));
}

/**
 * The weeks of the month of a day; null in cells of other months.
 *
 * @param firstWeekday of a week: 1 Monday … 7 Sunday
 */
export function weeksOf(day: Day, firstWeekday: number): (Day | null)[][] {
  const first = noonOf(`${day.slice(0, 7)}-01`);
  const length = new Date(first.getFullYear(), first.getMonth() + 1, 0).getDate();
  const offset = (first.getDay() - firstWeekday + 7) % 7;
  const cells = Array.from({ length: Math.ceil((offset + length) / 7) * 7 }, (_, index) => {
    const date = index - offset + 1;
    return date >= 1 && date <= length ? `${day.slice(0, 7)}-${two(date)}` : null;
  });
  return Array.from({ length: cells.length / 7 }, (_, week) => cells.slice(7 * week, 7 * week + 7));
}

/**
 * The day that a key of the grid moves to: arrows a day or a week, Home and End within the week, Page Up and
 * Down a month, with Shift a year. null for other keys.
 */
export function dayForKey(
  { key, shiftKey }: { readonly key: string; readonly shiftKey: boolean },
  day: Day,
  firstWeekday: number,
): Day | null {
  const weekday = (noonOf(day).getDay() - firstWeekday + 7) % 7;
  switch (key) {
    case 'ArrowLeft':
      return addDays(day, -1);
    case 'ArrowRight':
      return addDays(day, 1);
    case 'ArrowUp':
      return addDays(day, -7);
    case 'ArrowDown':
      return addDays(day, 7);
    case 'Home':
      return addDays(day, -weekday);
    case 'End':
      return addDays(day, 6 - weekday);
    case 'PageUp':
      return addMonths(day, shiftKey ? -12 : -1);
    case 'PageDown':
      return addMonths(day, shiftKey ? 12 : 1);
    default:
      return null;
  }
}
