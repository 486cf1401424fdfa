/**
 * The words of assets in the index of full texts: FTS5 in SQLite, `tsvector` in PostgreSQL.
 * In: texts of assets, phrases of queries. Out: rows of `asset_search`, and the ids that match. SQLite FTS5
 * 3; PostgreSQL manual, 8.11.
 */
import { type Kysely, type SelectQueryBuilder, sql } from 'kysely';
import { engineOf } from '../engine.ts';
import type { Tables } from '../schema.ts';
import { searchText, searchWords } from './search-text.ts';

/** Longest word of a `tsvector`, characters; the limit of PostgreSQL is 2046 bytes. */
const MAX_WORD = 500;
/** Highest place of a word in a `tsvector`; further words share it. */
const MAX_PLACE = 16_383;
/** Between the texts of an asset, so that no phrase crosses from one to the next. */
const PLACES_BETWEEN = 2;

/** Texts of an asset: title, description, tags, file name. */
export type AssetTexts = readonly [title: string, description: string, tags: string, filename: string];

/** Writes the words of an asset that has none. */
export async function putTexts(db: Kysely<Tables>, rowid: number, texts: AssetTexts): Promise<void> {
  const insert = db.insertInto('asset_search');
  if (engineOf(db) === 'postgresql') {
    await insert.values({ rowid, words: sql<string>`${vectorOf(texts)}::tsvector` }).execute();
    return;
  }
  const [title, description, tags, filename] = texts.map(searchText) as [string, string, string, string];
  await insert.values({ rowid, title, description, tags, filename }).execute();
}

/** Deletes the words of an asset. */
export async function forgetTexts(db: Kysely<Tables>, rowid: number): Promise<void> {
  await db.deleteFrom('asset_search').where('rowid', '=', rowid).execute();
}

/** Selects the `seq` of the assets with all phrases. @param phrases at least one, of `searchPhrases` */
export function matching(
  db: Kysely<Tables>,
  phrases: readonly (readonly string[])[],
): SelectQueryBuilder<Tables, 'asset_search', { rowid: number }> {
  const select = db.selectFrom('asset_search').select('rowid');
  if (engineOf(db) === 'postgresql') {
    return select.where(sql<boolean>`words @@ ${phrases.map(tsPhrase).join(' & ')}::tsquery`);
  }
  // A phrase has only letters and digits, so a word cannot end its quotes.
  const expression = phrases.map((words) => `"${words.join(' ')}" *`).join(' ');
  return select.where('asset_search.asset_search', 'match', expression);
}

/** The words with their places, in the form of a literal: `'cat':1 'sat':2`. */
function vectorOf(texts: AssetTexts): string {
  let place = 0;
  const entries = texts.flatMap((text) => {
    place += PLACES_BETWEEN;
    return searchWords(text).map((word) => `'${word.slice(0, MAX_WORD)}':${Math.min(++place, MAX_PLACE)}`);
  });
  return entries.join(' ');
}

/** Words that follow one another, the last of them by its start: `'new' <-> 'yor':*`. */
function tsPhrase(words: readonly string[]): string {
  return `(${words.map((word) => `'${word.slice(0, MAX_WORD)}'`).join(' <-> ')}:*)`;
}
