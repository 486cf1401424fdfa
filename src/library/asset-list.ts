/**
 * Pages of assets: filters, order, and a cursor that continues after the last asset of a page.
 * In: a query. Out: records. A page costs the same at the start and at the end of a long list.
 */
import type { Kysely, SelectQueryBuilder } from 'kysely';
import { OxbowError } from '../lib/errors.ts';
import type { Tables } from '../store/schema.ts';
import { matching } from '../store/search/asset-search.ts';
import { searchPhrases } from '../store/search/search-text.ts';
import type { AssetState, AssetVisibility } from './asset.ts';
import { type AssetRecord, recordOf } from './asset-record.ts';

/** The sort keys of a list. */
export type AssetOrder = 'created' | 'title' | 'duration' | 'bytes';

/** Which assets, and which page of them. */
export interface AssetQuery {
  /** Words of title, description, tags and file name. */
  readonly query?: string | undefined;
  readonly tag?: string | undefined;
  readonly state?: AssetState | undefined;
  readonly owner?: string | undefined;
  readonly visibility?: AssetVisibility | undefined;
  /** Those of the trash instead of the others. */
  readonly trash?: boolean | undefined;
  /** Only what this client may see: public assets and its own, in the trash its own; undefined: all. */
  readonly viewer?: string | undefined;
  readonly order?: AssetOrder | undefined;
  /** Largest or newest first; default for all but titles. */
  readonly descending?: boolean | undefined;
  readonly limit: number;
  /** `nextCursor` of the page before, of the same query. */
  readonly cursor?: string | undefined;
}

export interface AssetPage {
  readonly items: readonly AssetRecord[];
  readonly nextCursor: string | null;
}

const columns = { created: 'seq', title: 'title_key', duration: 'duration_us', bytes: 'bytes' } as const;

/**
 * Reads a page.
 *
 * @throws OxbowError `bad-request` for a cursor that is not one of this list
 */
export async function listAssets(db: Kysely<Tables>, query: AssetQuery): Promise<AssetPage> {
  const { order = 'created', limit, cursor } = query;
  const direction = (query.descending ?? order !== 'title') ? 'desc' : 'asc';
  const column = columns[order];
  let select = filtered(db, db.selectFrom('asset').selectAll(), query);
  // Assets without duration or size come last, in either direction.
  if (column === 'duration_us' || column === 'bytes') select = select.where(column, 'is not', null);
  if (cursor !== undefined) {
    const [value, seq] = readCursor(cursor, column === 'title_key');
    const beyond = direction === 'desc' ? '<' : '>';
    select = select.where((eb) =>
      eb.or([eb(column, beyond, value as never), eb.and([eb(column, '=', value as never), eb('seq', beyond, seq)])]),
    );
  }
  const rows = await select
    .orderBy(column, direction)
    .orderBy('seq', direction)
    .limit(limit + 1)
    .execute();
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(recordOf),
    nextCursor: rows.length > limit && last ? printCursor([last[column]!, last.seq]) : null,
  };
}

type AssetSelect<Row> = SelectQueryBuilder<Tables, 'asset', Row>;

function filtered<Row>(db: Kysely<Tables>, base: AssetSelect<Row>, query: AssetQuery): AssetSelect<Row> {
  const { tag, state, owner, visibility, trash, viewer, query: words } = query;
  let select = base.where('deleted_us', trash ? 'is not' : 'is', null);
  if (state !== undefined) select = select.where('state', '=', state);
  if (owner !== undefined) select = select.where('owner', '=', owner);
  if (visibility !== undefined) select = select.where('visibility', '=', visibility);
  if (viewer !== undefined && trash) select = select.where('owner', '=', viewer);
  else if (viewer !== undefined) {
    select = select.where((eb) =>
      eb.or([eb('owner', '=', viewer), eb.and([eb('visibility', '=', 'public'), eb('state', '=', 'ready')])]),
    );
  }
  if (tag !== undefined) {
    select = select.where('seq', 'in', (eb) => eb.selectFrom('asset_tag').select('asset_seq').where('tag', '=', tag));
  }
  if (words !== undefined && words.trim() !== '') {
    const phrases = searchPhrases(words);
    if (phrases.length === 0) return select.where('seq', '<', 0);
    select = select.where('seq', 'in', matching(db, phrases));
  }
  return select;
}

function printCursor(place: readonly [string | number, number]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function readCursor(cursor: string, isText: boolean): [string | number, number] {
  try {
    const [value, seq] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [unknown, unknown];
    const isValue = isText ? typeof value === 'string' : Number.isSafeInteger(value);
    if (isValue && Number.isSafeInteger(seq)) return [value as string | number, seq as number];
  } catch {
    // refused below
  }
  throw new OxbowError('bad-request', 'The cursor is not one of this list.');
}
