/**
 * Measures recorders while they record: starts an origin and the recorders, waits for the warm-up, then samples their processes.
 * In: a recorder, a number of streams, durations. Out: CPU, memory, and the CPU of other programs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder } from '../test/fixtures/server.ts';
import type { BenchMedia } from './media.ts';
import { openBenchOrigin } from './origin.ts';
import { cores, machineCpuS, ProcessTree } from './process-tree.ts';
import type { StartRecorders } from './recorders.ts';

/** Durations of a measurement, seconds. */
export interface Durations {
  readonly warmUpS: number;
  /** Whole minutes close as many files as a day does per minute. */
  readonly measureS: number;
}

/** Result of one measurement. */
export interface Measurement {
  readonly streams: number;
  /** CPU of the recorders, percent of one core. */
  readonly cpuPercent: number;
  readonly pssPeakBytes: number;
  /** CPU of other programs, percent of the machine. */
  readonly othersPercent: number;
  /** Empty if there are none. */
  readonly problems: string;
}

/** Measures once. */
export async function measure(
  start: StartRecorders,
  streams: number,
  media: BenchMedia,
  { warmUpS, measureS }: Durations,
): Promise<Measurement> {
  await using folder = await openFolder('bench-run');
  await using origin = await openBenchOrigin({ segments: media.segments, streams });
  await using recorders = await start(origin.urls, folder.path);
  const tree = new ProcessTree(recorders.pids);
  const bench = new ProcessTree([origin.pid]);
  const ownCpuS = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  const now = () => ({
    s: performance.now() / 1000,
    tree: tree.cpuS(),
    known: tree.cpuS() + bench.cpuS() + ownCpuS(),
    machine: machineCpuS(),
  });
  await pause(warmUpS * 1000);
  const from = now();
  let pssPeakBytes = tree.memory().pss;
  for (let nextS = from.s + 1; nextS <= from.s + measureS; nextS++) {
    await pause(nextS * 1000 - performance.now());
    pssPeakBytes = Math.max(pssPeakBytes, tree.memory().pss);
  }
  const to = now();
  const percent = (seconds: number) => (100 * seconds) / (to.s - from.s);
  return {
    streams,
    cpuPercent: percent(to.tree - from.tree),
    pssPeakBytes,
    othersPercent: Math.max(0, percent(to.machine - from.machine - (to.known - from.known)) / cores),
    problems: await recorders.problems(),
  };
}
