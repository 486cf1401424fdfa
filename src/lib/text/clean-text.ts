/**
 * Removes non-text from a text: control characters, and marks that change the direction of
 * the following text.
 * In: a text that someone has written. Out: the text to store; everything else is kept exactly. Pure.
 */

/** Embeddings, overrides and isolates of Unicode UAX 9: with them a name reads as another. */
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g;
/** Control characters; the byte order mark. */
const NOT_TEXT = /(?!\n)\p{Cc}|\ufeff/gu;
const LINE_END = /\r\n?|[\u0085\u2028\u2029]/g;

/**
 * Cleans a text.
 *
 * @param isOneLine line ends become spaces
 */
export function cleanText(text: string, { isOneLine = false } = {}): string {
  const clean = withoutDirections(text)
    .toWellFormed()
    .replace(LINE_END, '\n')
    .replaceAll('\t', ' ')
    .replace(NOT_TEXT, '');
  return isOneLine ? clean.replaceAll('\n', ' ') : clean;
}

/** The text without marks that change the direction of the following text. */
export function withoutDirections(text: string): string {
  return text.replace(DIRECTIONS, '');
}
