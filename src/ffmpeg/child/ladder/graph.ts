/**
 * Graphs of filters as pictures and sound use them: built from a description, drained in turns.
 * In: a description for FFmpeg. Out: filters by name; frames of all sinks. Native code: child processes only.
 */
import { type FilterContext, FilterGraph, type Frame } from 'node-av/lib';
import { must } from '../native.ts';

/** A graph that is ready for frames. */
interface OpenGraph {
  readonly graph: FilterGraph;
  /** @throws Error if the description has no such filter */
  find(name: string): FilterContext;
}

/** @throws Error if FFmpeg refuses the description */
export function openGraph(description: string, threads: number): OpenGraph {
  const graph = new FilterGraph();
  graph.alloc();
  graph.nbThreads = threads;
  must(graph.parse2(description), 'building the filter graph');
  must(graph.configSync(), 'configuring the filter graph');
  return {
    graph,
    find(name) {
      const filter = graph.getFilter(name);
      if (!filter) throw new Error(`the filter graph has no ${name}`);
      return filter;
    },
  };
}

/**
 * Takes everything that sinks have. They are drained in turns: a frame that waits in one of them holds
 * memory.
 *
 * @param out used for every frame
 * @param deliver `at` is the time of `out` in units of 1 / `perSecond(index)`; the frame is valid until it
 *   returns
 */
export function drainSinks(
  sinks: readonly FilterContext[],
  out: Frame,
  perSecond: (index: number) => number,
  deliver: (index: number, at: number) => void,
): void {
  for (let isBusy = true; isBusy; ) {
    isBusy = false;
    for (const [index, sink] of sinks.entries()) {
      if (sink.buffersinkGetFrameSync(out) < 0) continue;
      isBusy = true;
      const { num, den } = sink.buffersinkGetTimeBase();
      deliver(index, Math.round((Number(out.pts) * num * perSecond(index)) / den));
      out.unref();
    }
  }
}
