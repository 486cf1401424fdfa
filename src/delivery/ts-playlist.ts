/**
 * Playlists of the muxed MPEG-TS rendition: live and past, with the same MSNs, dates and promises as those of fragmented MP4.
 * In: a view of packager/live-list, or a window. Out: playlist values for media/m3u8/print. RFC 8216bis 3.1.2, 4.4; MEDIA.md 34. Pure.
 */
import type { Track } from '../media/frame.ts';
import type { MediaPlaylist, MultivariantPlaylist } from '../media/m3u8/playlist.ts';
import type { PrintedPlaylist, PrintedSegment } from '../media/m3u8/print.ts';
import { codecsOf, type Rendition } from '../media/rendition-set.ts';
import type { Init } from '../media/segment.ts';
import type { ListView } from '../packager/listed.ts';
import { liveMediaPlaylist } from './live-playlist.ts';
import { type PastWindow, pastMediaPlaylist } from './past-playlist.ts';

/** The place of the rendition in a URL: `/live/{stream}/ts/…`. */
export const TS = 'ts';

/** Durations have decimals, and there is nothing newer in the list (8216bis 8). */
const VERSION = 3;
/** A transport packet carries 184 bytes in 188. */
const PACKET_SHARE = 188 / 184;
/** What a PES packet takes beside its media at most: header, delimiter, parameter sets or ADTS, and an almost empty packet, bytes. */
const PER_UNIT_BYTES = 300;
/** Audio goes out in PES packets of about 85 ms. */
const AUDIO_UNITS_PER_S = 12;
/** The tables of a segment, and the packets that bring counters to a multiple of 16, bytes for each PID. */
const PER_PID_BYTES = 16 * 188;

/** The tracks that go into one transport stream: the first video and every language, and ID3 tags. */
export function tsTracksOf(tracks: readonly Track[]): readonly Track[] {
  const [video] = tracks.filter((track) => track.kind === 'video');
  const isTag = ({ config }: Track) => config.codec === 'id3';
  return [...(video ? [video] : []), ...tracks.filter((track) => track.kind === 'audio' || isTag(track))];
}

function renditionOf(tracks: readonly Track[]): Rendition {
  return { id: TS, tracks: tsTracksOf(tracks) };
}

/** The Multivariant Playlist of a generation: one Variant Stream. */
export function tsMultivariant({ generation, tracks }: Pick<ListView, 'generation' | 'tracks'>): MultivariantPlaylist {
  const rendition = renditionOf(tracks);
  const [video] = rendition.tracks.filter((track) => track.kind === 'video');
  return {
    version: VERSION,
    independentSegments: false,
    variants: [
      {
        uri: `g${generation.number}.m3u8`,
        bandwidth: bandwidthOf({ generation, tracks }),
        codecs: codecsOf(rendition),
        ...(video && { resolution: { width: video.config.width, height: video.config.height } }),
        ...(video && generation.frameRate && { frameRate: generation.frameRate }),
      },
    ],
    renditions: [],
  };
}

/** Upper bound of the bit rate: that of the media, and what the transport stream adds to it in a segment of a second. */
function bandwidthOf({ generation, tracks }: Pick<ListView, 'generation' | 'tracks'>): number {
  const own = tsTracksOf(tracks);
  const media = own.reduce((sum, { id }) => sum + (generation.bandwidths[id] ?? 0), 0);
  const units = own.reduce(
    (sum, { kind }) => sum + (kind === 'video' ? (generation.frameRate ?? 60) : AUDIO_UNITS_PER_S),
    0,
  );
  return Math.ceil(media * PACKET_SHARE + 8 * (units * PER_UNIT_BYTES + (2 + own.length) * PER_PID_BYTES));
}

/** The live Media Playlist: whole segments alone, and no directives. */
export function tsLivePlaylist(view: ListView): MediaPlaylist {
  const { parts: _parts, partHoldBackS: _hold, ...generation } = view.generation;
  const list = liveMediaPlaylist({ ...view, generation }, renditionOf(view.tracks), { skip: false });
  const sealed = view.segments.filter((segment) => segment.sealed);
  return {
    ...list,
    version: VERSION,
    serverControl: { canBlockReload: false, holdBackS: generation.holdBackS },
    segments: list.segments.map((segment, i) => {
      const { msn, init, sealed: own } = sealed[i]!;
      return asTs(segment, `${msn}.ts`, hasAny(init, [...own!.tracks.keys()]));
    }),
  };
}

/**
 * The Media Playlist of a window.
 *
 * @param base where `{stream}/ts/…` begins, relative to this playlist: up to `live/{stream}/`
 */
export function tsPastPlaylist(window: PastWindow, base: string): PrintedPlaylist {
  const list = pastMediaPlaylist(window, TS, base);
  return {
    ...list,
    version: VERSION,
    segments: {
      *[Symbol.iterator]() {
        const segments = list.segments[Symbol.iterator]();
        for (const { msn, initNumber, tracks } of window.groups) {
          const segment = segments.next();
          if (segment.done) return;
          const present = tracks.filter((track) => track.length > 0).map(({ trackId }) => trackId);
          const uri = { folder: `${base}${TS}/`, number: msn, ending: '.ts' };
          yield asTs(segment.value, uri, hasAny(window.initOf(initNumber), present));
        }
      },
    },
  };
}

/** What stands for itself has no EXT-X-MAP; a hole in one track is a segment without it, a hole in all a GAP. */
function asTs<Uri>({ map: _map, ...segment }: PrintedSegment, uri: Uri, isThere: boolean) {
  return { ...segment, uri, gap: !isThere };
}

function hasAny(init: Init | undefined, present: readonly number[]): boolean {
  return init !== undefined && tsTracksOf(init.tracks).some(({ id }) => present.includes(id));
}
