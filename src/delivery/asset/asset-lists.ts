/**
 * The playlists and the manifest of an asset, rendered once for all clients.
 * In: an asset. Out: Reply. RFC 8216bis 4.3.2; ISO 23009-1 5.3.
 */

import type { Track } from '@oxbow/media/frame';
import { printMediaPlaylist, printMultivariantPlaylist } from '@oxbow/media/m3u8/print';
import type { SegmentRange } from '../../archive/segment-store.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { ContentKeys } from '../encryption/content-keys.ts';
import { dashManifest } from '../format/dash.ts';
import { hlsMediaPlaylist } from '../format/hls-media.ts';
import { hlsMultivariant, withSessionKeys } from '../format/hls-multivariant.ts';
import type { Reply } from '../reply.ts';
import { placeOf, rangesOf } from '../stored-segment.ts';
import { contentTypes, playlistReply } from '../text-reply.ts';
import { assetPresentation, renditionIn } from './asset-presentation.ts';
import type { ServedAsset } from './served-asset.ts';

/**
 * Caches request it again after a minute: an asset may be deleted or become private. While renditions are
 * made, more often.
 */
const caching = { complete: 'public, max-age=60', growing: 'public, max-age=5' } as const;

/** The rendered texts of an index; a change of the asset makes another index. */
const rendered = new WeakMap<object, Map<string, Reply>>();

/**
 * The Multivariant Playlist.
 *
 * @param options.isDirect each rendition is in one file, where a bucket may answer
 * @throws OxbowError `asset-unfinished` while nothing of it can be played
 */
export function answerAssetIndex(served: ServedAsset, { isDirect, keys }: AssetListOptions): Reply {
  return render(served, `index.m3u8${formOf({ isDirect, keys })}`, () => {
    const presentation = assetPresentation(served);
    const list = hlsMultivariant(presentation, (id) => `${id}.m3u8`, { isApart: isDirect });
    const [first] = presentation.segments;
    const sessionKeys = (first && keys?.sessionKeysAt(first.msn, '')) ?? [];
    return playlistReply(printMultivariantPlaylist(withSessionKeys(list, sessionKeys)), cachingOf(served));
  });
}

/** How lists are printed. */
interface AssetListOptions {
  /** Segments are listed as ranges of files, where a bucket may answer. */
  readonly isDirect: boolean;
  /** Of an asset whose segments are encrypted. */
  readonly keys?: ContentKeys | undefined;
}

/** What differs between the texts of one list. */
function formOf({ isDirect, keys }: AssetListOptions): string {
  return `${isDirect ? '?direct' : ''}${keys ? `#${keys.series}` : ''}`;
}

/**
 * The DASH manifest. Throws as `answerAssetIndex`.
 *
 * @param options.isDirect segments are listed as ranges of files, where a bucket may answer
 */
export function answerAssetManifest(served: ServedAsset, { isDirect, keys }: AssetListOptions): Reply {
  return render(served, `index.mpd${formOf({ isDirect, keys })}`, () => {
    const text = dashManifest(assetPresentation(served), '', {
      placeOf: isDirect ? placeInFile : undefined,
      protectionOf: keys?.protectionIn('', `/assets/${served.asset.id}/`),
    });
    return playlistReply(text, cachingOf(served), contentTypes.manifest);
  });
}

/**
 * The Media Playlist of a rendition.
 *
 * @param options.isDirect segments are listed as ranges of files, where a bucket may answer
 * @param options.keys of an asset whose segments are encrypted
 * @throws OxbowError `asset-unfinished`; `not-found` for another rendition
 */
export function answerAssetPlaylist(
  served: ServedAsset,
  rendition: string,
  { isDirect, keys }: AssetListOptions,
): Reply {
  return render(served, `${rendition}${formOf({ isDirect, keys })}`, () => {
    const { index } = served;
    const isKnown = [...index.inits].some((init) => renditionIn(init, rendition));
    if (!isKnown) throw new OxbowError('not-found', `The asset has no rendition ${rendition}.`);
    const presentation = assetPresentation(served, rendition);
    const list = hlsMediaPlaylist(presentation, rendition, {
      folderOf: (id) => `${id}/`,
      placeOf: isDirect ? placeInFile : undefined,
      protectionOf: keys?.protectionIn(''),
    });
    return playlistReply(printMediaPlaylist(list), cachingOf(served));
  });
}

/** Where a file has a rendition in a segment; undefined: it is not in one piece. */
function placeInFile(
  { tracks }: { readonly tracks: Parameters<typeof rangesOf>[1] },
  { tracks: wanted }: { readonly tracks: readonly Track[] },
): SegmentRange | undefined {
  return placeOf(rangesOf(wanted, tracks));
}

/** Refuses an asset without segments. */
export function assertPlayable({ asset, index }: ServedAsset): void {
  if (index.isEmpty) throw new OxbowError('asset-unfinished', `The asset is ${asset.state}; it cannot be played.`);
}

function render(served: ServedAsset, key: string, print: () => Reply): Reply {
  assertPlayable(served);
  const replies = rendered.get(served.index) ?? new Map<string, Reply>();
  rendered.set(served.index, replies);
  const reply = replies.get(key) ?? print();
  replies.set(key, reply);
  return reply;
}

function cachingOf({ grows }: ServedAsset): string {
  return grows ? caching.growing : caching.complete;
}
