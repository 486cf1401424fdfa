/**
 * Measures recorders at work: starts an origin and them, lets them warm up, and watches their processes.
 * In: who records, how many streams, how long. Out: CPU, memory, bytes recorded, and how much others disturbed the machine.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { BenchMedia } from './media.ts';
import { openBenchOrigin } from './origin.ts';
import { cores, machineCpuS, ProcessTree } from './process-tree.ts';
import type { StartRecorders } from './recorders.ts';

const SAMPLE_EVERY_MS = 1000;

/** How long to look. */
export interface Duration {
  readonly warmUpS: number;
  /** Whole minutes contain as many closings of chunk files as a day does. */
  readonly measureS: number;
}

/** What was seen. */
export interface Measurement {
  readonly streams: number;
  readonly measuredS: number;
  readonly cpuS: number;
  /** Of one core, per stream, percent; of all where there is no stream. */
  readonly cpuPercentPerStream: number;
  readonly pssPeakBytes: number;
  readonly pssMeanBytes: number;
  /** Of the peak, what is not backed by files. */
  readonly anonymousPeakBytes: number;
  readonly processes: number;
  /** Bytes recorded, over what the source sent; MPEG-TS is about 3 % larger than MP4. */
  readonly recordedShare: number;
  /** CPU of everybody else, as a share of the machine, percent: a disturbed measurement is worth repeating. */
  readonly othersPercent: number;
  /** What went wrong, or ''. */
  readonly complaints: string;
}

/** Measures once. */
export async function measure(
  start: StartRecorders,
  streams: number,
  media: BenchMedia,
  { warmUpS, measureS }: Duration,
): Promise<Measurement> {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-bench-run-'));
  try {
    await using origin = await openBenchOrigin({ segments: media.segments, streams });
    await using recorders = await start(origin.urls, folder);
    const tree = new ProcessTree(recorders.pids);
    const ours = new ProcessTree([origin.pid]);
    await pause(warmUpS * 1000);
    const begun = { atMs: performance.now(), tree: tree.cpuS(), ours: ours.cpuS() + ownCpuS(), machine: machineCpuS() };
    const bytesBefore = folderBytes(recorders.folder);
    const samples = [tree.memory()];
    for (let next = begun.atMs + SAMPLE_EVERY_MS; next <= begun.atMs + measureS * 1000; next += SAMPLE_EVERY_MS) {
      await pause(next - performance.now());
      samples.push(tree.memory());
    }
    const measuredS = (performance.now() - begun.atMs) / 1000;
    const cpuS = tree.cpuS() - begun.tree;
    const othersS = machineCpuS() - begun.machine - cpuS - (ours.cpuS() + ownCpuS() - begun.ours);
    const recorded = folderBytes(recorders.folder) - bytesBefore;
    const alive = recorders.alive() ? '' : 'a recorder ended early; ';
    const peak = samples.reduce((most, sample) => (sample.pss > most.pss ? sample : most));
    return {
      streams,
      measuredS,
      cpuS,
      cpuPercentPerStream: (100 * cpuS) / measuredS / Math.max(1, streams),
      pssPeakBytes: peak.pss,
      pssMeanBytes: samples.reduce((sum, { pss }) => sum + pss, 0) / samples.length,
      anonymousPeakBytes: peak.anonymous,
      processes: peak.processes,
      recordedShare: streams === 0 ? 0 : (8 * recorded) / (media.bitrate * measuredS * streams),
      othersPercent: Math.max(0, (100 * othersS) / measuredS / cores),
      complaints: alive + (recorders.alive() ? await recorders.complaints() : ''),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until others use less than `percent` of the machine for 3 s in a row, at most `maxS`. */
export async function untilQuiet(percent: number, maxS: number): Promise<void> {
  const until = performance.now() + maxS * 1000;
  for (let quietS = 0; quietS < 3 && performance.now() < until; ) {
    const [before, atMs] = [machineCpuS(), performance.now()];
    await pause(1000);
    const share = (100 * (machineCpuS() - before)) / ((performance.now() - atMs) / 1000) / cores;
    quietS = share < percent ? quietS + 1 : 0;
  }
}

function ownCpuS(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function folderBytes(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && !entry.name.endsWith('.log')) sum += statSync(join(entry.parentPath, entry.name)).size;
  }
  return sum;
}
