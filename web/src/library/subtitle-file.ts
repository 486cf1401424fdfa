/**
 * What the name of a subtitle file says.
 * In: a file name, e.g. `film.de.srt`. Out: a language. Pure.
 */

/** The language in the name, before its ending; empty if there is none. */
export function languageOfFile(name: string): string {
  const tag = /[.\s_-]([A-Za-z]{2,3}(?:-[A-Za-z]{2,4})?)\.(?:srt|vtt|ass|ssa)$/i.exec(name)?.[1] ?? '';
  try {
    // A code without a name is a word of the title.
    return new Intl.DisplayNames('en', { type: 'language', fallback: 'none' }).of(tag) === undefined ? '' : tag;
  } catch {
    return ''; // not a valid tag
  }
}
