/**
 * Reads an MP4 file with sample tables: the frames of its tracks, without another process.
 * In: its tables and ranges of the file. Out: frames in about two seconds of all tracks. ISO/IEC 14496-12,
 * 8.6 and 8.7.
 */

import { concatBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import { inBandSets } from '@oxbow/media/file/parameter-sets';
import type { Frame, Track, VideoTrack } from '@oxbow/media/frame';
import type { FileMovie, FileTableSample, FileTrack } from '@oxbow/media/isobmff/movie/progressive';
import { SampleForm } from '@oxbow/media/isobmff/movie/sample-form';
import { InBandSets } from '@oxbow/media/isobmff/sample-entry/in-band';
import { widenNalLengths } from '@oxbow/media/isobmff/sample-entry/nal-length';
import type { ImportLoss } from '../../api/library/asset-facts.ts';
import type { DemuxStream } from '../../ffmpeg/demux.ts';
import type { JobInput } from '../../jobs/worker-job.ts';
import { type ImportLimits, refused } from './limits.ts';
import type { MediaPiece, MediaReader } from './media-reader.ts';

/** Media that is read at a time. */
const PIECE_S = 2;
const PIECE_BYTES = 16 * 1024 * 1024;
/** Samples of a track in a piece. */
const PIECE_SAMPLES = 20_000;
/** Nearby ranges are read together, small gaps included. */
const RANGE_BYTES = 8 * 1024 * 1024;
const HOLE_BYTES = 32 * 1024;
/** Samples in which the parameter sets of a track must be, where its sample entry has none. */
const MAX_WITHOUT_SETS = 5;

interface ReadTrack {
  readonly file: FileTrack;
  readonly track: Track;
  readonly form: SampleForm | undefined;
  /** Where samples use several sample entries: the parameter sets before their key frames. */
  readonly entries?: readonly EntrySets[];
}

/** One of several sample entries of a track. */
interface EntrySets {
  readonly nalLengthBytes: number;
  /** Its parameter sets as NAL units with 4-byte lengths. */
  readonly sets: Uint8Array;
}

/** A file whose tracks are known. */
class MovieReader implements MediaReader {
  readonly #input: JobInput;
  readonly #signal: AbortSignal;
  readonly #limits: ImportLimits;
  readonly #tracks: readonly ReadTrack[];
  readonly streams: readonly number[];
  #bytes = 0;
  #damaged = 0;
  #isTruncated = false;
  #readUntilS = 0;

  /** Use {@link openMovieReader}. */
  constructor(
    input: JobInput,
    tracks: readonly ReadTrack[],
    streams: readonly number[],
    limits: ImportLimits,
    signal: AbortSignal,
  ) {
    this.#input = input;
    this.#tracks = tracks;
    this.streams = streams;
    this.#limits = limits;
    this.#signal = signal;
  }

  get tracks(): readonly Track[] {
    return this.#tracks.map(({ track }) => track);
  }

  get warnings(): readonly string[] {
    const longest = Math.max(0, ...this.#tracks.map(({ file }) => file.durationS));
    const missing = Math.max(0, longest - this.#readUntilS);
    return [
      ...(this.#isTruncated
        ? [`The file ends early: ${missing.toFixed(1)} of ${longest.toFixed(1)} seconds are missing.`]
        : []),
      ...(this.#damaged > 0 ? [`${this.#damaged} damaged frames were left out.`] : []),
    ];
  }

  get losses(): readonly ImportLoss[] {
    return [...(this.#isTruncated ? (['end'] as const) : []), ...(this.#damaged > 0 ? (['frames'] as const) : [])];
  }

  async *pieces(): AsyncGenerator<MediaPiece, void> {
    const reference = this.#tracks[0]!;
    let next = this.#read(this.#take(reference));
    for (;;) {
      const piece = await next;
      if (!piece) return;
      // The next piece is read while this one is written.
      next = this.#isTruncated ? Promise.resolve(undefined) : this.#read(this.#take(reference));
      next.catch(() => {}); // Awaited above.
      yield piece;
    }
  }

  /** Samples of the next piece; none at the end. */
  #take(reference: ReadTrack): FileTableSample[] {
    const { walk } = reference.file;
    const { timescale } = reference.track;
    const first = walk.peek();
    const samples: FileTableSample[] = [];
    let bytes = 0;
    for (let next = first; next && first; next = walk.peek()) {
      const isFull = next.dts - first.dts >= PIECE_S * timescale || bytes + next.length > PIECE_BYTES;
      if (samples.length > 0 && (isFull || samples.length >= PIECE_SAMPLES)) break;
      bytes += next.length;
      samples.push(walk.next()!);
    }
    const isLast = walk.peek() === undefined;
    const last = samples.at(-1);
    const endS = last && !isLast ? (last.dts + last.duration) / timescale : Number.POSITIVE_INFINITY;
    for (const other of this.#tracks) {
      if (other === reference) continue;
      let count = 0;
      let bytes = 0;
      const upTo = endS * other.track.timescale;
      for (let sample = other.file.walk.peek(); sample && sample.dts < upTo; sample = other.file.walk.peek()) {
        bytes += sample.length;
        if (count >= PIECE_SAMPLES || bytes > PIECE_BYTES) {
          if (isLast) break; // The rest comes in another piece.
          throw refused(`Track ${other.file.source.sourceId} has too many samples beside the others.`);
        }
        count++;
        samples.push(other.file.walk.next()!);
      }
    }
    return samples;
  }

  /** Reads samples in the order of the file; returns them in decode order of each track. */
  async #read(samples: readonly FileTableSample[]): Promise<MediaPiece | undefined> {
    if (samples.length === 0) return undefined;
    for (const { length } of samples) this.#count(length);
    const bytes = new Map<FileTableSample, Uint8Array>();
    const ordered = samples.toSorted((a, b) => a.offset - b.offset);
    let atBytes = 0;
    for (let i = 0; i < ordered.length && !this.#isTruncated; ) {
      const from = ordered[i]!.offset;
      let to = from + ordered[i]!.length;
      let end = i + 1;
      for (let next = ordered[end]; next && next.offset <= to + HOLE_BYTES; next = ordered[++end]) {
        const reach = Math.max(to, next.offset + next.length);
        if (reach - from > RANGE_BYTES) break;
        to = reach;
      }
      const range = await this.#range(from, to - from);
      for (; i < end; i++) {
        const sample = ordered[i]!;
        const start = sample.offset - from;
        if (start + sample.length <= range.length) bytes.set(sample, range.subarray(start, start + sample.length));
        else this.#isTruncated = true;
      }
      atBytes = to;
    }
    const frames: Frame[] = [];
    for (const sample of samples) {
      const data = bytes.get(sample);
      if (data) this.#add(sample, data, frames);
    }
    return { frames, times: [], atBytes };
  }

  #add(sample: FileTableSample, bytes: Uint8Array, into: Frame[]): void {
    const { track, form, file, entries } = this.#tracks.find(({ track: { id } }) => id === sample.trackId)!;
    const { trackId, dts, pts, duration, key } = sample;
    if (bytes.length === 0) return;
    this.#readUntilS = Math.max(this.#readUntilS, (pts + duration) / track.timescale);
    try {
      const entry = entries?.[sample.entry - 1];
      if (entry) {
        const wide = widenNalLengths(bytes, entry.nalLengthBytes);
        const data = key && !beginsWithSets(wide, track) ? concatBytes([entry.sets, wide]) : wide;
        into.push({ trackId, dts, pts, duration, key, data });
        return;
      }
      const { nalLengthBytes } = file.source;
      const data = form ? form.take(bytes, nalLengthBytes).data : widenNalLengths(bytes, nalLengthBytes);
      into.push({ trackId, dts, pts, duration, key, data });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#damaged++;
    }
  }

  #count(length: number): void {
    this.#bytes += length;
    const { maxGrowth, maxFrameBytes } = this.#limits;
    if (length > maxFrameBytes) throw refused(`A sample of ${length} bytes is too large.`);
    if (this.#bytes > this.#input.length * maxGrowth + 1024 * 1024) {
      throw refused('The sample tables of the file name the same bytes again and again.');
    }
  }

  async #range(offset: number, count: number): Promise<Uint8Array> {
    const most = 16 * 1024 * 1024;
    if (offset >= this.#input.length) return new Uint8Array(0);
    const within = Math.min(count, this.#input.length - offset);
    if (within <= most) return this.#input.read(offset, within, { signal: this.#signal });
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < within; at += most) {
      pieces.push(await this.#input.read(offset + at, Math.min(most, within - at), { signal: this.#signal }));
    }
    return concatBytes(pieces);
  }
}

/**
 * Opens a file with sample tables.
 *
 * @param streams how FFmpeg sees its tracks
 * @returns undefined if no track can be stored without encoding, or the reference among them cannot
 */
export async function openMovieReader(
  input: JobInput,
  movie: FileMovie,
  streams: readonly DemuxStream[],
  { limits, signal }: { readonly limits: ImportLimits; readonly signal: AbortSignal },
): Promise<MovieReader | undefined> {
  const hasVideo = streams.some(({ kind, isAttachment }) => kind === 'video' && !isAttachment);
  const tracks: ReadTrack[] = [];
  const indexes: number[] = [];
  for (const file of movie.tracks) {
    const stream = streams.find(({ id }) => id === file.source.sourceId);
    if (!stream || stream.isAttachment || file.count === 0) continue;
    if (file.count > limits.maxFrames) throw refused(`A track has ${file.count} samples: too many.`);
    const ready = await readyTrack(input, file, stream, signal);
    if (!ready) continue;
    tracks.push(ready);
    indexes.push(stream.index);
  }
  const kind = hasVideo ? 'video' : 'audio';
  if (tracks[0]?.track.kind !== kind) return undefined;
  return new MovieReader(input, tracks, indexes, limits, signal);
}

async function readyTrack(
  input: JobInput,
  file: FileTrack,
  { title }: DemuxStream,
  signal: AbortSignal,
): Promise<ReadTrack | undefined> {
  const { source } = file;
  const track = file.track.label ? file.track : { ...file.track, label: title.slice(0, 200) };
  // FFmpeg reads what changes its sound within a track.
  if (file.entries > 1 && track.kind !== 'video') return undefined;
  if (track.kind === 'audio') return track.config.layer ? undefined : { file, track, form: undefined };
  if (track.kind !== 'video') return undefined;
  if (file.entries > 1) {
    const entries = setsOf(file, track);
    return entries && { file, track, form: undefined, entries };
  }
  if (!source.inBand) return { file, track, form: new SampleForm(source, track) };
  // Parameter sets stay in the samples; the sample entry gets the first of them.
  const sets = new InBandSets(track.config);
  for (let i = 0; i < MAX_WITHOUT_SETS && !sets.config; i++) {
    const sample = file.walk.next();
    if (!sample) break;
    const count = Math.min(sample.length, 1024 * 1024);
    sets.take(widenNalLengths(await input.read(sample.offset, count, { signal }), source.nalLengthBytes));
  }
  file.walk.rewind();
  return sets.config && { file, track: { ...track, config: sets.config }, form: undefined };
}

/**
 * The parameter sets of each sample entry of a track: they are put before its key frames, so that one init
 * section serves all of them (docs/decisions/0010). Undefined if the entries have several codecs, or one
 * without parameter sets.
 */
function setsOf({ source, entries }: FileTrack, track: VideoTrack): EntrySets[] | undefined {
  const { codec } = track.config;
  if (codec !== 'h264' && codec !== 'hevc') return undefined;
  const first = { config: track.config, nalLengthBytes: source.nalLengthBytes, inBand: source.inBand };
  const sampleEntries = [first, ...source.further].slice(0, entries);
  const sets: EntrySets[] = [];
  for (const entry of sampleEntries) {
    if (!entry || entry.inBand || entry.config.codec !== codec) return undefined;
    sets.push({ nalLengthBytes: entry.nalLengthBytes, sets: inBandSets({ ...track, config: entry.config }) });
  }
  return sets.length === entries ? sets : undefined;
}

/** Whether a sample has parameter sets itself, as exports of oxbow have. */
function beginsWithSets(sample: Uint8Array, { config }: Track): boolean {
  const first = sample[4] ?? 0;
  return config.codec === 'hevc' ? [32, 33, 34].includes((first >> 1) & 0x3f) : (first & 0x1f) === 7;
}
