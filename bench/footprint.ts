/**
 * `npm run bench -- footprint`: start time, memory at rest, and the memory of each pulled stream and each
 * client.
 * In: a number of rounds. Out: tables with targets.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder, startServer } from '../test/fixtures/server.ts';
import type { ClientRow } from './footprint-clients.ts';
import { measureStarts } from './footprint-start.ts';
import { compileTool } from './load-generator.ts';
import { type Measurement, measure } from './measure.ts';
import { makeBenchMedia } from './media.ts';
import { describeMachine, ProcessTree, type TreeMemory } from './process-tree.ts';
import { launcher, startOxbow } from './recorders.ts';
import { mib, printTable, say } from './report.ts';
import { orTiny, tinyArgs } from './tiny.ts';

const IDLE_S = orTiny(75, 2);
const PULLS = orTiny([1, 16], [1, 2]);
const PULL_S = orTiny({ warmUpS: 12, measureS: 10 }, { warmUpS: 3, measureS: 2 });

/** Measures and returns the report. @param rounds starts of each server */
export async function benchFootprint(rounds: number): Promise<string> {
  compileTool();
  say(`${rounds} starts of each server`);
  const starts = await measureStarts(rounds);
  say(`at rest for ${IDLE_S} s`);
  const idle = await measureIdle();
  const media = makeBenchMedia(PULL_S.warmUpS + PULL_S.measureS + orTiny(20, 15));
  const pulls: Measurement[] = [];
  for (const streams of PULLS) {
    say(`${streams} pulled streams`);
    pulls.push(await measure(startOxbow, streams, media, PULL_S));
  }
  const [first, last] = [pulls[0]!, pulls.at(-1)!];
  const perStream = (last.pssPeakBytes - first.pssPeakBytes) / (last.streams - first.streams);
  say('clients');
  const { clients, ownNetwork } = measureClients();
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
  return [
    describeMachine(),
    printTable(['start to first response', 'requested', 'median ms', 'worst ms', 'target'], starts),
    `At rest without streams, ${IDLE_S} s after the start: ${mb(idle.rss)} MB RSS, ${mb(idle.pss)} MB PSS, of which ${mb(idle.anonymous)} MB are not backed by a file (target 120)`,
    printTable(
      ['pulled streams', 'PSS peak, MiB', 'other programs', 'problems'],
      pulls.map((pull) => [
        ...[String(pull.streams), mib(pull.pssPeakBytes), `${pull.othersPercent.toFixed(0)} %`, pull.problems || '-'],
      ]),
    ),
    `Each further stream of ${(media.bitrate / 1e6).toFixed(2)} Mbps: ${mib(perStream)} MiB at peak (target 4.5)`,
    printTable(
      ['each of', 'KiB in the process', 'in the kernel', 'both', 'target'],
      clients.map(({ what, clients: count, processKib, kernelKib, targetKib }) => [
        ...[`${count} × ${what}`, ...[processKib, kernelKib, processKib + kernelKib].map((kib) => kib.toFixed(1))],
        String(targetKib),
      ]),
    ),
    ...(ownNetwork ? [] : ['No own network namespace: tcp_notsent_lowat was not changed.']),
  ].join('\n\n');
}

/** Memory of an oxbow without streams. */
async function measureIdle(): Promise<TreeMemory> {
  await using folder = await openFolder('bench-idle');
  // With an empty data folder it would start the sample stream.
  const data = join(folder.path, 'data');
  mkdirSync(data);
  writeFileSync(join(data, 'not-empty.txt'), '');
  await using server = await startServer({ data, args: ['--log-level', 'warn'], program: launcher });
  await pause(IDLE_S * 1000);
  return new ProcessTree([server.pid]).memory();
}

/** Measures in a separate network namespace, where it may change a kernel setting, if that is allowed. */
function measureClients(): { readonly clients: readonly ClientRow[]; readonly ownNetwork: boolean } {
  const ownNetwork = spawnSync('unshare', ['-n', 'true']).status === 0;
  const script = [process.execPath, join(import.meta.dirname, 'footprint-clients.ts')];
  const text = ownNetwork
    ? execFileSync('unshare', [
        '-n',
        'sh',
        '-c',
        'ip link set lo up && exec "$@"',
        'sh',
        ...script,
        'own-network',
        ...tinyArgs,
      ])
    : execFileSync(script[0]!, [...script.slice(1), ...tinyArgs]);
  return { clients: JSON.parse(text.toString()), ownNetwork };
}
