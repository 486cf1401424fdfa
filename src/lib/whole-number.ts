/**
 * Whole numbers in paths, without regular expressions: this runs for every request.
 * In: a text and a place in it. Out: the number. Pure.
 */

/** The number that the characters [from, to) are, or -1 if they are not 1 to `maxDigits` digits. */
export function digitsAt(text: string, from: number, to: number, maxDigits: number): number {
  if (to <= from || to - from > maxDigits) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
