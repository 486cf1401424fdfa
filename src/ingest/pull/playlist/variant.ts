/**
 * Chooses the Variant Stream to pull from a Multivariant Playlist.
 * In: the playlist and the requested quality. Out: one Variant Stream, the audio Renditions with playlists of
 * their own, and all qualities on offer. RFC 8216bis 4.4.6.
 */

import { type CaptionChannel, isCaptionService, mergeCaptions } from '@oxbow/media/captions/caption-channel';
import { foreignCodec } from '@oxbow/media/foreign-codecs';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { MultivariantPlaylist, Rendition, Variant } from '@oxbow/media/m3u8/playlist';
import type { SourceQuality } from '../../../api/source-facts.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { type QualitySet, qualityName, type RequestedQuality } from '../../../lib/quality.ts';

const VIDEO = /^(avc1|avc3|hvc1|hev1|av01|vp09)\./i;
/** MPEG-1 and MPEG-2 by their object types: usable where it is converted, and there is nothing better. */
const MPEG2 = /^mp4v\.6[0-5a]/i;
/** AAC and MP3 by their object types, MP3 by its two other names, AC-3, E-AC-3, Opus, FLAC. */
const AUDIO = /^(mp4a\.40\.|mp4a\.6b$|mp4a\.69$|ac-3$|ec-3$|opus$|flac$)/i;
/** Text within the Variant Stream does not make it unusable. */
const TEXT = /^(wvtt|stpp)/i;
/** Renditions pulled from one group. */
const MAX_AUDIOS = 8;
const MAX_SUBTITLES = 12;

/** The result of the choice. */
export interface Choice {
  readonly variant: Variant;
  /**
   * The Renditions of its AUDIO group with a `uri`, the default one first; at most 8. Empty if the Variant
   * Stream contains the audio.
   */
  readonly audios: readonly Rendition[];
  /** The Renditions of its SUBTITLES group with a `uri`, the default one first; at most 12. */
  readonly subtitles: readonly Rendition[];
  /** The Rendition whose media is in the Variant Stream itself. */
  readonly inBand?: Rendition | undefined;
  /** All qualities that oxbow can pull, best first, each with a unique name that selects it. */
  readonly qualities: readonly SourceQuality[];
  /** Name of the chosen quality. */
  readonly chosen: string;
  /**
   * Closed captions within its video; empty if the playlist says that there are none, undefined if it says
   * nothing.
   */
  readonly captions?: readonly CaptionChannel[] | undefined;
  /** Tracks that are not pulled: video if only audio variants are usable, audio beyond 8 Renditions. */
  readonly leftOut: readonly LeftOutTrack[];
}

function codecsOf({ codecs }: Variant): string[] {
  return codecs?.split(',').flatMap((codec) => codec.trim() || []) ?? [];
}

function hasVideo(variant: Variant): boolean {
  return variant.resolution !== undefined || codecsOf(variant).some((codec) => VIDEO.test(codec));
}

/**
 * 4: all codecs are supported; 3: the video codec is; 2: CODECS is absent; 1: it is MPEG-2, and that is
 * converted; 0: unsupported.
 */
function fitness(variant: Variant, mpeg2 = false): number {
  const list = codecsOf(variant);
  if (list.length === 0) return 2;
  if (list.every((codec) => VIDEO.test(codec) || AUDIO.test(codec) || TEXT.test(codec))) return 4;
  if (list.some((codec) => VIDEO.test(codec))) return 3;
  return mpeg2 && list.some((codec) => MPEG2.test(codec)) ? 1 : 0;
}

/** Height of the video, pixels: of RESOLUTION, otherwise from the NAME of the Variant Stream. */
function heightOf({ resolution, name }: Variant): number | undefined {
  const named = /(?:^|\D)(\d{3,4})p/i.exec(name ?? '')?.[1];
  return resolution?.height ?? (named === undefined ? undefined : Number(named));
}

/** Best first. Heights count only if all are known. */
function rank(variants: readonly Variant[]): Variant[] {
  const measured = variants.every((variant) => heightOf(variant) !== undefined);
  const heightFor = (variant: Variant) => (measured ? heightOf(variant)! : 0);
  return [...variants].sort((a, b) => heightFor(b) - heightFor(a) || b.bandwidth - a.bandwidth);
}

/** The best variant at or below a bound, otherwise the lowest above it. */
function within(ranked: readonly Variant[], bound: number, of: (variant: Variant) => number): Variant {
  const below = ranked.filter((variant) => of(variant) <= bound);
  const most = below.length > 0 ? Math.max(...below.map(of)) : Math.min(...ranked.map(of));
  return ranked.find((variant) => of(variant) === most)!;
}

function select(ranked: readonly Variant[], quality: RequestedQuality): Variant {
  switch (quality.kind) {
    case 'best':
      return ranked[0]!;
    case 'worst':
      return ranked.at(-1)!;
    case 'bitrate':
      return within(ranked, quality.bitrate, ({ bandwidth }) => bandwidth);
    default: {
      const measured = ranked.filter((variant) => heightOf(variant) !== undefined);
      if (measured.length === 0) return ranked[0]!;
      const height = heightOf(within(measured, quality.height, (variant) => heightOf(variant)!));
      const same = measured.filter((variant) => heightOf(variant) === height);
      const { frameRate } = quality;
      return frameRate === undefined ? same[0]! : within(same, frameRate + 0.5, (variant) => variant.frameRate ?? 0);
    }
  }
}

/** Each has a unique name: variants of one height are named by bitrate. */
function qualitiesOf(ranked: readonly Variant[]): SourceQuality[] {
  const taken = new Set<string>();
  return ranked.flatMap((variant) => {
    const { bandwidth, codecs, frameRate, resolution } = variant;
    const height = heightOf(variant);
    const names = [qualityName({ height, frameRate, bandwidth }), qualityName({ bandwidth })];
    const name = names.find((candidate) => candidate !== '' && !taken.has(candidate));
    if (name === undefined) return []; // a redundant copy on a second server
    taken.add(name);
    return {
      name,
      ...(resolution && { width: resolution.width }),
      ...(height !== undefined && { height }),
      ...(frameRate !== undefined && { frameRate }),
      bandwidth,
      ...(codecs !== undefined && { codecs }),
    };
  });
}

/** The Renditions of a group, those of the highest priority first. */
function groupOf(
  list: MultivariantPlaylist,
  type: string,
  id: string | undefined,
  priority: (rendition: Rendition) => number,
) {
  const group = list.renditions.filter((rendition) => rendition.type === type && rendition.groupId === id);
  return group.sort((a, b) => priority(b) - priority(a));
}

/** The Renditions with their own playlist, each playlist once. */
function withPlaylists(group: readonly Rendition[], variant?: Variant): Rendition[] {
  const uris = new Set([undefined, variant?.uri]);
  return group.filter(({ uri }) => !uris.has(uri) && uris.add(uri));
}

function audiosOf(list: MultivariantPlaylist, variant: Variant): Pick<Choice, 'audios' | 'inBand' | 'leftOut'> {
  const group = groupOf(list, 'AUDIO', variant.audio, (rendition) =>
    rendition.default ? 2 : rendition.autoselect ? 1 : 0,
  );
  const audios = withPlaylists(group, variant);
  return {
    audios: audios.slice(0, MAX_AUDIOS),
    leftOut: audios.slice(MAX_AUDIOS).map(({ name }) => ({ kind: 'audio', name: `the audio rendition ${name}` })),
    inBand: group.find(({ uri }) => uri === undefined || uri === variant.uri),
  };
}

function subtitlesOf(list: MultivariantPlaylist, variant: Variant): Rendition[] {
  const group = groupOf(list, 'SUBTITLES', variant.subtitles, (rendition) => Number(rendition.default));
  return withPlaylists(group).slice(0, MAX_SUBTITLES);
}

function captionsOf(list: MultivariantPlaylist, { closedCaptions }: Variant): CaptionChannel[] | undefined {
  if (closedCaptions === undefined) return undefined;
  const group = groupOf(list, 'CLOSED-CAPTIONS', closedCaptions, () => 0);
  const captions = group.flatMap(({ instreamId = '', language = 'und', name }) =>
    isCaptionService(instreamId) ? [{ service: instreamId, language, name }] : [],
  );
  return captions.length === 0 && closedCaptions !== 'NONE' ? undefined : mergeCaptions([], captions);
}

/** The codecs that make the best variant with video unusable. */
function unusablePictures(list: MultivariantPlaylist): LeftOutTrack[] {
  const unusable = list.variants.filter((variant) => fitness(variant) === 0);
  const [best] = rank(unusable.filter((variant) => codecsOf(variant).some((codec) => !AUDIO.test(codec))));
  const foreign = best ? codecsOf(best).filter((codec) => !AUDIO.test(codec) && !TEXT.test(codec)) : [];
  return foreign.map(foreignCodec);
}

/**
 * The Variant Stream nearest to the requested quality, of those with video in supported codecs; one with
 * only audio if there is no other.
 *
 * @param options.mpeg2 MPEG-2 video is converted: it is taken where no other video is usable
 * @throws OxbowError `unsupported-media` if none is usable
 */
export function chooseVariant(
  list: MultivariantPlaylist,
  quality: RequestedQuality = { kind: 'best' },
  { mpeg2 = false }: { readonly mpeg2?: boolean | undefined } = {},
): Choice {
  const fitnessOf = (variant: Variant) => fitness(variant, mpeg2);
  const usable = list.variants.filter((variant) => fitnessOf(variant) > 0);
  const pictures = usable.filter((variant) => hasVideo(variant) || fitnessOf(variant) === 1);
  // Variants without CODECS count as video: most are.
  const silent = usable.filter((variant) => codecsOf(variant).length === 0);
  const among = pictures.length > 0 ? pictures : silent.length > 0 ? silent : usable;
  const fit = Math.max(...among.map(fitnessOf));
  const ranked = rank(among.filter((variant) => fitnessOf(variant) === fit));
  if (ranked.length === 0) {
    const named = list.variants.map(({ codecs }) => codecs).join(' | ');
    throw new OxbowError(
      'unsupported-media',
      `The playlist has no Variant Stream with supported codecs (codecs: ${named.slice(0, 130) || 'none'}).`,
    );
  }
  const variant = select(ranked, quality);
  const qualities = qualitiesOf(ranked);
  const same = qualities.find(({ name }) => name === qualityName({ ...variant, height: heightOf(variant) }));
  const chosen = same?.bandwidth === variant.bandwidth ? same.name : qualityName({ bandwidth: variant.bandwidth });
  const audio = audiosOf(list, variant);
  const leftOut = [...(pictures.length > 0 ? [] : unusablePictures(list)), ...audio.leftOut];
  const texts = { subtitles: subtitlesOf(list, variant), captions: captionsOf(list, variant) };
  return { variant, ...audio, ...texts, qualities, chosen, leftOut };
}

/** A Variant Stream next to the chosen one. */
interface FurtherVariant {
  /** Its height: the name of the quality. */
  readonly rung: string;
  readonly variant: Variant;
}

/** Most further variants that are pulled. */
const MAX_FURTHER = 7;

/**
 * The Variant Streams of other heights that players can switch to from the chosen one, because their video
 * has the same codec; best first, one for each height.
 */
export function furtherVariants(list: MultivariantPlaylist, chosen: Variant, wanted: QualitySet): FurtherVariant[] {
  // Of MPEG-2 only the chosen variant is converted.
  if (wanted === 'best' || !hasVideo(chosen) || fitness(chosen) === 0) return [];
  const familyOf = (variant: Variant) =>
    codecsOf(variant)
      .find((codec) => VIDEO.test(codec))
      ?.slice(0, 3);
  const taken = new Set([heightOf(chosen)]);
  const usable = list.variants.filter(
    (candidate) => fitness(candidate) >= fitness(chosen) && familyOf(candidate) === familyOf(chosen),
  );
  return rank(usable)
    .flatMap((variant) => {
      const height = heightOf(variant);
      if (height === undefined || taken.has(height) || (wanted !== 'all' && !wanted.includes(height))) return [];
      taken.add(height);
      return { rung: String(height), variant };
    })
    .slice(0, MAX_FURTHER);
}
