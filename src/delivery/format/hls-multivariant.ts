/**
 * The HLS Multivariant Playlist, live or past.
 * In: a presentation. Out: a playlist value for media/m3u8/print. RFC 8216bis 4.4.6; docs/media.md 34. Pure.
 */
import { videoRangeOf } from '@oxbow/media/colour/colours';
import type { TextTrack, Track } from '@oxbow/media/frame';
import type { KeyTag, Rendition as ListedRendition, MultivariantPlaylist, Variant } from '@oxbow/media/m3u8/playlist';
import type { Description, Presentation } from '@oxbow/media/presentation';
import {
  codecsOf,
  isDerived,
  offeredOf,
  type Rendition,
  renditionsOf,
  tsRenditionOf,
} from '@oxbow/media/rendition-set';
import { parseTextHeader } from '@oxbow/media/webvtt/traits';
import { audioNames } from './audio-names.ts';
import { captionsOfVariant, listCaptions } from './captions.ts';

/** Where the Media Playlist of a rendition is, relative to the playlist that is written. */
type UriOf = (renditionId: string) => string;

/** GROUP-ID of the audio renditions; further codecs have their own groups. */
const AUDIO_GROUP = 'audio';
/** GROUP-ID of the subtitle renditions. */
const SUBTITLE_GROUP = 'subtitles';
/** Audio codecs that all browsers decode in fragmented MP4. Most do not decode MP3 and Dolby's codecs. */
const SPOKEN_EVERYWHERE: ReadonlySet<string> = new Set(['aac', 'opus', 'flac']);

/** Audio renditions of one codec: a Variant Stream names all codecs that its group needs (4.4.6.2). */
interface AudioGroup {
  readonly id: string;
  readonly renditions: readonly Rendition[];
}

/**
 * A Variant Stream for each video rendition (or the only audio) and each codec of its audio renditions. If
 * browsers decode none of the audio, the video is also offered without audio: otherwise they would play
 * nothing. Sound without video is last, where it is offered.
 *
 * @param options.isApart where there are derived qualities, sound has separate renditions: each is in one
 *   file
 */
export function hlsMultivariant(
  presentation: Presentation,
  uriOf: UriOf,
  { isApart = false }: { readonly isApart?: boolean } = {},
): MultivariantPlaylist {
  const description = presentation.describe();
  const { tracks, captions } = description;
  const { all, subtitles } = renditionsOf(tracks);
  const { variants, audio } = isApart && tracks.some(isDerived) ? apart(all) : renditionsOf(tracks);
  const offered = offeredOf(variants);
  const groups = groupByCodec(audio);
  const speaks = tracks.some(({ kind, config }) => kind === 'audio' && SPOKEN_EVERYWHERE.has(config.codec));
  const isSilent = ({ tracks: renditionTracks }: Rendition) => renditionTracks.every(({ kind }) => kind === 'video');
  const silent = speaks || !tracks.some(({ kind }) => kind === 'audio') ? [] : offeredOf(all.filter(isSilent));
  const isSound = ({ tracks: renditionTracks }: Rendition) => renditionTracks.every(({ kind }) => kind === 'audio');
  const alone = description.audioAlone && !variants.some(isSound) ? all.filter(isSound).slice(0, 1) : [];
  return {
    // SERVICE needs 7 (RFC 8216bis 8).
    version: presentation.live ? 9 : captions?.some(({ service }) => service.startsWith('SERVICE')) ? 7 : 6,
    independentSegments: false,
    variants: [
      ...(groups.length === 0 ? [undefined] : groups).flatMap((group) =>
        offered.map((rendition) => listVariant(rendition, group)),
      ),
      ...silent.map((rendition) => listVariant(rendition, undefined)),
      ...alone.map((rendition) => listVariant(rendition, undefined)),
    ],
    renditions: [...groups.flatMap(listAudio), ...listSubtitles(subtitles, uriOf), ...listCaptions(captions)],
  };

  function listVariant(rendition: Rendition, group: AudioGroup | undefined): Variant {
    const beside = group?.renditions ?? [];
    const loudest = Math.max(0, ...beside.map((other) => description.bandwidthOf(other)));
    return {
      ...pictureOf(description, rendition),
      uri: uriOf(rendition.id),
      bandwidth: Math.max(1, Math.ceil(description.bandwidthOf(rendition) + loudest)),
      ...averageOf(rendition, beside),
      codecs: [codecsOf(rendition), ...beside.slice(0, 1).map(codecsOf)].join(','),
      ...(group && { audio: group.id }),
      ...(subtitles.length > 0 && { subtitles: SUBTITLE_GROUP }),
      ...captionsOfVariant(rendition.tracks, captions),
    };
  }

  /** AVERAGE-BANDWIDTH: with the loudest audio rendition, as BANDWIDTH (4.4.6.2). */
  function averageOf(rendition: Rendition, beside: readonly Rendition[]): Pick<Variant, 'averageBandwidth'> {
    const average = description.averageBandwidthOf?.(rendition);
    if (average === undefined) return {};
    const loudest = Math.max(0, ...beside.map((other) => description.averageBandwidthOf?.(other) ?? 0));
    return { averageBandwidth: Math.max(1, Math.ceil(average + loudest)) };
  }

  function listAudio({ id: groupId, renditions }: AudioGroup): ListedRendition[] {
    const names = audioNames(renditions.map(({ tracks: [track] }) => track!));
    return renditions.map((rendition, i) => {
      const track = rendition.tracks[0]!;
      return {
        type: 'AUDIO',
        groupId,
        name: names[i]!,
        ...(track.language !== 'und' && { language: track.language }),
        default: i === 0,
        autoselect: true,
        uri: uriOf(rendition.id),
        ...(track.kind === 'audio' && { channels: String(track.config.channels) }),
      };
    });
  }
}

/** Adds the keys that players may request before they load a Media Playlist (4.4.6.5). */
export function withSessionKeys(list: MultivariantPlaylist, sessionKeys: readonly KeyTag[]): MultivariantPlaylist {
  return sessionKeys.length === 0 ? list : { ...list, sessionKeys };
}

/** Picture and sound in separate renditions; all as it is without a picture. */
function apart(all: readonly Rendition[]): {
  readonly variants: readonly Rendition[];
  readonly audio: readonly Rendition[];
} {
  const only = (kind: Track['kind']) => all.filter(({ tracks }) => tracks.every((track) => track.kind === kind));
  return { variants: only('video'), audio: only('audio') };
}

/**
 * RESOLUTION, FRAME-RATE and VIDEO-RANGE, which every picture has where one of them is HDR: its absence means
 * SDR (4.4.6.2).
 */
function pictureOf(
  description: Description,
  rendition: Rendition,
): Pick<Variant, 'resolution' | 'frameRate' | 'videoRange'> {
  const video = rendition.tracks.find((track) => track.kind === 'video');
  const frameRate = video && description.frameRateOf(rendition);
  const range = videoRangeOf(video);
  return {
    ...(video && { resolution: { width: video.config.width, height: video.config.height } }),
    ...(frameRate && { frameRate }),
    ...(range && description.tracks.some(isHdr) && { videoRange: range }),
  };
}

function isHdr(track: Track): boolean {
  const range = videoRangeOf(track);
  return range !== undefined && range !== 'SDR';
}

/** In the order of their first renditions. */
function groupByCodec(audio: readonly Rendition[]): AudioGroup[] {
  const byCodec = new Map<string, Rendition[]>();
  for (const rendition of audio) {
    const { codec } = rendition.tracks[0]!.config;
    byCodec.set(codec, [...(byCodec.get(codec) ?? []), rendition]);
  }
  return [...byCodec].map(([codec, renditions], i) => ({
    id: i === 0 ? AUDIO_GROUP : `${AUDIO_GROUP}-${codec}`,
    renditions,
  }));
}

/** Names differ within a group, and one rendition at most is the default (4.4.6.1.1). */
function listSubtitles(subtitles: readonly Rendition[], uriOf: UriOf): ListedRendition[] {
  const names = new Set<string>();
  let hasDefault = false;
  return subtitles.map(({ id, tracks }, i) => {
    const track = tracks[0] as TextTrack;
    const { isDefault, forced } = parseTextHeader(track);
    const said = track.label || (track.language === 'und' ? `Subtitles ${i + 1}` : track.language);
    const name = names.has(said) ? `${said} (${i + 1})` : said;
    names.add(name);
    const takesDefault = isDefault && !hasDefault;
    hasDefault ||= takesDefault;
    return {
      type: 'SUBTITLES',
      groupId: SUBTITLE_GROUP,
      name,
      ...(track.language !== 'und' && { language: track.language }),
      default: takesDefault,
      autoselect: true,
      uri: uriOf(id),
      ...(forced && { forced }),
    };
  });
}

/** A transport packet carries 184 bytes in 188. */
const PACKET_SHARE = 188 / 184;
/**
 * Overhead of a PES packet at most: header, delimiter, parameter sets or ADTS, and an almost empty packet,
 * bytes.
 */
const PER_UNIT_BYTES = 300;
/** The muxer writes audio in PES packets of about 85 ms. */
const AUDIO_UNITS_PER_S = 12;
/** The tables of a segment, and the packets that bring counters to a multiple of 16, bytes for each PID. */
const PER_PID_BYTES = 16 * 188;

/** The Multivariant Playlist of the MPEG-TS rendition: one Variant Stream, with no tags of later versions. */
export function tsMultivariant(presentation: Presentation, uri: string): MultivariantPlaylist {
  const description = presentation.describe();
  const rendition = tsRenditionOf(description.tracks);
  const codecs = codecsOf(rendition);
  const variant = {
    uri,
    bandwidth: tsBandwidthOf(description, rendition),
    codecs,
    ...pictureOf(description, rendition),
  };
  return { version: 3, independentSegments: false, variants: [variant], renditions: [] };
}

/** Upper bound of the bit rate: media plus the transport stream overhead of a one-second segment. */
function tsBandwidthOf(description: Description, rendition: Rendition): number {
  const { tracks } = rendition;
  const framesPerS = description.frameRateOf(rendition) ?? 60;
  const units = tracks.reduce((sum, { kind }) => sum + (kind === 'video' ? framesPerS : AUDIO_UNITS_PER_S), 0);
  const overhead = units * PER_UNIT_BYTES + (2 + tracks.length) * PER_PID_BYTES;
  return Math.ceil(description.bandwidthOf(rendition) * PACKET_SHARE + 8 * overhead);
}
