/**
 * Keeps the newest GOPs of a stream, so that a late sink can start at once and a standby publisher can take
 * over without a hole.
 * In: the frames of a stream in order. Out: the same frames, from a key frame on. Pure.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import type { MemoryBudget } from './memory-budget.ts';

/** How much a GOP buffer keeps. */
export interface GopBounds {
  /**
   * Of the complete GOPs and the one in progress together; whichever is met first. The GOP in progress is
   * kept in any case.
   */
  readonly maxS: number;
  readonly maxGops: number;
  readonly maxBytes: number;
  /** Of the GOP in progress: a larger one is dropped, and late sinks wait for the next key frame. */
  readonly maxOpenS: number;
  readonly maxOpenBytes: number;
}

/** The bounds unless others are set. */
export const DEFAULT_GOP_BOUNDS: GopBounds = {
  maxS: 5,
  maxGops: 15,
  maxBytes: 8 * 1024 * 1024,
  maxOpenS: 10,
  maxOpenBytes: 64 * 1024 * 1024,
};

/** Counted for each frame besides its bytes, so that empty frames are bounded too. */
export const FRAME_BYTES = 256;

/** Frames from one key frame of the reference track up to the next one. */
interface Gop {
  /** The first one is the key frame; never empty. */
  readonly frames: readonly Frame[];
}

interface KeptGop extends Gop {
  readonly frames: Frame[];
  readonly startDts: number;
  /** As the bounds count them. */
  bytes: number;
}

/**
 * The newest GOPs. It references the bytes of frames without a copy: of a burst, the bytes of the complete
 * segment stay in memory until the GOP is dropped.
 */
export class GopBuffer {
  readonly #bounds: GopBounds;
  readonly #budget: MemoryBudget | undefined;
  #gops: KeptGop[] = [];
  /** The GOP in progress; undefined before a key frame, and after it has exceeded a bound. */
  #open: KeptGop | undefined;
  #bytes = 0;
  #spanS = 0;
  #isTooLarge = false;

  /** @param budget the memory that it may use */
  constructor(bounds: GopBounds = DEFAULT_GOP_BOUNDS, budget?: MemoryBudget) {
    this.#bounds = bounds;
    this.#budget = budget;
  }

  /** The GOP in progress, from its key frame on; empty before one, and when the GOP exceeded a bound. */
  get frames(): readonly Frame[] {
    return this.#open?.frames ?? [];
  }

  /** Oldest first; the last one is in progress. */
  get gops(): readonly Gop[] {
    return this.#gops;
  }

  /** Bytes that are kept, with an allowance for each frame. */
  get bytes(): number {
    return this.#bytes;
  }

  /** From the first kept frame of the reference track to the end of the last one, seconds. */
  get seconds(): number {
    return this.#gops.length > 0 ? this.#spanS : 0;
  }

  /** The GOP in progress has exceeded a bound. */
  get isTooLarge(): boolean {
    return this.#isTooLarge;
  }

  /**
   * Takes a frame. A GOP that exceeds its bounds is dropped completely, because its end cannot be decoded
   * alone; the buffer stays empty until the next key frame.
   *
   * @returns false when this frame made the GOP in progress exceed a bound
   */
  write(frame: Frame, { id, timescale }: Pick<Track, 'id' | 'timescale'>): boolean {
    const isReference = frame.trackId === id;
    if (isReference && frame.key) {
      this.#isTooLarge = false;
      this.#open = { frames: [], startDts: frame.dts, bytes: 0 };
      this.#gops.push(this.#open);
    }
    const open = this.#open;
    if (!open) return true;
    const size = frame.data.length + FRAME_BYTES;
    open.frames.push(frame);
    open.bytes += size;
    this.#bytes += size;
    this.#budget?.add(size);
    if (isReference) this.#spanS = (frame.dts + frame.duration - this.#gops[0]!.startDts) / timescale;
    this.#trim(timescale);
    const openS = this.#spanS - (open.startDts - this.#gops[0]!.startDts) / timescale;
    const { maxOpenS, maxOpenBytes } = this.#bounds;
    if (open.bytes <= maxOpenBytes && openS <= maxOpenS && (this.#budget?.fits(0) ?? true)) return true;
    this.clear();
    this.#isTooLarge = true;
    return false;
  }

  /** Drops everything until the next key frame. */
  clear(): void {
    this.#budget?.add(-this.#bytes);
    this.#gops = [];
    this.#open = undefined;
    this.#bytes = 0;
    this.#spanS = 0;
    this.#isTooLarge = false;
  }

  /**
   * Drops the oldest GOPs while a bound is exceeded, and all but the one in progress while memory is short.
   */
  #trim(timescale: number): void {
    const { maxS, maxGops, maxBytes } = this.#bounds;
    const isShort = (this.#budget?.level ?? 0) >= 75;
    while (this.#gops.length > 1) {
      if (!isShort && this.#bytes <= maxBytes && this.#gops.length <= maxGops && this.#spanS <= maxS) return;
      const oldest = this.#gops.shift()!;
      this.#bytes -= oldest.bytes;
      this.#budget?.add(-oldest.bytes);
      this.#spanS -= (this.#gops[0]!.startDts - oldest.startDts) / timescale;
    }
  }
}
