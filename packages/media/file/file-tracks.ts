/**
 * Maps the tracks of joined recording segments to the tracks of one file, and omits those that the file
 * cannot hold.
 * In: the track sets of the stretches, in order. Out: file tracks, each with the configurations it goes
 * through. Pure.
 */
import { sameColourInfo } from '../colour/colour-info.ts';
import { OxbowError } from '../errors.ts';
import type { AudioTrack, Track, VideoTrack } from '../frame.ts';

/** File formats of a recording. */
export type FileFormat = 'mp4' | 'mkv' | 'ts';

/** A video or audio track. */
export type MediaTrack = VideoTrack | AudioTrack;

export interface FileTrack {
  /** 1 and up; its id in the file. */
  readonly number: number;
  /** Its first stored track, with the file's track number. All times in the file are in its timescale. */
  readonly track: MediaTrack;
  /** Its configurations, in order; the first is that of `track`. */
  readonly configs: readonly MediaTrack[];
}

/** The file track that continues a stored track. */
export interface TrackPlace {
  readonly fileTrack: FileTrack;
  /** Index in `configs`. */
  readonly config: number;
}

/** Codecs of each format. For MPEG-TS those of ISO/IEC 13818-1 and its registrations. */
const holds: Readonly<Record<FileFormat, ReadonlySet<string>>> = {
  mp4: new Set(['h264', 'hevc', 'av1', 'vp9', 'aac', 'mp3', 'ac3', 'eac3', 'opus', 'flac']),
  mkv: new Set(['h264', 'hevc', 'av1', 'vp9', 'aac', 'mp3', 'ac3', 'eac3', 'opus', 'flac']),
  ts: new Set(['h264', 'hevc', 'aac', 'mp3', 'ac3', 'eac3']),
};
const names: Readonly<Record<string, string>> = { h264: 'H.264', hevc: 'HEVC', aac: 'AAC', mp3: 'MP3', opus: 'Opus' };
const nameOf = (codec: string): string => names[codec] ?? codec.toUpperCase();

/** Whether a file of a format can have a codec. */
export function canHold(format: FileFormat, { config }: MediaTrack): boolean {
  return holds[format].has(config.codec);
}

interface Line extends FileTrack {
  readonly configs: MediaTrack[];
}

/** The tracks of one file; new stretches may add some. */
export class FileTracks {
  readonly #format: FileFormat;
  readonly #lines: Line[] = [];

  /** @param format decides which codecs are possible */
  constructor(format: FileFormat) {
    this.#format = format;
  }

  /** In order: those of the first stretch, then later ones. */
  get all(): readonly FileTrack[] {
    return this.#lines;
  }

  /**
   * Whether a video configuration changes within the file: then each key frame has parameter sets before it.
   */
  get changes(): boolean {
    return this.#lines.some(({ configs }) => configs.length > 1);
  }

  /**
   * Assigns each track of a stretch to a file track: the first video track to the first video track and so
   * on, audio preferably in the track of its language. Text and data are omitted.
   *
   * @param when time of the stretch for error messages
   * @returns by track id
   * @throws OxbowError `unsupported-media` if the file cannot hold a track, or cannot continue with it
   */
  place(tracks: readonly Track[], when: string): ReadonlyMap<number, TrackPlace> {
    const places = new Map<number, TrackPlace>();
    const taken = new Set<Line>();
    for (const track of tracks) {
      if (track.kind !== 'video' && track.kind !== 'audio') continue;
      if (!holds[this.#format].has(track.config.codec)) {
        const sentence = `${nameOf(track.config.codec)} has no place in a .${this.#format} file.`;
        throw new OxbowError('unsupported-media', sentence, { extra: { hint: 'Ask for .mp4 or .mkv.' } });
      }
      const free = this.#lines.filter((line) => line.track.kind === track.kind && !taken.has(line));
      const line = free.find(({ track: first }) => first.language === track.language) ?? free[0] ?? this.#add(track);
      taken.add(line);
      places.set(track.id, { fileTrack: line, config: this.#configOf(line, track, when) });
    }
    return places;
  }

  /**
   * The index of a configuration that replaces another one of a track, as after transcoding.
   *
   * @throws OxbowError `unsupported-media` where the codec is another one
   */
  variant({ fileTrack }: TrackPlace, track: MediaTrack, when: string): TrackPlace {
    const line = this.#lines.find((candidate) => candidate === fileTrack)!;
    return { fileTrack: line, config: this.#configOf(line, track, when) };
  }

  #add(track: MediaTrack): Line {
    const number = this.#lines.length + 1;
    const line: Line = { number, track: { ...track, id: number }, configs: [] };
    this.#lines.push(line);
    return line;
  }

  #configOf({ track: first, configs, number }: Line, track: MediaTrack, when: string): number {
    const index = configs.findIndex((config) => isSame(config, track));
    if (index >= 0) return index;
    if (configs.length > 0) refuseChange(first, track, when);
    return configs.push({ ...track, id: number }) - 1;
  }
}

function isSame(a: MediaTrack, b: MediaTrack): boolean {
  const [first, second] = [a.config, b.config];
  if (first.codec !== second.codec || first.record.length !== second.record.length) return false;
  if (a.kind === 'audio' && b.kind === 'audio' && !isSameSound(a, b)) return false;
  if (a.kind === 'video' && b.kind === 'video' && !sameColourInfo(a.config.colourInfo, b.config.colourInfo)) {
    return false;
  }
  return first.record.every((byte, i) => byte === second.record[i]);
}

function isSameSound({ config: a }: AudioTrack, { config: b }: AudioTrack): boolean {
  return a.sampleRate === b.sampleRate && a.channels === b.channels;
}

/**
 * Players accept other parameter sets and another size, but neither another codec nor another audio sample
 * rate.
 */
function refuseChange(before: MediaTrack, after: MediaTrack, when: string): void {
  const hint = 'Export up to there and from there on as two files.';
  const [from, to] = [describe(before), describe(after)];
  const continues =
    before.config.codec === after.config.codec &&
    (before.kind !== 'audio' || after.kind !== 'audio' || isSameSound(before, after));
  if (continues) return;
  const change = before.kind === 'video' ? 'The pictures change' : 'The sound changes';
  throw new OxbowError('unsupported-media', `${change} from ${from} to ${to} at ${when}: one file cannot hold both.`, {
    extra: { hint },
  });
}

function describe({ kind, config }: MediaTrack): string {
  if (kind === 'video') return nameOf(config.codec);
  return `${nameOf(config.codec)} with ${config.sampleRate} Hz and ${config.channels} channels`;
}
