/**
 * Subtitles as the API shows them.
 * In: subtitles of an asset. Out: AssetSubtitleView. Pure.
 */

import type { TextTrack } from '@oxbow/media/frame';
import { renditionsOf } from '@oxbow/media/rendition-set';
import type { AssetAddress } from '../../api/library/asset-address.ts';
import type { AssetSubtitleView } from '../../api/library/asset-shapes.ts';
import type { AssetSubtitle } from './subtitles.ts';

/** The id of subtitles: the name of their rendition. */
export function subtitleIdOf(track: TextTrack): string {
  return renditionsOf([track]).subtitles[0]!.id;
}

/** The track id in the id of subtitles; NaN if there is none. */
export function trackIdOf(subtitle: string): number {
  return Number(/^s(\d{4,12})(?:-|$)/.exec(subtitle)?.[1] ?? Number.NaN);
}

/**
 * The view of subtitles.
 *
 * @param print prints an address of it
 */
export function subtitleView(
  { track, origin, isDefault, isForced, cues, charset, scriptLocation, assetId }: AssetSubtitle,
  print: (address: AssetAddress) => string | null,
): AssetSubtitleView {
  const id = subtitleIdOf(track);
  const address = (form: 'vtt' | 'ass') =>
    print({ kind: 'asset-text', stream: undefined, asset: assetId, rendition: id, form });
  return {
    id,
    language: track.language,
    title: track.label,
    default: isDefault,
    forced: isForced,
    origin: origin === 'upload' ? 'upload' : 'original',
    cues,
    charset: charset || null,
    vtt: address('vtt'),
    ass: scriptLocation === undefined ? null : address('ass'),
  };
}
