/**
 * `npm run soak -- memory`: memory of the server over time, with the sample stream, pulled streams, and
 * viewers that join and leave; on Linux.
 * In: arguments. Out: samples as CSV while it runs, then a summary; exit code 1 if the server exceeds its
 * limit.
 */
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seeded } from '@oxbow/media/random.fixture';
import { openFolder, type Server, startServer } from '../../test/fixtures/server.ts';
import { compileTool } from '../load-generator.ts';
import { makeBenchMedia } from '../media.ts';
import { openBenchOrigin } from '../origin.ts';
import { describeMachine, libraryHeap, ProcessTree, processMemory } from '../process-tree.ts';
import { launcher } from '../recorders.ts';
import { csvHead, csvLine, memoryLimit, printAfterLoad, printSummary, type SoakSample, summarize } from './report.ts';
import { sendViewers } from './viewers.ts';

const usage = `Usage: npm run soak -- memory [options]

  --minutes 30       duration
  --rest 0           minutes before viewers come
  --quiet            minutes after viewers have left; default the last quarter, at most 20
  --pulled 4         pulled streams of 2.5 Mbps besides the sample stream; needs ffmpeg for their media
  --viewers 8        most viewers at the same time
  --threads 1        serving threads
  --limit 200        limit of the server process, MB; default 150, plus 12.5 per pulled stream, times 1.3 with serving threads
  --every 5          seconds between samples
  --seed 1           seed of what viewers do
  --allocations      writes what the heap of the C library has, by size of the blocks; needs cc and glibc
  --out FOLDER       folder for the samples; default a new folder below ${tmpdir()}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '30' },
    rest: { type: 'string', default: '0' },
    quiet: { type: 'string' },
    pulled: { type: 'string', default: '4' },
    viewers: { type: 'string', default: '8' },
    threads: { type: 'string', default: '1' },
    limit: { type: 'string' },
    every: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    allocations: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const number = (text: string, least: number, most: number): number => {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least && value <= most) return value;
  process.stderr.write(`${text} is not a number from ${least} to ${most}\n\n${usage}`);
  process.exit(2);
};
if (values.help || positionals.join() !== 'memory') {
  process.stdout.write(usage);
  process.exit(values.help ? 0 : 2);
}
const minutes = number(values.minutes, 0.1, 7 * 24 * 60);
const restMinutes = number(values.rest, 0, minutes);
const quiet = values.quiet === undefined ? Math.min(20, minutes / 4) : number(values.quiet, 0, minutes - restMinutes);
const pulled = number(values.pulled, 0, 100);
const threads = number(values.threads, 1, 16);
const viewers = number(values.viewers, 0, 200);
const everyS = number(values.every, 1, 600);
const limit = values.limit === undefined ? memoryLimit(pulled, threads) : 1e6 * number(values.limit, 1, 1e6);
const out = values.out === undefined ? mkdtempSync(join(tmpdir(), 'oxbow-soak-')) : resolve(values.out);
mkdirSync(out, { recursive: true });

const stopping = new AbortController();
// A terminal and the launcher may both send the signal: the second one must not end the soak before its
// server.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
const title = `demo + ${pulled} pulled streams, at most ${viewers} viewers, ${threads === 1 ? 'one thread' : `${threads} serving threads`}`;
process.stderr.write(`${title}, ${minutes} min\n${out}\n`);
const samples = await soak(stopping.signal);
if (samples.length === 0) process.exit(1);
const summary = summarize(samples, limit);
process.stdout.write(`${describeMachine()}\n${printSummary(title, summary)}\n`);
if (restMinutes > 0) process.stdout.write(`${printAfterLoad(samples, { restS: restMinutes * 60, quiet })}\n`);
process.stdout.write(`${join(out, 'memory.csv')}\n`);
process.exit(summary.exceeded ? 1 : 0);

/** Runs the server and samples it. */
async function soak(signal: AbortSignal): Promise<SoakSample[]> {
  await using folder = await openFolder('soak');
  await using origin =
    pulled > 0 ? await openBenchOrigin({ segments: makeBenchMedia(60).segments, streams: pulled }) : undefined;
  const names = ['demo', ...(origin?.urls ?? []).map((_, k) => `s${k}`)];
  const config = join(folder.path, 'oxbow.yaml');
  const pulls = (origin?.urls ?? []).map((url, k) => `  s${k}: { source: { url: '${url}' } }\n`);
  writeFileSync(config, `streams:\n  demo: { source: { type: test } }\n${pulls.join('')}`);
  await using server = await startServer({
    args: ['--config', config, '--threads', String(threads), '--log-level', 'warn'],
    data: join(folder.path, 'data'),
    program: launcher,
    env: values.allocations ? allocationsEnv(folder.path) : {},
  });
  const saveAllocations = (name: string) => {
    if (!values.allocations) return;
    copyFileSync(join(folder.path, `allocations.${server.pid}`), join(out, `allocations-${name}.txt`));
  };
  const leaving = new AbortController();
  const quietFromS = 60 * (minutes - quiet);
  const load = { url: server.url, streams: names, viewers, random: seeded(Number(values.seed)) };
  const { tally, done } = sendViewers(load, {
    afterS: restMinutes * 60,
    signal: AbortSignal.any([signal, leaving.signal]),
  });
  const samples: SoakSample[] = [];
  const csv = join(out, 'memory.csv');
  writeFileSync(csv, csvHead);
  const startMs = performance.now();
  for (let nextS = everyS; nextS <= minutes * 60 && !signal.aborted; nextS += everyS) {
    await pause(startMs + nextS * 1000 - performance.now(), undefined, { signal }).catch(() => {});
    if (nextS <= restMinutes * 60) saveAllocations('rest');
    else if (nextS < quietFromS) saveAllocations('load');
    if (nextS >= quietFromS) leaving.abort();
    const sample = await sampleOf(server, (performance.now() - startMs) / 1000, tally.now);
    samples.push(sample);
    appendFileSync(csv, csvLine(sample));
    if (samples.length % Math.round(60 / everyS) === 0) report(sample);
  }
  saveAllocations('end');
  leaving.abort();
  await done;
  const responses = [...tally.responses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`);
  process.stderr.write(`${tally.visits} visits, responses: ${responses.join(', ')}; ${tally.failed} failed\n`);
  for (const { level, msg, error } of server.log('error').slice(0, 5))
    process.stderr.write(`${level}: ${msg}: ${error}\n`);
  return samples;
}

/** Variables with which a program writes its allocations to `allocations.PID`. */
function allocationsEnv(folder: string): NodeJS.ProcessEnv {
  const library = compileTool('soak/allocations.c', ['-shared', '-fPIC', '-pthread']);
  return { LD_PRELOAD: library, ALLOCATIONS: join(folder, 'allocations') };
}

function report({ atS, rss, heap, arrayBuffers, viewers: now }: SoakSample): void {
  const mb = (bytes: number) => (bytes / 1e6).toFixed(0);
  process.stderr.write(
    `${(atS / 60).toFixed(0)} min: RSS ${mb(rss)}, heap ${mb(heap)}, buffers ${mb(arrayBuffers)} MB, ${now} viewers\n`,
  );
}

async function sampleOf(server: Server, atS: number, now: number): Promise<SoakSample> {
  const metrics = await (await server.fetch('/metrics')).text();
  const sum = (name: string) =>
    [...metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  const { rss, pss } = processMemory(server.pid);
  const tree = new ProcessTree([server.pid]).memory();
  return {
    atS,
    rss,
    pss,
    treeRss: tree.rss,
    treePss: tree.pss,
    heap: sum('oxbow_heap_bytes'),
    external: sum('oxbow_external_bytes'),
    arrayBuffers: sum('oxbow_array_buffer_bytes'),
    libraryHeap: libraryHeap(server.pid),
    cpuS: sum('oxbow_cpu_seconds_total'),
    viewers: now,
  };
}
