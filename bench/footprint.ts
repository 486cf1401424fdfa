/**
 * `npm run bench -- footprint`: what oxbow takes before it does anything, and what each pulled stream and each client adds.
 * In: nothing. Out: start, memory at rest, memory for each stream and client, beside their aims; in Markdown and JSON.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClientRow } from './footprint-clients.ts';
import { measureStarts, type StartRow } from './footprint-start.ts';
import { compileLoadGenerator } from './load-generator.ts';
import { type Measurement, measure } from './measure.ts';
import { makeBenchMedia } from './media.ts';
import { describeMachine, ProcessTree, type TreeMemory } from './process-tree.ts';
import { oxbow } from './recorders.ts';
import { printTable } from './table.ts';

/** What the benchmark found. */
export interface FootprintReport {
  readonly bench: 'footprint';
  readonly machine: string;
  readonly starts: readonly StartRow[];
  readonly idle: TreeMemory;
  readonly bitrate: number;
  readonly pulls: readonly Measurement[];
  readonly clients: readonly ClientRow[];
  /** Whether a network of its own could be had, in which the kernel's setting was tried. */
  readonly ownNetwork: boolean;
}

const START_AIM_MS = 1000;
const IDLE_AIM_MB = 120;
const STREAM_AIM_MIB = 4.5;
const IDLE_S = 20;
const PULLS = [1, 16];
const PULL_S = { warmUpS: 12, measureS: 10 };
const launcher = join(import.meta.dirname, '..', 'bin', 'oxbow');

/** Runs it. @param options.rounds of starts, of which the median is told */
export async function benchFootprint({
  rounds,
  say,
}: {
  rounds: number;
  say: (text: string) => void;
}): Promise<FootprintReport> {
  compileLoadGenerator();
  say(`${rounds} starts of each`);
  const starts = await measureStarts(rounds);
  say(`at rest for ${IDLE_S} s`);
  const idle = await measureIdle();
  const media = makeBenchMedia(PULL_S.warmUpS + PULL_S.measureS + 20);
  const pulls: Measurement[] = [];
  for (const streams of PULLS) {
    say(`${streams} pulled streams`);
    pulls.push(await measure(oxbow(), streams, media, PULL_S));
  }
  say('clients');
  const ownNetwork = spawnSync('unshare', ['-n', 'true']).status === 0;
  const script = [process.execPath, join(import.meta.dirname, 'footprint-clients.ts')];
  const text = ownNetwork
    ? execFileSync('unshare', ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...script, 'own-network'])
    : execFileSync(script[0]!, script.slice(1));
  const clients = JSON.parse(text.toString()) as ClientRow[];
  const machine = describeMachine();
  return { bench: 'footprint', machine, starts, idle, bitrate: media.bitrate, pulls, clients, ownNetwork };
}

/** An oxbow without streams, a while after its start. */
async function measureIdle(): Promise<TreeMemory> {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-bench-idle-'));
  try {
    // In an empty folder it would show the sample stream.
    const data = join(folder, 'data');
    mkdirSync(data);
    writeFileSync(join(data, 'not-empty.txt'), '');
    const words = [launcher, 'serve', '--data', data, '--http', '127.0.0.1:0', '--json', '--log-level', 'warn'];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    try {
      const [line] = (await Promise.race([once(child.stdout, 'data'), exited])) as [unknown];
      if (!(line instanceof Buffer)) throw new Error('oxbow did not start');
      await pause(IDLE_S * 1000);
      return new ProcessTree([child.pid!]).memory();
    } finally {
      child.kill();
      await exited;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The report for people. */
export function printFootprintReport(report: FootprintReport): string {
  const { machine, starts, idle, bitrate, pulls, clients, ownNetwork } = report;
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  const more = (of: 'pssPeakBytes' | 'pssMeanBytes') =>
    mib((pulls.at(-1)![of] - pulls[0]![of]) / (pulls.at(-1)!.streams - pulls[0]!.streams));
  const startTable = printTable(
    ['start to first answer', 'asked', 'median ms', 'worst ms', 'aim'],
    starts.map(({ what, path, medianMs, worstMs }) => [
      ...[what, path, medianMs.toFixed(0), worstMs.toFixed(0)],
      what.startsWith('oxbow') ? String(START_AIM_MS) : '',
    ]),
  );
  const pullTable = printTable(
    ['pulled streams', 'PSS peak, MiB', 'PSS mean, MiB', 'others used', 'complaints'],
    pulls.map((one) => [
      ...[String(one.streams), mib(one.pssPeakBytes), mib(one.pssMeanBytes)],
      ...[`${one.othersPercent.toFixed(0)} %`, one.complaints || '-'],
    ]),
  );
  const clientTable = printTable(
    ['each of', 'KiB in the process', 'in the kernel', 'both', 'aim'],
    clients.map(({ what, clients: count, processKib, kernelKib, aimKib }) => [
      ...[`${count} × ${what}`, processKib.toFixed(1), kernelKib.toFixed(1)],
      ...[(processKib + kernelKib).toFixed(1), String(aimKib)],
    ]),
  );
  return [
    machine,
    startTable,
    `At rest without streams, ${IDLE_S} s after its start: ${mb(idle.rss)} MB RSS, ${mb(idle.pss)} MB PSS, of which ${mb(idle.anonymous)} MB are backed by no file (aim ${IDLE_AIM_MB})`,
    pullTable,
    `Each stream of ${(bitrate / 1e6).toFixed(2)} Mbps more: ${more('pssPeakBytes')} MiB at peak, ${more('pssMeanBytes')} MiB in the mean (aim ${STREAM_AIM_MIB})`,
    clientTable,
    ...(ownNetwork ? [] : ['No network of its own could be had: tcp_notsent_lowat stayed as it was.']),
  ].join('\n\n');
}
