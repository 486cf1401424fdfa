/**
 * The lists of the rules by network and country, as they are typed.
 * In: texts. Out: entries. Pure.
 */

/** The entries of a typed list, with commas or spaces between them. */
export function readEntries(text: string): string[] {
  return text.split(/[\s,]+/).filter((entry) => entry !== '');
}

/** Whether two lists have the same entries in the same order. */
export function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((entry, i) => entry === other[i]);
}
