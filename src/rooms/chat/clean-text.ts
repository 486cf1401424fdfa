/**
 * Removes from a text what is not text: control characters, and marks that change the direction of what
 * follows them.
 * In: the text of a message. Out: the text to store; everything else is kept exactly. Pure.
 */

/** Control characters; embeddings, overrides and isolates of Unicode UAX 9; the byte order mark. */
const NOT_TEXT = /(?!\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const LINE_END = /\r\n?|[\u0085\u2028\u2029]/g;

/**
 * Cleans a text.
 *
 * @param isOneLine line ends become spaces
 */
export function cleanText(text: string, { isOneLine = false } = {}): string {
  const clean = text.toWellFormed().replace(LINE_END, '\n').replaceAll('\t', ' ').replace(NOT_TEXT, '');
  return isOneLine ? clean.replaceAll('\n', ' ') : clean;
}
