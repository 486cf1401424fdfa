/**
 * How complex a video is from segment to segment: the bytes that its own encoder spent on the picture.
 * In: the index of the rendition `source`. Out: bytes by segment.
 */
import type { Kysely } from 'kysely';
import type { ImportResult } from '../../api/library/asset-facts.ts';
import { SegmentWalker } from '../../archive/segment-index.ts';
import type { Tables } from '../../store/schema.ts';
import { SOURCE } from './media-kinds.ts';

/** Bytes of the picture in each segment of an asset; undefined where its source has no rendition. */
export async function sourceBytesOf(
  db: Kysely<Tables>,
  assetId: string,
  { facts, cuts }: ImportResult,
): Promise<readonly number[] | undefined> {
  const video = facts.tracks.find(({ kind }) => kind === 'video')?.trackId;
  if (video === undefined) return undefined;
  const chunks = await db
    .selectFrom('asset_chunk')
    .select('segments')
    .where('asset_id', '=', assetId)
    .where('rendition', '=', SOURCE)
    .execute();
  const bytes = new Array<number>(cuts.length).fill(0);
  for (const { segments } of chunks) {
    const walker = new SegmentWalker(segments);
    while (walker.next()) {
      const { msn, tracks } = walker.group;
      const length = tracks.find(({ trackId }) => trackId === video)?.length ?? 0;
      // The first segment has MSN 1.
      if (msn >= 1 && msn <= bytes.length) bytes[msn - 1] = length;
    }
  }
  return bytes.some((length) => length > 0) ? bytes : undefined;
}
