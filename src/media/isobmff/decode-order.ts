/**
 * Makes `dts <= pts` hold for a track whose file has negative composition offsets, by moving decode times back for the whole run.
 * In: samples in decode order with offsets of either sign. Out: frames with dts <= pts, pts untouched (docs/media.md 13). Pure.
 */
import type { Frame } from '../frame.ts';

/** Frames looked at before the shift is fixed, where a first fragment alone cannot tell. */
const LOOK_AHEAD = 16;
/** Decode times that go back by less than this overlap what was delivered; more is a new start, which others judge. */
const OVERLAP_S = 0.5;

/** One track's line of frames. */
export interface DecodeOrder {
  /**
   * Takes a frame as the file has it, `dts > pts` included.
   *
   * @param signed the file may use negative offsets, so that the first few frames must be seen before the shift is known
   */
  push(frame: Frame, signed: boolean): void;
  /** No frames follow for now: delivers what was held back for the shift. */
  flush(): void;
  /** The next frame begins a new run. */
  reset(): void;
}

/**
 * @param timescale ticks per second
 * @param deliver gets the frames, dts strictly increasing but for new starts
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

  /** The shift has just grown: decode times may crowd together until they are past the last one delivered. */
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
