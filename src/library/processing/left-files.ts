/**
 * Deletes the files that a killed process has left of an asset: a job that runs again stores its files under
 * other names.
 * In: an asset whose jobs have ended. Out: only files that rows name, of those that jobs write.
 */
import type { Kysely } from 'kysely';
import { assetPrefix } from '../../archive/asset-locations.ts';
import type { SegmentStore } from '../../archive/segment-store.ts';
import type { Tables } from '../../store/schema.ts';

/** The files of jobs, below the prefix of their asset: `v0-360/1-2.mp4`, `extra/text-3-1.vtt`. */
const WRITTEN = /^(?:[a-z0-9-]+\/\d+-\d+\.mp4|extra\/text-\d+-\d+\.(?:vtt|ass))$/;

/**
 * Deletes files without a row.
 *
 * @param isOver whether every job of the asset has ended; called after the files were listed, so that none is
 *   deleted before its row is written
 */
export async function deleteLeftFiles(
  { db, segments }: { readonly db: Kysely<Tables>; readonly segments: SegmentStore },
  assetId: string,
  isOver: () => Promise<boolean>,
): Promise<void> {
  const prefix = assetPrefix(assetId);
  const locations = await Array.fromAsync(segments.list(prefix));
  const written = locations.filter((location) => WRITTEN.test(location.slice(prefix.length)));
  if (!(await isOver())) return;
  await segments.sweep(prefix);
  const chunks = await db.selectFrom('asset_chunk').select('path').where('asset_id', '=', assetId).execute();
  const texts = await db
    .selectFrom('asset_subtitle')
    .select(['path', 'script_path'])
    .where('asset_id', '=', assetId)
    .execute();
  const named = new Set([...chunks, ...texts].map(({ path }) => path));
  for (const { script_path } of texts) if (script_path !== null) named.add(script_path);
  for (const location of written) if (!named.has(location)) await segments.delete(location);
}
