/**
 * Numbers of things in sentences for people.
 * In: a number, an English noun with a regular plural. Out: text. Pure.
 */

/** `1 stream`, `2 streams`. */
export function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
