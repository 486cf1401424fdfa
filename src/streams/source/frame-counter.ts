/**
 * Counts the frames of a stream, in steps: an update of the metric for every frame would cost too much.
 * In: frames, as a sink. Out: the metric `frames`.
 */
import type { Sink } from '../../live/sink.ts';
import type { Metrics } from '../../observe/metrics.ts';

const STEP = 64;

/** A sink that only counts. */
export function frameCounter(metrics: Metrics, stream: string): Sink {
  let frames = 0;
  const publish = () => {
    metrics.frames.inc({ stream }, frames);
    frames = 0;
  };
  return {
    holdsFrames: false,
    startRun() {},
    write() {
      if (++frames === STEP) publish();
    },
    flush: publish,
    endRun: publish,
    damage() {},
  };
}
