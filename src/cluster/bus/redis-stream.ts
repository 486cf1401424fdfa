/**
 * Rows of a Redis Stream and their ids.
 * In: replies of XRANGE, ids of events. Out: rows; ids of events, which sort as text. Pure.
 */

export interface StreamRow {
  /** Milliseconds and a number, both decimal, with a hyphen between. */
  readonly id: string;
  readonly fields: Readonly<Record<string, string | undefined>>;
}

/** Digits of base 36, as in the ids of a process without a cluster. */
const MS_DIGITS = 9;
const NUMBER_DIGITS = 7;

/** Rows of a reply of XRANGE in RESP 2. */
export function parseStreamRows(reply: unknown): readonly StreamRow[] {
  return (reply as readonly (readonly [string, readonly string[]])[]).map(([id, flat]) => {
    const fields: Record<string, string> = {};
    for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i]!] = flat[i + 1]!;
    return { id, fields };
  });
}

/** The id of the event in a row: both parts in base 36, of one length each. */
export function printEventId(rowId: string): string {
  const [ms, number] = partsOf(rowId);
  return `${ms.toString(36).padStart(MS_DIGITS, '0')}-${number.toString(36).padStart(NUMBER_DIGITS, '0')}`;
}

/** The row of an event; undefined if the id has another form. */
export function parseEventId(id: string): string | undefined {
  const [, ms, number] = /^([0-9a-z]{9})-([0-9a-z]{7})$/.exec(id) ?? [];
  if (ms === undefined || number === undefined) return undefined;
  return `${Number.parseInt(ms, 36)}-${Number.parseInt(number, 36)}`;
}

/** Whether row `a` is after row `b`. */
export function isLater(a: string, b: string): boolean {
  const [[aMs, aNumber], [bMs, bNumber]] = [partsOf(a), partsOf(b)];
  return aMs === bMs ? aNumber > bNumber : aMs > bMs;
}

function partsOf(rowId: string): readonly [number, number] {
  const [ms = '0', number = '0'] = rowId.split('-');
  return [Number(ms), Number(number)];
}
