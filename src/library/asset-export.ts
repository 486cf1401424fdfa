/**
 * The stored data of an owner in the library: assets, also those in the trash, for the document of `GET
 * /api/v1/me/export`.
 * In: the tables. Out: a part of the document; the files are downloaded one by one.
 */
import type { Kysely } from 'kysely';
import { printRfc3339 } from '../api/instant.ts';
import type { Tables } from '../store/schema.ts';

/** The assets of an owner. @param owner as in `Principal.owner` */
export async function exportAssetsOf(db: Kysely<Tables>, owner: string): Promise<readonly object[]> {
  const assets = await db
    .selectFrom('asset')
    .select(['id', 'title', 'description', 'tags', 'visibility', 'state', 'filename', 'bytes', 'created_us'])
    .where('owner', '=', owner)
    .execute();
  return assets.map(({ tags, created_us, ...asset }) => ({
    ...asset,
    tags: JSON.parse(tags) as unknown,
    createdAt: printRfc3339(created_us / 1000),
  }));
}
