/**
 * Progressive MP4 files: a moov whose sample tables have the offset of every frame.
 * In: a moov. Out: tracks, and a walk over the samples of each on the movie's clock. Pure. ISO/IEC 14496-12, 8.6 and 8.7.
 */
import type { LeftOutTrack } from '../../../api/left-out.ts';
import type { Track } from '../../frame.ts';
import { type Box, findBox, readBoxes } from '../box.ts';
import { type MovieTrack, parseMoov } from '../init.ts';
import type { SegmentSample } from '../segment-frames.ts';
import { chooseTracks } from './movie-choice.ts';
import { SampleCursor } from './sample-cursor.ts';

/** One track of a file. */
export interface FileTrack {
  /** Under the id it has in frames: video 1, others from 2 on. */
  readonly track: Track;
  readonly source: MovieTrack;
  /** Samples in it. */
  readonly count: number;
  /** Sum of its samples' durations, seconds. */
  readonly durationS: number;
  readonly walk: SampleWalk;
}

/** A file's tables. */
export interface FileMovie {
  /** Those that oxbow can take, in the order of their ids. */
  readonly tracks: readonly FileTrack[];
  /** Those that it cannot take. */
  readonly leftOut: readonly LeftOutTrack[];
  /** What is not applied of those it takes, for the log. */
  readonly notes: readonly string[];
  /** Fragments may follow: there is an mvex. */
  readonly fragmented: boolean;
}

/** A walk over a track's samples: `dts <= pts`, both on the movie's clock, whose 0 the edit list names. */
export class SampleWalk {
  readonly #cursor: SampleCursor;
  readonly #trackId: number;
  readonly #shift: number;
  readonly #reach: number;
  #peeked: SegmentSample | undefined;

  /** @param source the track's edit list and tables */
  constructor(cursor: SampleCursor, trackId: number, source: Pick<MovieTrack, 'editShift'>) {
    this.#cursor = cursor;
    this.#trackId = trackId;
    this.#shift = source.editShift;
    this.#reach = cursor.reach;
  }

  /** The next sample, which stays; undefined behind the last. */
  peek(): SegmentSample | undefined {
    this.#peeked ??= this.#read();
    return this.#peeked;
  }

  /**
   * The next sample; undefined behind the last.
   *
   * @throws FormatError where the tables are wrong
   */
  next(): SegmentSample | undefined {
    const sample = this.peek();
    this.#peeked = undefined;
    return sample;
  }

  /** Goes back to the first sample. */
  rewind(): void {
    this.#cursor.rewind();
    this.#peeked = undefined;
  }

  #read(): SegmentSample | undefined {
    const sample = this.#cursor.next();
    if (!sample) return undefined;
    const { dts, composition, duration, key, offset, length } = sample;
    const shown = dts + this.#shift;
    return {
      trackId: this.#trackId,
      dts: shown - this.#reach,
      pts: shown + composition,
      duration,
      key,
      offset,
      length,
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
export function parseMovie(bytes: Uint8Array, moov: Box): FileMovie {
  const fragmented = findBox(readBoxes(bytes, moov.body, moov.end), 'mvex') !== undefined;
  const tracks: FileTrack[] = [];
  const notes: string[] = [];
  const { chosen, leftOut } = chooseTracks(parseMoov(bytes, moov));
  for (const { source, track } of chosen) {
    const cursor = new SampleCursor(bytes, source.stbl);
    const durationS = cursor.ticks / track.timescale;
    if (source.manyEdits) notes.push(`track ${source.sourceId}: only the first edit is applied`);
    tracks.push({ track, source, count: cursor.count, durationS, walk: new SampleWalk(cursor, track.id, source) });
  }
  tracks.sort((a, b) => a.track.id - b.track.id);
  return { tracks, leftOut, notes, fragmented };
}
