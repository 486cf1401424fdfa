/**
 * Words of the full-text search: texts as they are indexed, and queries that contain no syntax of FTS5.
 * In: texts of assets, queries of users. Out: text for the table `asset_search`. SQLite FTS5 3 and 4.3.1.
 */

/** Scripts that are written without spaces between words: each of their characters is a word of its own. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/gu;
const WORD = /[\p{L}\p{N}\p{M}]+/gu;
/** Words of a query; more are ignored. */
const MAX_WORDS = 16;

/** A text with its words separated by spaces. The tokenizer removes case and diacritics. */
export function searchText(text: string): string {
  return text.normalize('NFKC').replace(UNSPACED, ' $& ');
}

/**
 * The expression that finds texts with all words of a query: each at the start of a word or, in scripts without spaces, anywhere.
 *
 * @returns undefined for a query without a word, which finds nothing
 */
export function searchExpression(query: string): string | undefined {
  const words = query.normalize('NFKC').match(WORD) ?? [];
  if (words.length === 0) return undefined;
  // Of letters and digits alone, so a word cannot end its quotes.
  const phrases = words.slice(0, MAX_WORDS).flatMap((word) => phrasesOf(word).map((phrase) => `"${phrase}" *`));
  return phrases.join(' ');
}

/** The runs of a word of one kind of script each; characters of scripts without spaces must follow one another. */
function phrasesOf(word: string): string[] {
  const runs = searchText(word).split(/ {1,2}(?=\S)/);
  const phrases: string[] = [];
  let wasUnspaced = false;
  for (const run of runs.map((one) => one.trim()).filter((one) => one !== '')) {
    const isUnspaced = run.search(UNSPACED) >= 0;
    if (isUnspaced && wasUnspaced) phrases.push(`${phrases.pop()!} ${run}`);
    else phrases.push(run);
    wasUnspaced = isUnspaced;
  }
  return phrases;
}

/** What titles are sorted by: without case and diacritics. */
export function sortKey(title: string): string {
  return title.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().trim();
}
