/**
 * Replaces the MPEG-2 video of demuxed segments by its conversion to H.264.
 * In: the items of a rendition, the converter of the pull. Out: the same items with H.264. The last pictures
 * of a segment come out of the converter with the next one; where the media ends, breaks or jumps they come
 * as one more piece of their segment. docs/media.md 1 to 5.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { sameTracks } from '../../same-tracks.ts';
import type { RenditionItem } from '../rendition/rendition.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import type { MediaGroup } from '../segment/segment-demux.ts';
import { replaceTracks } from './convert-audio.ts';

/** Times that step by more than this do not continue, as in live/continuity, µs. */
const MAX_STEP_US = 500_000;
/** Most frames of other tracks that wait for the first picture. */
const MAX_WAITING = 2048;

/** What has come out of a converter. */
interface ConvertedPictures {
  /** All tracks, the converted one as H.264; undefined before the first picture. */
  readonly tracks: readonly Track[] | undefined;
  readonly frames: readonly Frame[];
  /** Why the pictures of the segment are missing; empty: they are not. */
  readonly problem: string;
}

/** Converts video of segments, see transcode/video/segment-video. Abort rejects. */
export interface VideoConverter {
  /** The track that is converted, if there is one. */
  sourceOf(tracks: readonly Track[]): Track | undefined;
  /** Converts frames that continue those before. */
  convert(
    tracks: readonly Track[],
    frames: readonly Frame[],
    options: { signal: AbortSignal },
  ): Promise<ConvertedPictures>;
  /** Returns the pictures still inside: the next ones do not continue them. */
  finish(options: { signal: AbortSignal }): Promise<ConvertedPictures>;
  /** Ends the conversion; pictures inside are lost. */
  stop(): Promise<void>;
}

/** Converts the video of all segments of a rendition. */
export async function* convertVideo(
  items: AsyncIterable<RenditionItem>,
  converter: VideoConverter | undefined,
  { signal }: { signal: AbortSignal },
): AsyncGenerator<RenditionItem, void> {
  if (!converter) {
    yield* items;
    return;
  }
  const conversion = new Conversion(converter, signal);
  try {
    for await (const item of items) {
      if (item.kind === 'segment') yield* conversion.take(item);
      else {
        yield* conversion.end();
        yield item;
      }
    }
    yield* conversion.end();
  } finally {
    await converter.stop();
  }
}

type SegmentItem = Extract<RenditionItem, { kind: 'segment' }>;

/** Media that continues. */
interface Open {
  readonly tracks: readonly Track[];
  /** The track that is converted. */
  readonly source: Track;
  segment: QueuedSegment;
  /** Least pts of the segment, µs; undefined before its first picture. */
  beginUs: number | undefined;
  /** Newest dts, and where the next picture is due, µs; undefined before the first picture. */
  newestUs?: number;
  dueUs?: number;
}

class Conversion {
  readonly #converter: VideoConverter;
  readonly #signal: AbortSignal;
  #open: Open | undefined;
  /** Frames of other tracks that wait for the first picture to come out. */
  #waiting: Frame[] = [];

  constructor(converter: VideoConverter, signal: AbortSignal) {
    this.#converter = converter;
    this.#signal = signal;
  }

  async *take({ segment, media }: SegmentItem): AsyncGenerator<RenditionItem, void> {
    if (segment.discontinuity) yield* this.end();
    const done: MediaGroup[] = [];
    for (const piece of media.groups.flatMap((group) => this.#piecesOf(group, segment))) {
      if (!this.#continues(piece)) {
        const last = await this.#finish();
        // The rest of an earlier segment goes before this one.
        if (last?.kind === 'segment' && done.length > 0) done.push(...last.media.groups);
        else if (last) yield last;
      }
      const source = this.#converter.sourceOf(piece.tracks);
      if (!source) {
        done.push(piece);
        continue;
      }
      media.memory?.leave();
      this.#enter(piece, source, segment);
      const made = await this.#converter.convert(piece.tracks, piece.frames, { signal: this.#signal });
      const frames = made.problem === '' ? piece.frames : [];
      done.push(...this.#groupOf(frames, made));
      if (made.problem === '') continue;
      this.#open = undefined;
      this.#waiting = [];
      if (done.length > 0) yield { kind: 'segment', segment, media: { ...media, groups: done } };
      const detail = `the conversion of the video to H.264 failed: ${made.problem}`;
      yield { kind: 'absent', cause: 'internal', detail };
      return;
    }
    if (done.length > 0) yield { kind: 'segment', segment, media: { ...media, groups: done } };
  }

  /** The media ends here, or breaks. */
  async *end(): AsyncGenerator<RenditionItem, void> {
    const last = await this.#finish();
    if (last) yield last;
  }

  /** The pictures that are still inside, as one more piece of their segment. */
  async #finish(): Promise<RenditionItem | undefined> {
    const open = this.#open;
    if (!open) return undefined;
    const groups = this.#groupOf([], await this.#converter.finish({ signal: this.#signal }));
    const isSilent = this.#waiting.length > 0;
    this.#open = undefined;
    this.#waiting = [];
    if (isSilent)
      return { kind: 'absent', cause: 'bad-media', detail: 'no picture of the MPEG-2 video can be decoded' };
    if (groups.length === 0) return undefined;
    const segment = { ...open.segment, discontinuity: false };
    return { kind: 'segment', segment, media: { groups, damages: [] } };
  }

  /**
   * The group in pieces whose pictures continue; without those that were published as parts of the segment.
   */
  #piecesOf(group: MediaGroup, { repeats }: QueuedSegment): MediaGroup[] {
    const source = this.#converter.sourceOf(group.tracks);
    if (!source) return [group];
    const knownUs = (repeats && this.#open?.newestUs) ?? Number.NEGATIVE_INFINITY;
    const pieces: MediaGroup[] = [{ tracks: group.tracks, frames: [] }];
    const times: Pick<Open, 'newestUs' | 'dueUs'> = {};
    for (const frame of group.frames) {
      if (frame.trackId === source.id) {
        if (ticksToUs(frame.dts, source.timescale) <= knownUs) continue;
        if (!follows(times, frame, source)) pieces.push({ tracks: group.tracks, frames: [] });
        note(times, frame, source);
      }
      pieces.at(-1)!.frames.push(frame);
    }
    return pieces;
  }

  #continues({ tracks, frames }: MediaGroup): boolean {
    const open = this.#open;
    if (!open || !sameTracks(open.tracks, tracks)) return false;
    const first = frames.find(({ trackId }) => trackId === open.source.id);
    return first === undefined || follows(open, first, open.source);
  }

  /** Notes where a piece is: in its segment, and on the clock of the source. */
  #enter({ tracks, frames }: MediaGroup, source: Track, segment: QueuedSegment): void {
    const pictures = frames.filter(({ trackId }) => trackId === source.id);
    const leastPts = pictures.reduce((least, { pts }) => Math.min(least, pts), Number.POSITIVE_INFINITY);
    const beginUs = pictures.length === 0 ? undefined : ticksToUs(leastPts, source.timescale);
    this.#open ??= { tracks, source, segment, beginUs };
    const open = this.#open;
    if (open.segment !== segment) {
      open.segment = segment;
      open.beginUs = beginUs;
    }
    open.beginUs ??= beginUs;
    for (const frame of pictures) note(open, frame, source);
  }

  /** Converted pictures among the other frames; nothing before the first picture. */
  #groupOf(others: readonly Frame[], { tracks, frames }: ConvertedPictures): MediaGroup[] {
    const open = this.#open!;
    const kept = others.filter(({ trackId }) => trackId !== open.source.id);
    if (!tracks) {
      this.#waiting = [...this.#waiting, ...kept].slice(-MAX_WAITING);
      return [];
    }
    const sound = [...this.#waiting, ...kept];
    this.#waiting = [];
    const first = frames[0];
    if (sound.length === 0 && !first) return [];
    const group = replaceTracks({ tracks: open.tracks, frames: sound }, { tracks, frames });
    if (!first || open.beginUs === undefined) return [group];
    const { timescale } = tracks.find(({ id }) => id === first.trackId)!;
    return [{ ...group, offsetUs: ticksToUs(first.pts, timescale) - open.beginUs }];
  }
}

/** Whether a picture continues those before. */
function follows({ newestUs, dueUs }: Pick<Open, 'newestUs' | 'dueUs'>, { dts }: Frame, { timescale }: Track): boolean {
  if (newestUs === undefined || dueUs === undefined) return true;
  const us = ticksToUs(dts, timescale);
  return us > newestUs && us <= dueUs + MAX_STEP_US;
}

function note(times: Pick<Open, 'newestUs' | 'dueUs'>, { dts, duration }: Frame, { timescale }: Track): void {
  times.newestUs = ticksToUs(dts, timescale);
  times.dueUs = ticksToUs(dts + duration, timescale);
}
