/**
 * When a file of a camera begins, by its name: `20261130_142233.mp4`, `2026-11-30T14-22-33Z.ts`,
 * `1795996800.mp4`.
 * In: a name, the zone of its clock. Out: instants. Pure.
 */
import type { TimeZone } from '../../../api/local-time.ts';

/** Date and time with any or no separators, perhaps a fraction and a zone. */
const DATED =
  /(?<!\d)((?:19|20)\d\d)[-_. ]?(\d\d)[-_. ]?(\d\d)[-_T. ]{0,3}(\d\d)[-_:.h ]?(\d\d)[-_:.m ]?(\d\d)(?:[.,_](\d{3}|\d{6}))?(Z|[+-]\d\d:?\d\d)?(?!\d)/;
/** Unix seconds or milliseconds of 2001 to 2286. */
const UNIX = /(?<!\d)(1\d{9})(\d{3})?(?!\d)/;
/** Longest name that is read. */
const MAX_NAME = 1024;

/**
 * The instants that a name may mean, ms since 1970: none without a time, two where clocks are set back.
 *
 * @param zone of names that do not say one
 */
export function instantsOfName(name: string, zone: TimeZone): readonly number[] {
  const text = name.slice(-MAX_NAME);
  const dated = DATED.exec(text);
  if (!dated) {
    const unix = UNIX.exec(text);
    return unix ? [Number(unix[1]) * 1000 + Number(unix[2] ?? 0)] : [];
  }
  const [year, month, day, hour, minute, second] = dated.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const localMs = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(localMs);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 60)
    return [];
  const fractionMs = Number(`0.${dated[7] ?? 0}`) * 1000;
  const offset = dated[8];
  const instants = offset === undefined ? zone.instantsOf(localMs) : [localMs - offsetMs(offset)];
  return instants.map((ms) => ms + fractionMs);
}

/** @param text `Z`, or such as `+0200` */
function offsetMs(text: string): number {
  if (text === 'Z') return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(-2));
  return minutes * 60_000 * (text[0] === '-' ? -1 : 1);
}
