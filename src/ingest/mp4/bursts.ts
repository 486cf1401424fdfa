/**
 * Splits a file into bursts: about two seconds of media of all tracks, beginning with a key frame.
 * In: a file and its tables or fragments. Out: frames in decoding order. docs/media.md 9.
 */
import { FormatError } from '@oxbow/media/errors';
import type { DemuxerOutput, Frame, Track } from '@oxbow/media/frame';
import { readBoxHead, u32At } from '@oxbow/media/isobmff/box';
import { createFmp4Demuxer } from '@oxbow/media/isobmff/demuxer';
import type { FileMovie, FileTrack } from '@oxbow/media/isobmff/movie/progressive';
import { SampleForm } from '@oxbow/media/isobmff/movie/sample-form';
import type { SegmentSample } from '@oxbow/media/isobmff/segment-frames';
import { referenceOf } from '../../live/reference.ts';
import type { FileBytes } from './file-bytes.ts';

/** Frames that are published together. */
export interface Burst {
  readonly tracks: readonly Track[];
  readonly frames: readonly Frame[];
  /** First presentation time and end of the reference track, seconds. */
  readonly startS: number;
  readonly endS: number;
  /** Damage that was skipped. */
  readonly damages: readonly string[];
}

/** A key frame begins a burst after at least this, seconds. */
const TARGET_S = 2;
/** Longer GOPs are split, seconds. */
const MAX_S = 20;
const MAX_BURST_BYTES = 48 * 1024 * 1024;
/** Samples of one track in a burst: 20 s of 1,000 per second. */
const MAX_SAMPLES = 20_000;
const MAX_DAMAGES = 100;
/** Largest sample. */
const MAX_SAMPLE_BYTES = 16 * 1024 * 1024;
/** Size of the pieces in which fragmented files are read. */
const PIECE_BYTES = 256 * 1024;
/** Samples of a long file that are examined for the length of its GOPs. */
const MAX_EXAMINED = 200_000;

/** The track whose key frames begin bursts. */
function referenceIn(tracks: readonly FileTrack[]): FileTrack {
  const reference = referenceOf(tracks.map(({ track }) => track));
  return tracks.find(({ track }) => track === reference)!;
}

/** Longest burst of a file with sample tables, seconds. */
export function longestBurstS({ tracks }: FileMovie): number {
  const { track, walk } = referenceIn(tracks);
  let longest = TARGET_S;
  let first = walk.peek()?.dts ?? 0;
  for (let i = 0; i < MAX_EXAMINED; i++) {
    const sample = walk.next();
    if (!sample) break;
    const seconds = (sample.dts - first) / track.timescale;
    if (!sample.key || seconds < TARGET_S) {
      longest = Math.max(longest, seconds + sample.duration / track.timescale);
      continue;
    }
    longest = Math.max(longest, seconds);
    first = sample.dts;
  }
  walk.rewind();
  return Math.min(longest, MAX_S);
}

/**
 * The bursts of a file: those of its sample tables, then those of its fragments, which may continue the
 * tables (ISO/IEC 14496-12, 8.8).
 *
 * @throws FormatError if it is malformed or the file ends before its media; errors of reading
 */
export async function* readBursts(
  file: FileBytes,
  movie: FileMovie,
  { signal }: { signal: AbortSignal },
): AsyncGenerator<Burst, void> {
  const hasTables = movie.tracks.some(({ count }) => count > 0);
  if (!hasTables) {
    yield* readFragments(file, { signal });
    return;
  }
  const place = { endsAt: movie.moov?.endsAt ?? 0 };
  yield* readTables(file, movie, { signal, place });
  if (!movie.fragmented || !movie.moov) return;
  const from = file.ranged ? await firstFragment(file, movie.moov.endsAt, { signal }) : place.endsAt;
  yield* readFragments(file, { signal, after: { moov: movie.moov.bytes, from } });
}

/** Where the first moof behind the tables is, or the end of the file. */
async function firstFragment(file: FileBytes, from: number, { signal }: { signal: AbortSignal }): Promise<number> {
  for (let at = from; ; ) {
    const start = await file.read(at, 16, { signal });
    const isOpen = start.length < 8 || u32At(start, 0) === 0;
    const head = isOpen ? undefined : readBoxHead(start, 0);
    if (!head) return at + start.length;
    if (head.type === 'moof') return at;
    at += head.size;
  }
}

/**
 * The bursts of a file with sample tables.
 *
 * @param options.place gets the end of the last sample that was read, bytes
 *
 * @throws FormatError if the tables are malformed or the file ends before its media; errors of reading
 */
export async function* readTables(
  file: FileBytes,
  { tracks }: FileMovie,
  { signal, place = { endsAt: 0 } }: { readonly signal: AbortSignal; readonly place?: { endsAt: number } },
): AsyncGenerator<Burst, void> {
  const forms = new Map(tracks.map(({ track, source }) => [track.id, new SampleForm(source, track)]));
  const reference = referenceIn(tracks);
  const { timescale } = reference.track;
  for (;;) {
    const gop = takeGop(reference);
    if (gop.length === 0) return;
    const startS = Math.min(...gop.map(({ pts }) => pts)) / timescale;
    const endS = Math.max(...gop.map(({ pts, duration }) => pts + duration)) / timescale;
    const samples = [...gop];
    for (const other of tracks) if (other !== reference) takeUntil(other, endS, samples);
    for (const { offset, length } of samples) place.endsAt = Math.max(place.endsAt, offset + length);
    const read = await readSamples(file, tracks, samples, { signal });
    yield* framesOf(tracks, read, forms, { startS, endS });
  }
}

/** Samples of the reference up to the key frame with which the next burst begins. */
function takeGop({ track, walk }: FileTrack): SegmentSample[] {
  const gop: SegmentSample[] = [];
  let bytes = 0;
  for (let next = walk.peek(); next; next = walk.peek()) {
    const first = gop[0];
    if (first) {
      const seconds = (next.dts - first.dts) / track.timescale;
      if ((next.key && seconds >= TARGET_S) || seconds >= MAX_S || bytes + next.length > MAX_BURST_BYTES) break;
    }
    if (next.length > MAX_SAMPLE_BYTES)
      throw new FormatError(`a sample of ${next.length} bytes is too large`, next.offset);
    if (gop.length === MAX_SAMPLES)
      throw new FormatError(`more than ${MAX_SAMPLES} samples in ${MAX_S} s`, next.offset);
    bytes += next.length;
    gop.push(walk.next()!);
  }
  return gop;
}

/** Samples of another track that begin before the end. */
function takeUntil({ track, walk }: FileTrack, endS: number, into: SegmentSample[]): void {
  let bytes = 0;
  let count = 0;
  for (let next = walk.peek(); next && next.pts / track.timescale < endS; next = walk.peek()) {
    bytes += next.length;
    if (bytes > MAX_BURST_BYTES || ++count > MAX_SAMPLES)
      throw new FormatError('a track is too large in relation to the reference track', next.offset);
    into.push(walk.next()!);
  }
}

interface ReadSample {
  readonly sample: SegmentSample;
  readonly bytes: Uint8Array;
  readonly atS: number;
}

/** Reads in file order, returns in decoding order. */
async function readSamples(
  file: FileBytes,
  tracks: readonly FileTrack[],
  samples: readonly SegmentSample[],
  { signal }: { signal: AbortSignal },
): Promise<ReadSample[]> {
  const timescales = new Map(tracks.map(({ track }) => [track.id, track.timescale]));
  const read: ReadSample[] = [];
  for (const sample of samples.toSorted((a, b) => a.offset - b.offset)) {
    const bytes = await file.read(sample.offset, sample.length, { signal });
    if (bytes.length < sample.length) throw new FormatError('the file ends before its media', sample.offset);
    read.push({ sample, bytes, atS: sample.dts / timescales.get(sample.trackId)! });
  }
  return read.sort((a, b) => a.atS - b.atS);
}

/** One burst, or more where parameter sets change within it. */
function* framesOf(
  tracks: readonly FileTrack[],
  read: readonly ReadSample[],
  forms: ReadonlyMap<number, SampleForm>,
  { startS: firstS, endS }: Pick<Burst, 'startS' | 'endS'>,
): Generator<Burst, void> {
  const sources = new Map(tracks.map(({ track, source }) => [track.id, source]));
  const tracksNow = () => [...forms.values()].filter(({ complete }) => complete).map(({ track }) => track);
  let currentTracks = tracksNow();
  let startS = firstS;
  let frames: Frame[] = [];
  let damages: string[] = [];
  for (const { sample, bytes } of read) {
    const { trackId, dts, pts, duration, key } = sample;
    const form = forms.get(trackId)!;
    if (bytes.length === 0) continue;
    try {
      const { data, changed } = form.take(bytes, sources.get(trackId)!.nalLengthBytes);
      if (changed) {
        const atS = pts / form.track.timescale;
        // Frames before the first parameter sets cannot be published without them, so they stay in this
        // burst.
        const isFirst = currentTracks.length < tracks.length;
        if (!isFirst && frames.length > 0) {
          yield { tracks: currentTracks, frames, startS, endS: atS, damages };
          [startS, frames, damages] = [atS, [], []];
        }
        currentTracks = tracksNow();
      }
      if (form.complete) frames.push({ trackId, dts, pts, duration, key, data });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      damages.push(error.message);
    }
  }
  if (frames.length > 0) yield { tracks: currentTracks, frames, startS, endS, damages };
}

/**
 * The bursts of a fragmented file.
 *
 * @param options.after its moov, and where to begin; by default at the start of the file
 * @throws FormatError if it is malformed; errors of reading
 */
export async function* readFragments(
  file: FileBytes,
  {
    signal,
    after,
  }: { readonly signal: AbortSignal; readonly after?: { readonly moov: Uint8Array; readonly from: number } },
): AsyncGenerator<Burst, void> {
  const cutter = new FragmentCutter();
  const demuxer = createFmp4Demuxer(cutter);
  if (after) demuxer.push(after.moov);
  for (let at = after?.from ?? 0; ; ) {
    const piece = await file.read(at, PIECE_BYTES, { signal });
    at += piece.length;
    demuxer.push(piece);
    yield* cutter.take();
    if (piece.length < PIECE_BYTES) break;
  }
  demuxer.flush();
  yield* cutter.take();
  yield* cutter.end();
}

/** Collects the output of a demuxer until a key frame ends a burst. */
class FragmentCutter implements DemuxerOutput {
  #tracks: readonly Track[] = [];
  #reference: Track | undefined;
  #frames: Frame[] = [];
  #first: Frame | undefined;
  #bytes = 0;
  #damages: string[] = [];
  #done: Burst[] = [];

  tracks(tracks: readonly Track[]): void {
    this.#close();
    this.#tracks = tracks;
    this.#reference = referenceOf(tracks);
  }

  frame(frame: Frame): void {
    if (frame.trackId === this.#reference?.id) {
      const seconds = this.#first ? (frame.dts - this.#first.dts) / this.#reference.timescale : 0;
      if ((frame.key && seconds >= TARGET_S) || seconds >= MAX_S || seconds < 0) this.#close();
    }
    if (this.#bytes > MAX_BURST_BYTES || this.#frames.length >= MAX_SAMPLES) this.#cut();
    if (frame.trackId === this.#reference?.id) this.#first ??= frame;
    this.#bytes += frame.data.length;
    this.#frames.push(frame);
  }

  damage(reason: string): void {
    if (this.#damages.length < MAX_DAMAGES) this.#damages.push(reason);
  }

  /** The complete bursts. */
  *take(): Generator<Burst, void> {
    yield* this.#done.splice(0);
  }

  /** The rest at the end of the file. */
  *end(): Generator<Burst, void> {
    this.#close();
    yield* this.take();
  }

  /**
   * Memory is full: frames with a reference frame become a burst, others have no position in time and are
   * dropped.
   */
  #cut(): void {
    this.#close();
    if (this.#frames.length === 0) return;
    this.#frames = [];
    this.#bytes = 0;
    this.damage('frames without a frame of the reference track were dropped');
  }

  #close(): void {
    const reference = this.#reference;
    const referenceFrames = this.#frames.filter(({ trackId }) => trackId === reference?.id);
    if (!reference || referenceFrames.length === 0) return;
    const startS = Math.min(...referenceFrames.map(({ pts }) => pts)) / reference.timescale;
    const endS = Math.max(...referenceFrames.map(({ pts, duration }) => pts + duration)) / reference.timescale;
    this.#done.push({ tracks: this.#tracks, frames: this.#frames, startS, endS, damages: this.#damages });
    this.#frames = [];
    this.#first = undefined;
    this.#bytes = 0;
    this.#damages = [];
  }
}
