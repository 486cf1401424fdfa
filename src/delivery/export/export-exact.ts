/**
 * Cuts an export frame-accurately: complete groups of pictures (GOPs) are copied, the GOPs at the start and
 * end of the range are re-encoded.
 * In: sections of complete segments, the requested range. Out: sections with the samples to copy and the
 * re-encoded frames.
 */

import type { FileFormat, FileTracks, MediaTrack } from '@oxbow/media/file/file-tracks';
import type { FileSample } from '@oxbow/media/file/joiner';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Range } from '../past/past.ts';
import type { StoredSegment } from '../past/past-presentation.ts';
import { type Keep, type Recoded, readTrack, type Section, usOf } from './export-sections.ts';

/** Bytes of frames in memory for one edge. */
const MAX_EDGE_BYTES = 128 * 1024 * 1024;

/** Re-encodes the frames of [fromPts, toPts); see ffmpeg/recode. */
export type Recode = (
  options: {
    readonly track: VideoTrack;
    readonly fromPts: number;
    readonly toPts: number;
    readonly delay: number;
  },
  frames: readonly Frame[],
  options2: { signal: AbortSignal },
) => Promise<{ readonly track: VideoTrack; readonly frames: readonly Frame[] }>;

interface CutOptions {
  readonly range: Range;
  readonly tracks: FileTracks;
  readonly format: FileFormat;
  readonly reader: Pick<RangeReader, 'read'>;
  readonly recode: Recode;
  readonly signal: AbortSignal;
}

/** A stored video frame and its section. */
interface Picture extends FileSample {
  readonly section: number;
  /** µs since 1970. */
  readonly us: number;
}

/** The start of one track. */
interface Head {
  /** The key frame from which on frames are copied; undefined if none are. */
  readonly key: Picture | undefined;
  /** Frames of the range before it, to be re-encoded. */
  readonly recode: readonly Picture[];
  /** All frames needed to decode them, in decode order. */
  readonly input: readonly Picture[];
}

/**
 * The end of one track: from `key` on frames are re-encoded; if `recode` is empty, they are copied up to the
 * end of the range.
 */
interface Tail {
  readonly key: Picture;
  readonly recode: readonly Picture[];
  readonly input: readonly Picture[];
}

/**
 * Cuts sections to the frames that are presented in [fromUs, toUs). Frames that cannot be decoded are left
 * out.
 *
 * @param whole from the key frame before the start to slightly after the end
 * @throws what `recode` and the reader throw
 */
export async function cutExactly(whole: readonly Section[], options: CutOptions): Promise<Section[]> {
  const stretches = stretchesWithin(whole, options.range);
  const video = stretches.flatMap((stretch) => stretch[0]!.tracks).find(({ kind }) => kind === 'video');
  if (!video) return stretches.flat().map((section, i) => soundOnly(section, i === 0, options));
  const out: Section[] = [];
  for (const [i, stretch] of stretches.entries()) {
    const cut = new StretchCut(stretch, options, { isFirst: i === 0, isLast: i === stretches.length - 1 });
    out.push(...(await cut.sections()));
  }
  return out;
}

/** The continuous stretches of sections that overlap a range. */
export function stretchesWithin(whole: readonly Section[], range: Range): Section[][] {
  return stretchesOf(whole).filter((stretch) => overlaps(stretch, range));
}

/** Groups continuous sections. */
function stretchesOf(sections: readonly Section[]): Section[][] {
  const stretches: Section[][] = [];
  for (const section of sections) {
    const last = stretches.at(-1);
    if (section.fresh || !last) stretches.push([section]);
    else last.push(section);
  }
  return stretches;
}

function overlaps(stretch: readonly Section[], { fromUs, toUs }: Range): boolean {
  const [first, last] = [stretch[0]!.groups[0]!, stretch.at(-1)!.groups[0]!];
  return first.startUs < toUs && last.startUs + last.durationUs > fromUs;
}

function soundOnly(section: Section, isFirst: boolean, { range, format }: CutOptions): Section {
  const { utcOffsetUs } = section.groups[0]!;
  const fromUs = Math.max(range.fromUs, section.groups[0]!.startUs);
  return {
    ...section,
    ...(isFirst && section.fresh && format === 'mp4' && fromUs === range.fromUs && { originUs: fromUs - utcOffsetUs }),
    keep: soundWithin(range.fromUs, range.toUs, format),
  };
}

/**
 * Selects the audio of [fromUs, toUs). An MP4 also gets the frame before, which primes the decoder and is
 * hidden by the edit list.
 */
function soundWithin(fromUs: number, toUs: number, format?: FileFormat): Keep {
  return (track, { duration }, us) => {
    const lead = format === 'mp4' ? 2 * ticksToUs(duration, track.timescale) : 0;
    return us + lead >= fromUs + (lead > 0 ? 1 : 0) && us < toUs;
  };
}

/** Without video, which is re-encoded. */
function onlySound(keep: Keep): Keep {
  return (track, sample, us) => track.kind !== 'video' && keep(track, sample, us);
}

/** Bounds the memory for one edge: a GOP may be endless. */
function boundEdge(pictures: readonly Picture[]): void {
  if (pictures.reduce((sum, { length }) => sum + length, 0) <= MAX_EDGE_BYTES) return;
  throw new OxbowError('unsupported-media', 'Key frames are too far apart to cut between them.', {
    extra: { hint: 'Export without `exact`: the file then begins and ends at key frames.' },
  });
}

/** One continuous part. */
class StretchCut {
  readonly #stretch: readonly Section[];
  readonly #options: CutOptions;
  readonly #at: { readonly isFirst: boolean; readonly isLast: boolean };

  constructor(
    stretch: readonly Section[],
    options: CutOptions,
    at: { readonly isFirst: boolean; readonly isLast: boolean },
  ) {
    this.#stretch = stretch;
    this.#options = options;
    this.#at = at;
  }

  async sections(): Promise<Section[]> {
    const { isFirst, isLast } = this.#at;
    if (!isFirst && !isLast) return [...this.#stretch];
    const { fromUs, toUs } = this.#options.range;
    const pictures = this.#stretch[0]!.tracks.filter((track): track is VideoTrack => track.kind === 'video');
    if (pictures.length === 0) return this.#stretch.map((section) => soundOnly(section, isFirst, this.#options));
    const heads = new Map<number, Head>();
    const tails = new Map<number, Tail>();
    for (const track of pictures) {
      const head = isFirst ? await this.#head(track) : undefined;
      if (head) heads.set(track.id, head);
      const copies = !head || head.key !== undefined;
      const tail = isLast && copies ? await this.#tail(track, head?.key) : undefined;
      if (tail) tails.set(track.id, tail);
    }
    const lead = pictures[0]!;
    const [head, tail] = [heads.get(lead.id), tails.get(lead.id)];
    const out: Section[] = [];
    let copyFrom = 0;
    // Audio before is in the section before, µs since 1970.
    let soundFromUs = fromUs;
    if (head) {
      const firstUs = Math.min(...[...head.recode, ...(head.key ? [head.key] : [])].map(({ us }) => us));
      if (!Number.isFinite(firstUs)) return [];
      const originUs = firstUs - this.#stretch[0]!.groups[0]!.utcOffsetUs;
      copyFrom = head.key?.section ?? this.#stretch.length;
      soundFromUs = firstUs;
      const untilUs = head.key?.us ?? toUs;
      if (head.recode.length > 0) {
        const upTo = head.key ? copyFrom + 1 : this.#stretch.length;
        const recoded = await this.#recodeAll(heads);
        const keep = onlySound(soundWithin(firstUs, untilUs, this.#options.format));
        out.push({ ...this.#merged(0, upTo), fresh: true, originUs, recoded, keep });
        soundFromUs = untilUs;
      }
      if (!head.key) return out;
      const copied = this.#copied(copyFrom, heads, tails, {
        soundFromUs,
        soundToUs: tail && tail.recode.length > 0 ? tail.key.us : toUs,
        primed: head.recode.length === 0,
      });
      const begins = out.length === 0;
      if (copied[0]) copied[0] = { ...copied[0], fresh: begins, ...(begins && { originUs }) };
      out.push(...copied);
    } else {
      const soundToUs = tail && tail.recode.length > 0 ? tail.key.us : toUs;
      out.push(...this.#copied(0, heads, tails, { soundFromUs: Number.NEGATIVE_INFINITY, soundToUs, primed: false }));
    }
    if (tail && tail.recode.length > 0) {
      const from = Math.max(0, tail.key.section - 1);
      const recoded = await this.#recodeAll(tails);
      const keep = onlySound(soundWithin(Math.max(soundFromUs, tail.key.us), toUs));
      out.push({ ...this.#merged(from, this.#stretch.length), fresh: false, recoded, keep });
    }
    return out;
  }

  /** Merges sections. */
  #merged(from: number, to: number): Section {
    const groups = this.#stretch.slice(from, to).flatMap((section) => section.groups);
    return { ...this.#stretch[0]!, groups };
  }

  /** The copied samples, from section `from` on. */
  #copied(
    from: number,
    heads: ReadonlyMap<number, Head>,
    tails: ReadonlyMap<number, Tail>,
    sound: { soundFromUs: number; soundToUs: number; primed: boolean },
  ): Section[] {
    const { range, format } = this.#options;
    const keepsSound = soundWithin(sound.soundFromUs, sound.soundToUs, sound.primed ? format : undefined);
    const keep: Keep = (track, sample, us) => {
      if (track.kind !== 'video') return keepsSound(track, sample, us);
      const head = heads.get(track.id);
      const tail = tails.get(track.id);
      if (head && (!head.key || sample.dts < head.key.dts || sample.pts < head.key.pts)) return false;
      if (tail && tail.recode.length > 0 && sample.dts >= tail.key.dts) return false;
      return !this.#at.isLast || us < range.toUs;
    };
    return this.#stretch.slice(from).map((section, i) => ({ ...section, fresh: i === 0 && section.fresh, keep }));
  }

  /**
   * Reads frames from the start until the first key frame to copy from, and all frames presented before it,
   * are found.
   */
  async #head(track: VideoTrack): Promise<Head> {
    const { fromUs, toUs } = this.#options.range;
    const read: Picture[] = [];
    let key: Picture | undefined;
    search: for (const [i, section] of this.#stretch.entries()) {
      boundEdge(read);
      for (const picture of await this.#read(section, i, track)) {
        // Decoding begins at a key frame.
        if (read.length === 0 && !picture.key) continue;
        if (key && picture.pts > key.pts) break search;
        read.push(picture);
        if (!key && picture.key && picture.us >= fromUs && picture.us < toUs) key = picture;
      }
    }
    const first = read[0];
    const until = key?.pts ?? Number.POSITIVE_INFINITY;
    const recode = read.filter(({ us, pts }) => us >= fromUs && us < toUs && pts < until && pts >= (first?.pts ?? 0));
    const least = Math.min(...recode.map(({ pts }) => pts));
    const start = Math.max(
      0,
      read.findLastIndex((picture) => picture.key && picture.pts <= least),
    );
    const lastNeeded = read.findLastIndex((picture) => recode.includes(picture));
    return { key, recode, input: recode.length > 0 ? read.slice(start, Math.max(lastNeeded + 1, 0)) : [] };
  }

  /**
   * Reads frames backwards from the end until the last key frame of the range and the one before it are
   * found.
   */
  async #tail(track: VideoTrack, from: Picture | undefined): Promise<Tail | undefined> {
    const { toUs } = this.#options.range;
    let read: Picture[] = [];
    for (let i = this.#stretch.length - 1; i >= (from?.section ?? 0); i--) {
      read = [...(await this.#read(this.#stretch[i]!, i, track)), ...read];
      boundEdge(read);
      if (read.filter(({ key, us }) => key && us < toUs).length >= 2) break;
    }
    if (from) read = read.filter(({ dts }) => dts >= from.dts);
    const at = read.findLastIndex(({ key, us }) => key && us < toUs);
    const key = read[at];
    if (!key) return undefined;
    const lastGop = read.slice(at);
    const wanted = lastGop.filter(({ us }) => us < toUs);
    // In decode order the frames of the range come first: none refers to a frame that is left out.
    if (lastGop.slice(0, wanted.length).every(({ us }) => us < toUs)) return { key, recode: [], input: [] };
    const before = read.slice(0, at).findLastIndex((picture) => picture.key);
    const leads = wanted.some(({ pts }) => pts < key.pts);
    const start = leads && before >= 0 ? before : at;
    const end = read.findLastIndex((picture) => wanted.includes(picture));
    const recode = leads && before < 0 ? wanted.filter(({ pts }) => pts >= key.pts) : wanted;
    return { key, recode, input: read.slice(start, end + 1) };
  }

  async #read(section: Section, index: number, track: VideoTrack): Promise<Picture[]> {
    const group = section.groups[0]!;
    const samples = await readTrack(group, track, { reader: this.#options.reader, withBytes: true });
    return samples.map((sample) => ({ ...sample, section: index, us: usOf(group, track, sample.pts) }));
  }

  async #recodeAll(edges: ReadonlyMap<number, Head | Tail>): Promise<Recoded[]> {
    const out: Recoded[] = [];
    for (const [trackId, edge] of edges) {
      if (edge.recode.length > 0) out.push(await this.#recode(this.#stretch[0]!, trackId, edge));
    }
    return out;
  }

  async #recode({ tracks, places, groups }: Section, trackId: number, edge: Head | Tail): Promise<Recoded> {
    const { recode, tracks: fileTracks, signal } = this.#options;
    const track = tracks.find(({ id }) => id === trackId) as VideoTrack & MediaTrack;
    const times = edge.recode.map(({ pts }) => pts);
    const like = edge.key ?? edge.input[0]!;
    const made = await recode(
      {
        track,
        fromPts: Math.min(...times),
        toPts: Math.max(...times) + 1,
        delay: like.pts - like.dts,
      },
      edge.input.map((picture) => frameOf(picture, trackId)),
      { signal },
    );
    const samples = made.frames.map(({ dts, pts, duration, key, data }): FileSample => {
      return { dts, pts, duration, key, length: data.length, data };
    });
    const place = fileTracks.variant(places.get(trackId)!, { ...made.track, id: trackId }, whenOf(groups[0]!));
    return { place, track, samples };
  }
}

function frameOf({ dts, pts, duration, key, data }: Picture, trackId: number): Frame {
  return { trackId, dts, pts, duration, key, data: data! };
}

function whenOf({ startUs }: StoredSegment): string {
  return new Date(startUs / 1000).toISOString();
}
