/**
 * Words of the full-text search: texts as they are indexed, and queries that contain no syntax of an engine.
 * In: texts of assets, queries of users. Out: words for asset-search.ts.
 */

/** Scripts that are written without spaces between words: each of their characters is its own word. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/gu;
const WORD = /[\p{L}\p{N}\p{M}]+/gu;
/** Combining Diacritical Marks. */
const ACCENTS = /[\u0300-\u036f]/g;
/** Words of a query; more are ignored. */
const MAX_WORDS = 16;

/** A text with its words separated by spaces. The tokenizer removes case and diacritics. */
export function searchText(text: string): string {
  return text.normalize('NFKC').replace(UNSPACED, ' $& ');
}

/**
 * The words of a text in their order, without case and accents, for an engine without its own tokenizer.
 */
export function searchWords(text: string): string[] {
  return (searchText(text).match(WORD) ?? []).map(foldWord);
}

/**
 * The phrases of a query. A text that matches has all phrases, each of words that follow one another; the
 * last word of a phrase may be the start of a word. Words of scripts without spaces are found anywhere.
 *
 * @returns phrases of only letters and digits; none for a query without a word, which finds nothing
 */
export function searchPhrases(query: string): string[][] {
  const words = query.normalize('NFKC').match(WORD) ?? [];
  return words.slice(0, MAX_WORDS).flatMap((word) => phrasesOf(word).map((phrase) => phrase.split(' ').map(foldWord)));
}

/** A word without case and accents. */
function foldWord(word: string): string {
  return word.normalize('NFKD').replace(ACCENTS, '').normalize('NFC').toLowerCase();
}

/**
 * The runs of a word of one kind of script each; characters of scripts without spaces must follow one
 * another.
 */
function phrasesOf(word: string): string[] {
  const runs = searchText(word).split(/ {1,2}(?=\S)/);
  const phrases: string[] = [];
  let wasUnspaced = false;
  for (const run of runs.map((text) => text.trim()).filter((text) => text !== '')) {
    const isUnspaced = run.search(UNSPACED) >= 0;
    if (isUnspaced && wasUnspaced) phrases.push(`${phrases.pop()!} ${run}`);
    else phrases.push(run);
    wasUnspaced = isUnspaced;
  }
  return phrases;
}

/** The sort key of titles: without case and diacritics. */
export function sortKey(title: string): string {
  return title.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().trim();
}
