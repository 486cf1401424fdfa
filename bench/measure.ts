/**
 * Measures running programs: waits for the warm-up, then samples their processes.
 * In: process ids, durations. Out: CPU, memory, and the CPU of other programs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder } from '../test/fixtures/server.ts';
import type { BenchMedia } from './media.ts';
import { openBenchOrigin } from './origin.ts';
import { cores, machineCpuS, ProcessTree } from './process-tree.ts';
import type { DecodingCpu, StartRecorders } from './recorders.ts';

/** Durations of a measurement, seconds. */
export interface Durations {
  readonly warmUpS: number;
  /** Whole minutes close as many files as a day does per minute. */
  readonly measureS: number;
}

/** CPU and memory of programs over a measured time. */
export interface Sample {
  /** CPU of the measured programs, percent of one core. */
  readonly cpuPercent: number;
  readonly pssPeakBytes: number;
  /** The peak of what is not backed by a file, and so is not shared with other processes of the same Node. */
  readonly anonymousPeakBytes: number;
  /** CPU of programs that are neither measured nor part of the benchmark, percent of the machine. */
  readonly othersPercent: number;
}

/** Result of one measurement of recorders. */
export interface Measurement extends Sample {
  readonly streams: number;
  /** CPU of what is decoded, percent of one core; undefined where nothing is. */
  readonly decodingPercent: DecodingCpu | undefined;
  /** Empty if there are none. */
  readonly problems: string;
}

/**
 * Samples programs once a second.
 *
 * @param measured process ids of the measured programs
 * @param helpers process ids of sources and clients of the benchmark
 * @param begun called when the warm-up is over
 */
export async function sample(
  measured: readonly number[],
  helpers: readonly number[],
  { warmUpS, measureS }: Durations,
  begun?: () => Promise<void>,
): Promise<Sample> {
  const tree = new ProcessTree(measured);
  const bench = new ProcessTree(helpers);
  const ownCpuS = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  const now = () => ({
    s: performance.now() / 1000,
    tree: tree.cpuS(),
    known: tree.cpuS() + bench.cpuS() + ownCpuS(),
    machine: machineCpuS(),
  });
  await pause(warmUpS * 1000);
  await begun?.();
  const from = now();
  const peak = { ...tree.memory() };
  for (let nextS = from.s + 1; nextS <= from.s + measureS; nextS++) {
    await pause(nextS * 1000 - performance.now());
    const { pss, anonymous } = tree.memory();
    peak.pss = Math.max(peak.pss, pss);
    peak.anonymous = Math.max(peak.anonymous, anonymous);
  }
  const to = now();
  const percent = (seconds: number) => (100 * seconds) / (to.s - from.s);
  return {
    cpuPercent: percent(to.tree - from.tree),
    pssPeakBytes: peak.pss,
    anonymousPeakBytes: peak.anonymous,
    othersPercent: Math.max(0, percent(to.machine - from.machine - (to.known - from.known)) / cores),
  };
}

/**
 * Starts an origin and recorders of its playlists, and measures the recorders once.
 *
 * @param durations.dated the playlists have dates
 */
export async function measure(
  start: StartRecorders,
  streams: number,
  media: BenchMedia,
  durations: Durations & { readonly dated?: boolean },
): Promise<Measurement> {
  await using folder = await openFolder('bench-run');
  const { dated = false } = durations;
  await using origin = await openBenchOrigin({ segments: media.segments, streams, dated });
  await using recorders = await start(origin.urls, folder.path);
  let from: DecodingCpu | undefined;
  const usage = await sample(recorders.pids, [origin.pid], durations, async () => {
    from = await recorders.decodingCpuS?.();
  });
  const to = await recorders.decodingCpuS?.();
  const percent = (fromS: number, toS: number) => (100 * (toS - fromS)) / durations.measureS;
  const decodingPercent = from &&
    to && { storyboards: percent(from.storyboards, to.storyboards), checks: percent(from.checks, to.checks) };
  return { streams, ...usage, decodingPercent, problems: await recorders.problems() };
}
