/**
 * Progressive MP4 files: a moov whose sample tables have the offset of every frame.
 * In: a moov. Out: tracks, and a walk over the samples of each on the movie's clock. Pure. ISO/IEC 14496-12,
 * 8.6 and 8.7.
 */

import { FormatError } from '../../errors.ts';
import type { Track } from '../../frame.ts';
import type { LeftOutTrack } from '../../left-out.ts';
import { type Box, findBox, readBoxes } from '../box.ts';
import { type MovieTrack, parseMoov } from '../init.ts';
import type { SegmentSample } from '../segment-frames.ts';
import { type MovieChapters, parseMovieChapters } from './chapters.ts';
import { chooseTracks } from './movie-choice.ts';
import { SampleCursor } from './sample-cursor.ts';

export interface FileTrack {
  /** Under the id it has in frames: video 1, others from 2 on. */
  readonly track: Track;
  readonly source: MovieTrack;
  /** Samples in it. */
  readonly count: number;
  /** The sum of its samples' durations without those that its edit list hides, seconds. */
  readonly durationS: number;
  /**
   * Pictures that its edit list hides, but its walk has: the first picture that is shown needs them. Seconds.
   */
  readonly hiddenS: number;
  /** The last sample entry that its samples use, from 1. */
  readonly entries: number;
  readonly walk: SampleWalk;
}

/** A file's tables. */
export interface FileMovie {
  /** Those that oxbow can take, in the order of their ids. */
  readonly tracks: readonly FileTrack[];
  /** Those that it cannot take. */
  readonly leftOut: readonly LeftOutTrack[];
  /** Edits that were ignored, for the log. */
  readonly notes: readonly string[];
  readonly chapters: MovieChapters;
  /** Fragments may follow: there is an mvex. */
  readonly fragmented: boolean;
  /** The moov itself, and where the file continues after it, where it was read from one. */
  readonly moov?: { readonly bytes: Uint8Array; readonly endsAt: number };
}

export interface FileTableSample extends SegmentSample {
  /** Its sample entry, from 1. */
  readonly entry: number;
}

/** Options of reading the tables of a file. */
export interface MovieOptions {
  /** Takes samples of further sample entries; otherwise the first of them is an error. */
  readonly allEntries?: boolean | undefined;
}

/** Sound before the first shown sample that primes its decoder, seconds. */
const PRIMING_S = 0.2;
/** Samples that are looked through for the first that is shown: nine hours of 30 pictures a second. */
const MAX_HIDDEN = 1_000_000;

/**
 * A walk over a track's samples: `dts <= pts`, both on the movie's clock, whose 0 the edit list names.
 *
 * Samples that the edit list hides are left out, except for samples without which others cannot be decoded.
 */
export class SampleWalk {
  readonly #cursor: SampleCursor;
  readonly #trackId: number;
  readonly #shift: number;
  readonly #end: number;
  readonly #reach: number;
  readonly #allEntries: boolean;
  #peeked: FileTableSample | undefined;
  /** Samples before the first that is needed. */
  #skipped = 0;

  /** @param source the track's edit list */
  constructor(
    cursor: SampleCursor,
    trackId: number,
    source: Pick<MovieTrack, 'editShift'> & Partial<Pick<MovieTrack, 'editEnd'>>,
    { allEntries = false }: MovieOptions = {},
  ) {
    this.#end = source.editEnd ?? Number.POSITIVE_INFINITY;
    this.#allEntries = allEntries;
    this.#cursor = cursor;
    this.#trackId = trackId;
    this.#shift = source.editShift;
    this.#reach = cursor.reach;
  }

  /** The next sample, which stays; undefined behind the last. */
  peek(): FileTableSample | undefined {
    this.#peeked ??= this.#read();
    return this.#peeked;
  }

  /**
   * The next sample; undefined behind the last.
   *
   * @throws FormatError where the tables are wrong
   */
  next(): FileTableSample | undefined {
    const sample = this.peek();
    this.#peeked = undefined;
    return sample;
  }

  /** Goes back to the first sample. */
  rewind(): void {
    this.#cursor.rewind();
    for (let i = 0; i < this.#skipped; i++) this.#cursor.next();
    this.#peeked = undefined;
  }

  /**
   * From now on begins at the first sample that is needed: of a picture, the last key frame that is not after
   * the first that is shown; of sound, what primes the decoder.
   *
   * @returns ticks of pictures before the first that is shown
   */
  skipHidden({ kind, timescale }: Track): number {
    if (this.#shift >= 0) return 0;
    let hidden = 0;
    let needed = 0;
    for (let i = 0; i < MAX_HIDDEN; i++) {
      const sample = this.next();
      if (!sample || sample.dts > 0) break;
      const { pts, duration, key } = sample;
      if (kind === 'video' ? key && pts <= 0 : pts + duration <= -PRIMING_S * timescale) {
        needed = kind === 'video' ? i : i + 1;
        hidden = kind === 'video' && pts + duration <= 0 ? -pts : 0;
      }
    }
    this.#skipped = needed;
    this.rewind();
    return hidden;
  }

  #read(): FileTableSample | undefined {
    const sample = this.#cursor.next();
    if (!sample) return undefined;
    const { dts, composition, duration, key, offset, length, entry } = sample;
    if (entry !== 1 && !this.#allEntries)
      throw new FormatError('samples of a second sample entry are not supported', offset);
    const shown = dts + this.#shift;
    // Decode times increase: all later samples are hidden as well.
    if (shown - this.#reach >= this.#end) return undefined;
    return {
      trackId: this.#trackId,
      dts: shown - this.#reach,
      pts: shown + composition,
      duration,
      key,
      offset,
      length,
      entry,
    };
  }
}

/**
 * Reads the moov of a file.
 *
 * @param bytes kept: the walks read from them
 * @param moov the box within `bytes`
 * @throws FormatError if it is malformed; OxbowError `unsupported-media` if a track is encrypted
 */
export function parseMovie(bytes: Uint8Array, moov: Box, options: MovieOptions = {}): FileMovie {
  const fragmented = findBox(readBoxes(bytes, moov.body, moov.end), 'mvex') !== undefined;
  const tracks: FileTrack[] = [];
  const notes: string[] = [];
  const { chosen, leftOut } = chooseTracks(parseMoov(bytes, moov, { keepsOthers: true }));
  for (const { source, track } of chosen) {
    const cursor = openCursor(bytes, source, chosen.length > 1);
    if (!cursor) {
      leftOut.push({ kind: track.kind === 'data' ? 'unknown' : track.kind, name: `a damaged ${track.kind} track` });
      continue;
    }
    // The edit list of a file with fragments may end with its tables.
    const editEnd = fragmented ? undefined : source.editEnd;
    const walk = new SampleWalk(cursor, track.id, { editShift: source.editShift, editEnd }, options);
    const hiddenS = walk.skipHidden(track) / track.timescale;
    if (source.manyEdits) notes.push(`track ${source.sourceId}: only the first edit is applied`);
    if (hiddenS > 0) notes.push(`track ${source.sourceId}: ${hiddenS.toFixed(1)} s before its first edit are shown`);
    const shown = Math.min(cursor.ticks, (editEnd ?? Infinity) - source.editShift) - Math.max(0, -source.editShift);
    const durationS = Math.max(0, shown) / track.timescale;
    tracks.push({ track, source, count: cursor.count, durationS, hiddenS, entries: cursor.entries, walk });
  }
  tracks.sort((a, b) => a.track.id - b.track.id);
  if (chosen.length > 0 && tracks.length === 0) throw new FormatError('the sample tables of all tracks are damaged', 0);
  return { tracks, leftOut, notes, chapters: parseMovieChapters(bytes, moov), fragmented };
}

/** The tables of a track; undefined where they are damaged and there are other tracks. */
function openCursor(bytes: Uint8Array, { stbl }: MovieTrack, hasOthers: boolean): SampleCursor | undefined {
  try {
    return new SampleCursor(bytes, stbl);
  } catch (error) {
    if (!hasOthers || !(error instanceof FormatError)) throw error;
    return undefined;
  }
}
