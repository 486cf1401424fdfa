/**
 * The Multivariant Playlist of a set of tracks, live or past: what players choose from, and what goes with it.
 * In: tracks, and what is known of their rates. Out: a playlist value for media/m3u8/print. RFC 8216bis, 4.4.6. Pure.
 */
import assert from 'node:assert/strict';
import type { Track } from '../media/frame.ts';
import type { Rendition as ListedRendition, MultivariantPlaylist, Variant } from '../media/m3u8/playlist.ts';
import { codecsOf, type Rendition, renditionsOf } from '../media/rendition-set.ts';
import { parseTextHeader } from '../media/webvtt/traits.ts';

/** What a list says of its renditions. */
export interface Described {
  readonly tracks: readonly Track[];
  /** EXT-X-VERSION. */
  readonly version: number;
  /** Peak of a rendition, bits per second. */
  readonly bandwidthOf: (rendition: Rendition) => number;
  /** Frames per second, three decimals; undefined where it varies. */
  readonly frameRateOf: (rendition: Rendition) => number | undefined;
  /** The Media Playlist of a rendition, relative to this playlist. */
  readonly uriOf: (id: string) => string;
}

/** GROUP-ID of the audio renditions; further codecs have groups of their own. */
const AUDIO_GROUP = 'audio';
/** GROUP-ID of the subtitle renditions. */
const SUBTITLE_GROUP = 'subtitles';
/** What every browser decodes in fragmented MP4. Of MP3 and Dolby's codecs most of them do not. */
const SPOKEN_EVERYWHERE: ReadonlySet<string> = new Set(['aac', 'opus']);

/** Audio renditions of one codec: a Variant Stream names all codecs that its group needs (4.4.6.2). */
interface AudioGroup {
  readonly id: string;
  readonly renditions: readonly Rendition[];
}

/**
 * The playlist: a Variant Stream for each video rendition (or the only audio) and each codec of the audio renditions beside it. Where
 * browsers decode none of the sound, the pictures are offered alone as well, last: else they would show nothing at all.
 */
export function multivariantOf(described: Described): MultivariantPlaylist {
  const { tracks, version, bandwidthOf, frameRateOf, uriOf } = described;
  const { all, variants, audio, subtitles } = renditionsOf(tracks);
  const groups = groupByCodec(audio);
  const speaks = tracks.some(({ kind, config }) => kind === 'audio' && SPOKEN_EVERYWHERE.has(config.codec));
  const isSilent = ({ tracks: own }: Rendition) => own.every(({ kind }) => kind === 'video');
  const silent = speaks || !tracks.some(({ kind }) => kind === 'audio') ? [] : all.filter(isSilent);
  return {
    version,
    independentSegments: false,
    variants: [
      ...(groups.length === 0 ? [undefined] : groups).flatMap((group) =>
        variants.map((one) => listVariant(one, group)),
      ),
      ...silent.map((rendition) => listVariant(rendition, undefined)),
    ],
    renditions: [...groups.flatMap(listAudio), ...listSubtitles(subtitles, uriOf)],
  };

  function listVariant(rendition: Rendition, group: AudioGroup | undefined): Variant {
    const video = rendition.tracks.find((track) => track.kind === 'video');
    const frameRate = video && frameRateOf(rendition);
    const beside = group?.renditions ?? [];
    const loudest = Math.max(0, ...beside.map(bandwidthOf));
    return {
      uri: uriOf(rendition.id),
      bandwidth: Math.max(1, Math.ceil(bandwidthOf(rendition) + loudest)),
      codecs: [codecsOf(rendition), ...beside.slice(0, 1).map(codecsOf)].join(','),
      ...(video && { resolution: { width: video.config.width, height: video.config.height } }),
      ...(frameRate && { frameRate }),
      ...(group && { audio: group.id }),
      ...(subtitles.length > 0 && { subtitles: SUBTITLE_GROUP }),
    };
  }

  function listAudio({ id: groupId, renditions }: AudioGroup): ListedRendition[] {
    return renditions.map((rendition, i) => {
      const track = rendition.tracks[0]!;
      return {
        type: 'AUDIO',
        groupId,
        name: track.label || (track.language === 'und' ? `Audio ${i + 1}` : track.language),
        ...(track.language !== 'und' && { language: track.language }),
        default: i === 0,
        autoselect: true,
        uri: uriOf(rendition.id),
        ...(track.kind === 'audio' && { channels: String(track.config.channels) }),
      };
    });
  }
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
function listSubtitles(subtitles: readonly Rendition[], uriOf: Described['uriOf']): ListedRendition[] {
  const names = new Set<string>();
  let hasDefault = false;
  return subtitles.map(({ id, tracks: [track] }, i) => {
    assert(track?.kind === 'text');
    const { isDefault, forced } = parseTextHeader(track);
    const said = track.label || (track.language === 'und' ? `Subtitles ${i + 1}` : track.language);
    const name = names.has(said) ? `${said} (${i + 1})` : said;
    names.add(name);
    const takesDefault = isDefault && !hasDefault;
    hasDefault ||= takesDefault;
    return {
      ...{ type: 'SUBTITLES', groupId: SUBTITLE_GROUP, name },
      ...(track.language !== 'und' && { language: track.language }),
      ...{ default: takesDefault, autoselect: true, uri: uriOf(id) },
      ...(forced && { forced }),
    };
  });
}
