/**
 * A stream without a source, as benchmarks feed it and as delivery serves it.
 * In: its name, its recording. Out: the stream to publish to, its live list, what delivery needs.
 */
import type { ServedStream } from '../src/delivery/served-stream.ts';
import type { Clock } from '../src/lib/clock.ts';
import type { Stream } from '../src/live/stream.ts';
import { LiveWindow } from '../src/packager/live-window.ts';
import { createPipeline } from '../src/packager/pipeline.ts';
import { InitTable } from '../src/recording/init-table.ts';

/** Length of its segments, seconds. */
export const SEGMENT_S = 2;

/** A stream with parts of 0.2 s, whose first MSN is `nextMsn`. */
export function openBenchStream(
  name: string,
  { clock, nextMsn, recording }: { clock: Clock; nextMsn: number; recording: ServedStream['recording'] },
): { readonly stream: Stream; readonly served: ServedStream & { readonly list: LiveWindow } } {
  const past = { endUs: Math.round(clock.nowMs() * 1000), hasMedia: false, lastRun: 0, gaps: [] };
  const served = {
    ...deliverableOf(name, recording, past.endUs, () => clock.nowMs()),
    starting: () => true,
    settled: () => false,
  };
  const { stream } = createPipeline({
    clock,
    past,
    settings: { partS: 0.2, segmentS: SEGMENT_S },
    list: served.list,
    nextMsn,
    initOf: (all) => served.inits.of(all),
    nextGeneration: () => 1,
  });
  return { stream, served };
}

/**
 * A recording as delivery serves it: with an empty live list.
 *
 * @param nowMs numbers the configurations of codecs; at 0 the first one is number 1
 */
export function deliverableOf(
  name: string,
  recording: ServedStream['recording'],
  createdUs: number,
  nowMs: () => number = () => 0,
) {
  return {
    name,
    list: new LiveWindow(),
    recording,
    inits: new InitTable([], { save() {}, nowMs }),
    createdUs,
    starting: () => false,
    settled: () => true,
    leastMsnAt: () => 0,
    horizonUs: () => 0,
  };
}
