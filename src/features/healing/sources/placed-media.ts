/**
 * Media of a source, placed: each run is compared with the recording next to the gap. Where nothing can be
 * compared, the dates of the source count.
 * In: runs with the times of a source, the surroundings of a gap. Out: found media with UTC of the recording,
 * or the reason why there is none.
 */
import type { HashedFrame } from '@oxbow/media/align/frame-match';
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import type { MeasureLevels } from '../../../ffmpeg/engine.ts';
import { hashFrames } from '../match/coded-frames.ts';
import { GapEdges } from '../match/match-media.ts';
import type {
  Exactness,
  FoundFrames,
  FoundMedia,
  FoundRun,
  GapSurroundings,
  HealingGap,
  NothingFound,
} from '../source.ts';

/** Frames of a run that wait to be compared, bytes. */
const MAX_HEAD_BYTES = 64 * 1024 * 1024;
/** So much is compared on each side of an edge, ms. */
export const COMPARED_MS = 30_000;
/** Of a longer gap only the media at its start is compared. */
const SHORT_GAP_MS = 60_000;

/** A run by the clock of a source. */
export interface SourceRun {
  readonly tracks: readonly Track[];
  /** UTC = offset + pts by that clock, µs since 1970; undefined without one. */
  readonly utcOffsetUs: number | undefined;
}

/** Frames of a run; the same object for all frames of it. */
export interface SourceFrames {
  readonly run: SourceRun;
  readonly frames: readonly Frame[];
}

/** How media is placed. */
interface PlacedOptions {
  readonly gap: HealingGap;
  readonly around: GapSurroundings;
  /** Most by which the clock of the source may be wrong, ms. */
  readonly maxShiftMs: number;
  readonly measureLevels: MeasureLevels;
  /** Its clock counts where nothing can be compared. */
  readonly trustsDates: boolean;
  /** Called once when media was compared: its clock is behind by this much, µs. */
  readonly compared?: (behindUs: number) => void;
  /** Most bytes of media without a place that are read. */
  readonly maxBytes: number;
  /** A later attempt may find media where this one has none. */
  readonly mayComeLater: boolean;
  readonly signal: AbortSignal;
}

/**
 * Places the media of a source. The source is closed when the result is read or given up.
 *
 * @throws errors of the source before its first media is placed; OxbowError `engine-failed`; the signal's
 *   reason
 */
export async function placeMedia(
  source: AsyncGenerator<SourceFrames, void>,
  options: PlacedOptions,
): Promise<FoundMedia | NothingFound> {
  const placer = new Placer(await GapEdges.read(options.around, options), options);
  const media = placer.place(source);
  const first = await media.next();
  if (!first.done) return { kind: 'found', media: joined(first.value, media), mayComeLater: options.mayComeLater };
  return { kind: 'nothing', reason: placer.reason, mayComeLater: options.mayComeLater };
}

async function* joined(first: FoundFrames, rest: AsyncGenerator<FoundFrames, void>): AsyncGenerator<FoundFrames, void> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return();
  }
}

/** Whether a track can be recorded without encoding. */
export function isStorable({ kind, config }: Track): boolean {
  if (kind === 'video') return config.codec !== 'vp8' && config.codec !== 'mpeg2';
  if (kind !== 'audio') return true;
  return config.layer === undefined && config.codec !== 'pcmu' && config.codec !== 'pcma';
}

/** A run whose frames wait to be compared. */
interface Head {
  readonly run: SourceRun;
  readonly frames: Frame[];
  /** Pictures that are too early to be stored, by track: they are compared, and their bytes are not kept. */
  readonly early: Map<number, HashedFrame[]>;
  bytes: number;
  /** The last time, µs on the clock of the run. */
  endUs: number;
}

class Placer {
  readonly #edges: GapEdges;
  readonly #options: PlacedOptions;
  /** By this much the clock of the source is behind, as its first placed run showed; µs. */
  #correction: { readonly us: number; readonly exactness: Exactness } | undefined;
  #reason: string | undefined;

  constructor(edges: GapEdges, options: PlacedOptions) {
    this.#edges = edges;
    this.#options = options;
  }

  /** Why nothing was placed: a fragment. */
  get reason(): string {
    return this.#reason ?? 'it has no media of this time';
  }

  async *place(source: AsyncGenerator<SourceFrames, void>): AsyncGenerator<FoundFrames, void> {
    let head: Head | undefined;
    /** Of the current run, once it was compared; null: it has no place. */
    let placed: FoundRun | null | undefined;
    let unplacedBytes = 0;
    for await (const { run, frames } of source) {
      if (run !== head?.run) {
        if (head && placed === undefined) yield* this.#release(head, await this.#placeRun(head));
        head = { run, frames: [], early: new Map(), bytes: 0, endUs: Number.NEGATIVE_INFINITY };
        placed = undefined;
      }
      if (placed === null) {
        unplacedBytes += frames.reduce((sum, { data }) => sum + data.length, 0);
        if (unplacedBytes > this.#options.maxBytes) return;
        continue;
      }
      if (placed) yield { run: placed, frames: storableOf(placed, frames) };
      else {
        await this.#add(head, frames);
        if (!this.#isEnough(head)) continue;
        placed = (await this.#placeRun(head)) ?? null;
        yield* this.#release(head, placed ?? undefined);
        head.frames.length = 0;
      }
    }
    if (head && placed === undefined) yield* this.#release(head, await this.#placeRun(head));
  }

  *#release({ frames }: Head, run: FoundRun | undefined): Generator<FoundFrames, void> {
    const storable = run ? storableOf(run, frames) : [];
    if (run && storable.length > 0) yield { run, frames: storable };
  }

  /** Whether the run has come so far that both sides of a short gap can be compared. */
  #isEnough({ run, bytes, endUs }: Head): boolean {
    if (bytes >= MAX_HEAD_BYTES) return true;
    const { gap, maxShiftMs, around } = this.#options;
    if (run.utcOffsetUs === undefined) return false;
    const isShort = gap.toMs - gap.fromMs <= SHORT_GAP_MS || around.before.length === 0;
    const lastMs = (isShort ? gap.toMs : gap.fromMs) + maxShiftMs + COMPARED_MS;
    return (run.utcOffsetUs + endUs) / 1000 >= lastMs;
  }

  async #placeRun({ run, frames, early }: Head): Promise<FoundRun | undefined> {
    const tracks = run.tracks.filter(isStorable);
    if (!tracks.some(({ kind }) => kind === 'video' || kind === 'audio')) {
      const codecs = run.tracks.map(({ config }) => config.codec).join(', ');
      this.#reason ??= `its media cannot be recorded as it is (${codecs || 'no tracks'})`;
      return undefined;
    }
    const { maxShiftMs, measureLevels, signal } = this.#options;
    const { utcOffsetUs } = run;
    const place = await this.#edges.place(
      { tracks: run.tracks, frames, early },
      { expectedUtcOffsetUs: utcOffsetUs, maxShiftMs, measureLevels, signal },
    );
    if (place.isFound) {
      const { exactness } = place;
      if (utcOffsetUs !== undefined && !this.#correction) {
        this.#correction = { us: place.utcOffsetUs - utcOffsetUs, exactness };
        this.#options.compared?.(this.#correction.us);
      }
      return { tracks, utcOffsetUs: place.utcOffsetUs, exactness };
    }
    if (utcOffsetUs === undefined) {
      this.#reason ??= place.reason;
      return undefined;
    }
    // Other runs of the same source have the same clock, such as the media in the middle of a long gap.
    const correction = this.#correction;
    if (correction) return { tracks, utcOffsetUs: utcOffsetUs + correction.us, exactness: correction.exactness };
    if (place.isContradicted || !this.#options.trustsDates) {
      this.#reason ??= place.reason;
      return undefined;
    }
    return { tracks, utcOffsetUs, exactness: { kind: 'dated' } };
  }

  async #add(head: Head, frames: readonly Frame[]): Promise<void> {
    const { gap, maxShiftMs, signal } = this.#options;
    const { tracks, utcOffsetUs = Number.POSITIVE_INFINITY } = head.run;
    const earliestUs = (gap.fromMs - maxShiftMs) * 1000 - utcOffsetUs;
    for (const track of tracks) {
      const early: Frame[] = [];
      for (const frame of frames) {
        if (frame.trackId !== track.id) continue;
        const endUs = ticksToUs(frame.pts + frame.duration, track.timescale);
        head.endUs = Math.max(head.endUs, endUs);
        if (track.kind === 'video' && endUs < earliestUs) early.push(frame);
        else {
          head.frames.push(frame);
          head.bytes += frame.data.length;
        }
      }
      if (early.length === 0) continue;
      const hashed = await hashFrames(track, early, 0, { signal });
      head.early.set(track.id, [...(head.early.get(track.id) ?? []), ...hashed]);
    }
  }
}

function storableOf({ tracks }: FoundRun, frames: readonly Frame[]): Frame[] {
  const ids = new Set(tracks.map(({ id }) => id));
  return frames.filter(({ trackId }) => ids.has(trackId));
}
