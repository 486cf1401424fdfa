/**
 * Ensures `dts <= pts` for files with negative composition offsets: moves the decode times of a run back.
 * In: samples in decode order with offsets of either sign. Out: frames with dts <= pts, pts untouched
 * (docs/media.md 13). Pure.
 */
import type { Frame } from '../frame.ts';

/** Most frames to examine before the shift is fixed. */
const LOOK_AHEAD = 16;
/**
 * Decode times that go back by less overlap delivered frames and are dropped; a larger step is passed on as a
 * new timeline.
 */
const OVERLAP_S = 0.5;

/** The frames of one track. */
export interface DecodeOrder {
  /**
   * Takes a frame, also with `dts > pts`.
   *
   * @param signed the file may have negative offsets, so the first few frames must be examined before the
   *   shift is fixed
   */
  push(frame: Frame, signed: boolean): void;
  /** No frames follow for now: delivers the held frames. */
  flush(): void;
  /** The next frame begins a new run. */
  reset(): void;
}

/**
 * @param timescale ticks per second
 * @param deliver gets the frames, dts strictly increasing except at a new timeline
 * @param damage called for dropped frames
 */
export function createDecodeOrder(
  timescale: number,
  deliver: (frame: Frame) => void,
  damage: (reason: string) => void,
): DecodeOrder {
  let held: Frame[] = [];
  /** Ticks by which decode times move back; undefined until it is fixed. */
  let shift: number | undefined;
  let last: number | undefined;

  /** The shift has just grown: decode times are close together until they exceed the last delivered one. */
  let crowded = false;

  function release(frame: Frame): void {
    let dts = frame.dts - shift!;
    if (dts > frame.pts) {
      shift! += dts - frame.pts;
      dts = frame.pts;
      crowded = true;
    }
    if (last !== undefined && dts <= last && last - dts < OVERLAP_S * timescale) {
      if (!crowded || last + 1 > frame.pts) {
        damage('a frame does not follow in decode order');
        return;
      }
      dts = last + 1;
    } else {
      crowded = false;
    }
    last = dts;
    deliver(dts === frame.dts ? frame : { ...frame, dts });
  }

  function settle(): void {
    shift = 0;
    for (const frame of held) shift = Math.max(shift, frame.dts - frame.pts);
    const frames = held;
    held = [];
    for (const frame of frames) release(frame);
  }

  return {
    push(frame, signed) {
      if (shift !== undefined) return release(frame);
      if (!signed) {
        if (held.length > 0) settle();
        shift ??= 0;
        return release(frame);
      }
      held.push(frame);
      if (held.length >= LOOK_AHEAD) settle();
    },
    flush() {
      if (held.length > 0) settle();
    },
    reset() {
      this.flush();
      shift = undefined;
      last = undefined;
    },
  };
}
