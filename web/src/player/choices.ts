/**
 * Qualities, audio tracks, subtitles and captions: the options of a buffer under ids that stay the same from
 * buffer to buffer, and the viewer's choice, applied to each buffer.
 * In: hls.js. Out: options for the snapshot. Keeps what the viewer chose.
 */
import type Hls from 'hls.js';
import type { Level, MediaPlaylist } from 'hls.js';
import { captionsOf, showCaptions } from '../media/captions.ts';
import type { Choice } from '../media/state.ts';

/** The options of a buffer, and which of them plays. */
interface Offers {
  readonly qualities: readonly Choice[];
  readonly playingQuality: string | null;
  readonly sounds: readonly Choice[];
  readonly sound: string | null;
  readonly subtitles: readonly Choice[];
}

const nothing: Offers = { qualities: [], playingQuality: null, sounds: [], sound: null, subtitles: [] };

/** A choice of the viewer. */
export type ChoiceChanges = Partial<Pick<Choices, 'quality' | 'sound' | 'subtitle'>>;

/** The viewer's choices; they outlive buffers. */
export class Choices {
  /** Null: hls.js chooses. */
  quality: string | null = null;
  sound: string | null = null;
  subtitle: string | null = null;
  /** hls.js chooses no more than this by itself, bits per second; null: it may choose everything. */
  mostBitrate: number | null = null;
  /**
   * Of buffers that `mostBitrate` caps: the highest level by that, and by the size of the picture, which is
   * hls.js's own. -1: none.
   */
  readonly #caps = new WeakMap<Hls, { readonly capping: number; readonly bySize: number }>();

  /**
   * Applies the choice to a buffer, as far as the buffer has it: after its playlists are loaded, and after
   * each choice.
   */
  apply(hls: Hls): void {
    const level = hls.levels.findIndex((candidate) => qualityId(candidate) === this.quality);
    if (level >= 0 ? hls.loadLevel !== level || hls.autoLevelEnabled : !hls.autoLevelEnabled) {
      // Before anything plays there is no level to switch from, only one to load.
      if (hls.currentLevel < 0) hls.loadLevel = level;
      else hls.nextLevel = level;
    }
    this.#cap(hls);
    const sound = find(hls.audioTracks, this.sound);
    if (sound >= 0 && hls.audioTrack !== sound) hls.audioTrack = sound;
    const subtitle = find(hls.subtitleTracks, this.subtitle);
    hls.subtitleDisplay = subtitle >= 0;
    if (hls.subtitleTrack !== subtitle) hls.subtitleTrack = subtitle;
    showCaptions(hls, subtitle >= 0 ? null : this.subtitle);
  }

  /**
   * The network is too slow: hls.js chooses no more than the next lower quality than the one that is loaded;
   * false: everything again.
   */
  ease(hls: Hls | null, isSlow: boolean): void {
    const now = hls?.levels[hls.loadLevel]?.bitrate;
    if (!isSlow) this.mostBitrate = null;
    else if (now !== undefined) this.mostBitrate = now - 1;
  }

  #cap(hls: Hls): void {
    const { mostBitrate } = this;
    const cap = this.#caps.get(hls);
    if (mostBitrate === null && !cap) return;
    // Another value than the last one is of a new size.
    const bySize = cap && cap.capping === hls.autoLevelCapping ? cap.bySize : hls.autoLevelCapping;
    let capping = bySize;
    if (mostBitrate === null) this.#caps.delete(hls);
    else {
      const fitting = hls.levels.filter(({ bitrate }) => bitrate <= mostBitrate); // ascending
      capping = Math.max(0, Math.min(fitting.length - 1, bySize < 0 ? hls.levels.length : bySize));
      this.#caps.set(hls, { capping, bySize });
    }
    if (hls.autoLevelCapping !== capping) hls.autoLevelCapping = capping;
  }

  /** What a buffer offers. */
  offers(hls: Hls | null): Offers {
    if (!hls) return nothing;
    const { levels, audioTracks, subtitleTracks } = hls;
    const playing = levels[hls.currentLevel >= 0 ? hls.currentLevel : hls.loadLevel];
    const qualities = levels.map((level) => ({
      id: qualityId(level),
      language: '',
      label: level.name ?? '',
      height: Math.min(level.width || level.height, level.height) || undefined,
      bitrate: level.bitrate || undefined,
    }));
    const best = qualities.toSorted((a, b) => (b.height ?? 0) - (a.height ?? 0) || (b.bitrate ?? 0) - (a.bitrate ?? 0));
    const sounds = audioTracks.map(asChoice);
    return {
      qualities: best.length > 1 ? best : [],
      playingQuality: playing ? qualityId(playing) : null,
      sounds: sounds.length > 1 ? sounds : [],
      sound: sounds[hls.audioTrack]?.id ?? null,
      subtitles: [...subtitleTracks.map(asChoice), ...captionsOf(hls)],
    };
  }
}

/**
 * The rendition's role in its address is the same in the live playlist (`/v0-480/g7.m3u8`) and in windows
 * (`/v0-480.m3u8`).
 */
function qualityId(level: Level): string {
  const role = /([^/]+)(?:\/g\d+)?\.m3u8/.exec(level.uri)?.[1];
  return role ?? `${level.height}@${level.bitrate}`;
}

const trackId = ({ lang = '', name }: MediaPlaylist): string => `${lang}/${name}`;

function asChoice(track: MediaPlaylist): Choice {
  return { id: trackId(track), language: track.lang ?? '', label: track.name };
}

/** The track of that name, otherwise of that language; -1 if there is none. */
function find(tracks: readonly MediaPlaylist[], id: string | null): number {
  if (id === null) return -1;
  const same = tracks.findIndex((track) => trackId(track) === id);
  if (same >= 0) return same;
  const language = id.slice(0, id.indexOf('/'));
  return language === '' ? -1 : tracks.findIndex(({ lang }) => lang === language);
}
