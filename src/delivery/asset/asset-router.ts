/**
 * Answers /assets/{id}/: calls the function for the kind of address.
 * In: an address; the library finds the asset. Out: Reply, or OxbowError. Access control has passed.
 */
import type { AssetAddress } from '../../api/library/asset-address.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import { keyOfSegment, refuseClear } from '../encryption/access-by-key.ts';
import { licenceReply } from '../encryption/common-media.ts';
import { type ContentKeys, unknownKey } from '../encryption/content-keys.ts';
import { type EncryptedReplies, keyReply } from '../encryption/encrypted-replies.ts';
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
  assetTracks,
} from './asset-segments.ts';
import { type AssetTexts, answerAssetChapters } from './asset-texts.ts';
import type { FindAsset, ServedAsset } from './served-asset.ts';

/** Dependencies of the router. */
export interface AssetDelivery {
  readonly find: FindAsset;
  readonly reader: RangeReader;
  readonly pictures: AssetPictures;
  readonly texts: AssetTexts;
  /** The content keys of an asset whose segments are given only encrypted; absent: no asset has any. */
  readonly keysOf?: (asset: ServedAsset['asset']) => ContentKeys | undefined;
}

/** How an address is answered. */
interface AnswerOptions {
  readonly signal: AbortSignal;
  /** Segments are listed as ranges of files, where a bucket may answer. */
  readonly isDirect: boolean;
  readonly encrypted: EncryptedReplies;
  readonly query: URLSearchParams;
}

/** A segment in its form. */
interface KeyedSegment {
  readonly msn: number;
  readonly rendition: string;
  readonly key?: string;
}

/**
 * Answers an address.
 *
 * @throws OxbowError `asset-unknown`, `asset-unfinished`, `not-found`, `media-encrypted`, and as the
 *   functions for each kind
 */
export async function answerAsset(
  address: AssetAddress,
  { find, reader, pictures, texts, keysOf }: AssetDelivery,
  { encrypted, query, ...waiting }: AnswerOptions,
): Promise<Reply> {
  const served = await find(address.asset);
  if (!served) throw new OxbowError('asset-unknown', `There is no asset ${address.asset}.`);
  const keys = keysOf?.(served.asset);
  // The bytes in a bucket are clear.
  const options = { signal: waiting.signal, isDirect: waiting.isDirect && !keys, keys };
  const inForm = async (segment: KeyedSegment, find: () => Promise<Reply>) => {
    if (segment.key !== undefined) await keys?.ready(segment.msn, options);
    const key = keyOfSegment(keys, segment);
    const clear = await find();
    return key ? encrypted.encrypt(clear, key, async () => assetTracks(served, segment)) : clear;
  };
  switch (address.kind) {
    case 'asset-index':
      await assetKeysReady(served, keys, options.signal);
      return answerAssetIndex(served, options);
    case 'asset-manifest':
      if (!keys?.isCommon) refuseClear(keys);
      await assetKeysReady(served, keys, options.signal);
      return answerAssetManifest(served, options);
    case 'asset-playlist':
      await assetKeysReady(served, keys, options.signal);
      return answerAssetPlaylist(served, address.rendition, options);
    case 'asset-init':
      if (address.key === undefined) return answerAssetInit(served, address);
      if (!keys?.isCommon) throw unknownKey(address.key);
      await keys.readyNamed(address.key, options);
      return answerAssetInit(served, address, keys.find(address.key));
    case 'asset-segment':
      return inForm(address, () => answerAssetSegment(served, address, { reader, texts }));
    case 'asset-stored-segment':
      refuseClear(keys);
      return answerStoredAssetSegment(served, address, { reader });
    case 'asset-subtitles':
      if (keys?.isCommon) return answerAssetSubtitles(served, address, { reader, texts });
      return inForm(address, () => answerAssetSubtitles(served, address, { reader, texts }));
    case 'asset-key':
      if (!keys) throw unknownKey(address.key);
      return keyReply(await keys.forPlayer(address.key, options));
    case 'asset-licence':
      return licenceReply(keys, query.getAll('kid'), options);
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

/** Waits until the key server has given all keys of an asset. @throws OxbowError `key-server-failed` */
async function assetKeysReady(
  { index }: ServedAsset,
  keys: ContentKeys | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (!keys?.isCommon || index.isEmpty) return;
  let firstMsn: number | undefined;
  let lastMsn = 0;
  for (const { msn } of index) {
    firstMsn ??= msn;
    lastMsn = msn;
  }
  await keys.ready(firstMsn ?? lastMsn, { lastMsn, signal });
}
