/**
 * The search field above a table that is complete in the browser.
 * In: the typed text, the texts of a row. Out: whether the row is shown. Pure.
 */

/** Whether each word that was typed is in one of the texts, in any case; nothing typed: true. */
export function isFound(typed: string, texts: readonly string[]): boolean {
  const text = texts.join('\n').toLocaleLowerCase();
  const words = typed.toLocaleLowerCase().split(/\s+/);
  return words.every((word) => text.includes(word));
}
