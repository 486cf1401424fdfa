/**
 * The renditions of a set of tracks: their ids by role, which of them are variants, and their CODECS.
 * In: tracks. Out: renditions for the packager and delivery. docs/media.md 15a, 17 and 34; RFC 8216bis 4.4.6.
 * Pure.
 */
import type { DataTrack, TextTrack, Track, VideoTrack } from './frame.ts';

/** A rendition: one track, or video and audio together from the same bytes. */
export interface Rendition {
  /** Its role, as in URLs: `v0`, `a0`, `a1-eng`, `av0`; of a derived quality `v0-480`, `av0-480`. */
  readonly id: string;
  /**
   * In the order in which their bytes follow each other in a part or segment. The first one gives the
   * rendition its times.
   */
  readonly tracks: readonly Track[];
}

/** The renditions of a set of tracks, and which of them a multivariant playlist offers. */
interface RenditionSet {
  readonly all: readonly Rendition[];
  /**
   * Variants: `av0` with one audio track, otherwise each video track; derived qualities follow those of the
   * source.
   */
  readonly variants: readonly Rendition[];
  /** Audio renditions of the variants; empty if the variants contain the audio. */
  readonly audio: readonly Rendition[];
  /** Subtitles of every variant: `s0-eng`. Not in `all`: their segments are text, printed on request. */
  readonly subtitles: readonly Rendition[];
}

/**
 * Ids of tracks from here on are of subtitles added to an asset. Their renditions keep their names
 * when others are removed.
 */
export const FIRST_ADDED_ID = 1000;

/** Names of derived qualities: parts of an URL segment of at most 32 characters. */
const RUNG = /^[a-z0-9-]{1,24}$/;

/**
 * Ends the height in the name of a quality that has the size of the source and takes its place: browsers do
 * not show the source well.
 */
export const FULL = '-full';
const REPLACING = new RegExp(`^\\d+${FULL}(-|$)`);

/** Id of the MPEG-TS rendition, which has all its tracks in one transport stream. */
export const TS = 'ts';
const SUBTITLE = /^s\d/;
const AUDIO = /^a\d/;

/** Cache by set of tracks: playlists use the renditions of the same few sets. */
const cache = new WeakMap<readonly Track[], RenditionSet>();

/** Whether a track has few frames: no segment waits for one. */
export function isSparse(track: Track): track is TextTrack | DataTrack {
  return track.kind === 'text' || track.kind === 'data';
}

/** Whether a track is a derived quality of the source's picture. */
export function isDerived(track: Track): track is VideoTrack & { readonly rung: string } {
  return track.kind === 'video' && track.rung !== undefined && RUNG.test(track.rung);
}

/** The rung in the id of a rendition with a derived quality; undefined for any other. */
export function rungOf(renditionId: string): string | undefined {
  if (renditionId.startsWith('av0-')) return renditionId.slice(4);
  return renditionId.startsWith('v0-') ? renditionId.slice(3) : undefined;
}

/** Whether a rendition has a quality that takes the place of the source. */
export function replacesSource({ id }: Pick<Rendition, 'id'>): boolean {
  return REPLACING.test(rungOf(id) ?? '');
}

/**
 * The renditions to choose from: without the picture of the source where another one takes its place. It
 * keeps its address.
 */
export function offeredOf(renditions: readonly Rendition[]): readonly Rendition[] {
  if (!renditions.some(replacesSource)) return renditions;
  return renditions.filter(
    ({ id, tracks }) => rungOf(id) !== undefined || tracks.every(({ kind }) => kind !== 'video'),
  );
}

/** Whether an id is that of a subtitle rendition. */
export function isSubtitle(renditionId: string): boolean {
  return SUBTITLE.test(renditionId);
}

/**
 * Names the renditions of `tracks`, which must not be changed afterwards.
 *
 * One video and one audio track are muxed: half the requests, and no faults from two loaders that must stay
 * in sync.
 */
export function renditionsOf(tracks: readonly Track[]): RenditionSet {
  const renditions = cache.get(tracks) ?? nameRenditions(tracks);
  cache.set(tracks, renditions);
  return renditions;
}

function nameRenditions(tracks: readonly Track[]): RenditionSet {
  const videoTracks = tracks.filter((track) => track.kind === 'video');
  const video = [
    ...videoTracks.filter((track) => !isDerived(track)).map((track, i) => ({ id: `v${i}`, tracks: [track] })),
    ...videoTracks.filter(isDerived).map((track) => ({ id: `v0-${track.rung}`, tracks: [track] })),
  ];
  const audioTracks = tracks.filter((track) => track.kind === 'audio');
  const audio = audioTracks.map((track, i) => ({
    id: `a${i}${audioTracks.length > 1 ? languageSuffix(track) : ''}`,
    tracks: [track],
  }));
  const texts = tracks.filter((track) => track.kind === 'text').sort((a, b) => a.id - b.id);
  const subtitles = texts.map((track, i) => {
    return { id: `s${track.id < FIRST_ADDED_ID ? i : track.id}${languageSuffix(track)}`, tracks: [track] };
  });
  if (video.length === 0) return { all: audio, variants: audio, audio: [], subtitles };
  if (audio.length !== 1) return { all: [...video, ...audio], variants: video, audio, subtitles };
  const muxed = video.map((rendition) => ({
    id: `a${rendition.id}`,
    tracks: [...rendition.tracks, ...audio[0]!.tracks],
  }));
  return { all: [...muxed, ...video, ...audio], variants: muxed, audio: [], subtitles };
}

/** Sanitizes a source's language for the role, which is a URL segment of at most 32 characters. */
function languageSuffix({ language }: Track): string {
  return language !== 'und' && /^[a-z0-9-]{1,24}$/i.test(language) ? `-${language.toLowerCase()}` : '';
}

/** The MPEG-TS rendition: the first video of the source, every language, and ID3 tags. */
export function tsRenditionOf(tracks: readonly Track[]): Rendition {
  const videos = tracks.filter((track) => track.kind === 'video');
  const video = videos.find((track) => !isDerived(track)) ?? videos[0];
  const isTag = ({ config }: Track) => config.codec === 'id3';
  const others = tracks.filter((track) => track.kind === 'audio' || isTag(track));
  return { id: TS, tracks: video ? [video, ...others] : others };
}

/**
 * The rendition with the role of `id` in a set of tracks: itself, or another of its kind. Undefined if there
 * is none: video does not replace audio.
 */
export function renditionFor(tracks: readonly Track[], id: string): Rendition | undefined {
  if (id === TS) return tsRenditionOf(tracks);
  const { all: renditions, variants, subtitles } = renditionsOf(tracks);
  const isId = (rendition: Rendition) => rendition.id === id;
  if (isSubtitle(id)) return subtitles.find(isId);
  return (
    renditions.find(isId) ?? (AUDIO.test(id) ? renditions.find((rendition) => AUDIO.test(rendition.id)) : variants[0])
  );
}

/**
 * CODECS of a rendition (RFC 6381), each codec once.
 */
export function codecsOf(rendition: Rendition): string {
  return [...new Set(rendition.tracks.map((track) => track.config.codecs))].filter((codec) => codec !== '').join(',');
}
