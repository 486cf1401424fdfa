/**
 * A stream without a source, which benchmarks publish to and delivery serves.
 * In: its name and recording. Out: the stream, and what delivery reads of it.
 */
import type { ServedStream } from '../src/delivery/served-stream.ts';
import type { Clock } from '../src/lib/clock.ts';
import type { Stream } from '../src/live/stream.ts';
import { LiveWindowWriter } from '../src/packager/live-window-writer.ts';
import { createPipeline } from '../src/packager/pipeline.ts';
import { InitTable } from '../src/recording/init-table.ts';

/** A stream with parts of 0.2 s and segments of 2 s, whose first MSN is `nextMsn`. */
export function openBenchStream(
  name: string,
  { clock, nextMsn, recording }: { clock: Clock; nextMsn: number; recording: ServedStream['recording'] },
): { readonly stream: Stream; readonly served: ReturnType<typeof servedStreamOf> & ServedStream } {
  const past = { endUs: Math.round(clock.nowMs() * 1000), hasMedia: false, lastRun: 0, gaps: [] };
  const served = {
    ...servedStreamOf(name, recording, past.endUs, () => clock.nowMs()),
    starting: () => true,
    settled: () => false,
  };
  const { stream } = createPipeline({
    clock,
    past,
    settings: { partS: 0.2, segmentS: 2 },
    listWriter: served.listWriter,
    nextMsn,
    initOf: (tracks) => served.inits.of(tracks),
    nextGeneration: () => 1,
  });
  return { stream, served };
}

/**
 * A stream with a recording and an empty live playlist.
 *
 * @param nowMs the number of the first init section is 1 at 0
 */
export function servedStreamOf(
  name: string,
  recording: ServedStream['recording'],
  createdUs: number,
  nowMs: () => number = () => 0,
) {
  const listWriter = new LiveWindowWriter();
  return {
    name,
    list: listWriter.list,
    listWriter,
    recording,
    inits: new InitTable([], { async save() {}, failed() {}, nowMs }),
    createdUs,
    starting: () => false,
    settled: () => true,
    leastMsnAt: () => 0,
    horizonUs: () => 0,
  };
}
