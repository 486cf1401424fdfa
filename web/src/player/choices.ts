/**
 * Qualities, sounds and subtitles: what hls.js offers as choices that stay the same from buffer to buffer, and what was chosen applied to a
 * buffer.
 * In: hls.js. Out: choices for the snapshot. Holds what the viewer chose.
 */
import type Hls from 'hls.js';
import type { Level, MediaPlaylist } from 'hls.js';
import type { Choice } from './snapshot.ts';

/** What there is to choose from on a buffer, and what plays. */
export interface Offers {
  readonly qualities: readonly Choice[];
  readonly playingQuality: string | null;
  readonly sounds: readonly Choice[];
  readonly sound: string | null;
  readonly subtitles: readonly Choice[];
}

const nothing: Offers = { qualities: [], playingQuality: null, sounds: [], sound: null, subtitles: [] };

/** The viewer's choices; they outlive buffers. */
export class Choices {
  /** Null: by hls.js. */
  quality: string | null = null;
  sound: string | null = null;
  subtitle: string | null = null;

  /** Makes a buffer play what was chosen, as far as it has it; for a buffer whose lists have just been read, and after each choice. */
  apply(hls: Hls): void {
    const level = hls.levels.findIndex((one) => qualityId(one) === this.quality);
    if (level >= 0 ? hls.loadLevel !== level || hls.autoLevelEnabled : !hls.autoLevelEnabled) {
      // Before anything plays there is nothing to be switched, only something to be loaded.
      if (hls.currentLevel < 0) hls.loadLevel = level;
      else hls.nextLevel = level;
    }
    const sound = find(hls.audioTracks, this.sound);
    if (sound >= 0 && hls.audioTrack !== sound) hls.audioTrack = sound;
    const subtitle = find(hls.subtitleTracks, this.subtitle);
    hls.subtitleDisplay = subtitle >= 0;
    if (hls.subtitleTrack !== subtitle) hls.subtitleTrack = subtitle;
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
      height: level.height || undefined,
      bitrate: level.bitrate || undefined,
    }));
    const best = qualities.toSorted((a, b) => (b.height ?? 0) - (a.height ?? 0) || (b.bitrate ?? 0) - (a.bitrate ?? 0));
    const sounds = audioTracks.map(asChoice);
    return {
      qualities: best.length > 1 ? best : [],
      playingQuality: playing ? qualityId(playing) : null,
      sounds: sounds.length > 1 ? sounds : [],
      sound: sounds[hls.audioTrack]?.id ?? null,
      subtitles: subtitleTracks.map(asChoice),
    };
  }
}

/** The rendition's role in its address is the same in live lists (`/v0-480/g7.m3u8`) and in windows (`/v0-480.m3u8`). */
function qualityId(level: Level): string {
  const role = /([^/]+)(?:\/g\d+)?\.m3u8/.exec(level.uri)?.[1];
  return role ?? `${level.height}@${level.bitrate}`;
}

const trackId = ({ lang = '', name }: MediaPlaylist): string => `${lang}/${name}`;

function asChoice(track: MediaPlaylist): Choice {
  return { id: trackId(track), language: track.lang ?? '', label: track.name };
}

/** The track of that name, else of that language; -1 where there is none. */
function find(tracks: readonly MediaPlaylist[], id: string | null): number {
  if (id === null) return -1;
  const same = tracks.findIndex((track) => trackId(track) === id);
  if (same >= 0) return same;
  const language = id.slice(0, id.indexOf('/'));
  return language === '' ? -1 : tracks.findIndex(({ lang }) => lang === language);
}
