/**
 * Answers /assets/{id}/: calls the function for the kind of address.
 * In: an address; the library finds the asset. Out: Reply, or OxbowError. Access control has passed.
 */
import type { AssetAddress } from '../../api/library/asset-address.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Reply } from '../reply.ts';
import { answerAssetIndex, answerAssetManifest, answerAssetPlaylist } from './asset-lists.ts';
import type { AssetPictures } from './asset-pictures.ts';
import {
  answerAssetFile,
  answerAssetInit,
  answerAssetOriginal,
  answerAssetSegment,
  answerAssetSubtitles,
  answerStoredAssetSegment,
} from './asset-segments.ts';
import { type AssetTexts, answerAssetChapters } from './asset-texts.ts';
import type { FindAsset } from './served-asset.ts';

/** Dependencies of the router. */
export interface AssetDelivery {
  readonly find: FindAsset;
  readonly reader: RangeReader;
  readonly pictures: AssetPictures;
  readonly texts: AssetTexts;
}

/**
 * Answers an address.
 *
 * @param options.isDirect segments are listed as ranges of files, where a bucket may answer
 * @throws OxbowError `asset-unknown`, `asset-unfinished`, `not-found`, and as the functions for each kind
 */
export async function answerAsset(
  address: AssetAddress,
  { find, reader, pictures, texts }: AssetDelivery,
  options: { readonly signal: AbortSignal; readonly isDirect: boolean },
): Promise<Reply> {
  const served = await find(address.asset);
  if (!served) throw new OxbowError('asset-unknown', `There is no asset ${address.asset}.`);
  switch (address.kind) {
    case 'asset-index':
      return answerAssetIndex(served, options);
    case 'asset-manifest':
      return answerAssetManifest(served, options);
    case 'asset-playlist':
      return answerAssetPlaylist(served, address.rendition, options);
    case 'asset-init':
      return answerAssetInit(served, address.rendition, address.init);
    case 'asset-segment':
      return answerAssetSegment(served, address, { reader, texts });
    case 'asset-stored-segment':
      return answerStoredAssetSegment(served, address, { reader });
    case 'asset-subtitles':
      return answerAssetSubtitles(served, address, { reader, texts });
    case 'asset-text':
      return texts.file(served, address.rendition, address.form);
    case 'asset-chapters':
      return answerAssetChapters(served);
    case 'asset-file':
      return answerAssetFile(served, address.rendition, reader);
    case 'asset-original':
      return answerAssetOriginal(served);
    case 'asset-poster':
      return pictures.poster(served, options);
    case 'asset-storyboard':
      return pictures.storyboard(served);
    case 'asset-sprite':
      return pictures.sheet(served, address.sprite, options);
  }
}
