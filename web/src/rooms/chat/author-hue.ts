/**
 * The colour of an author's name.
 * In: the id of a user. Out: a hue. Pure.
 */

/** The hue of an author, 0 to 359; the same for everyone. */
export function authorHue(author: string): number {
  return [...author].reduce((sum, each) => (sum * 31 + each.codePointAt(0)!) % 360, 180);
}
