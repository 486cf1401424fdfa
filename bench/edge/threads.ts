/**
 * `npm run bench -- threads`: N serving threads of one process, compared with N edges of the same computer
 * before a process that serves them only. Decision 0014.
 * In: `oxbow serve` with a test picture, a load generator that holds reloads and fetches each part, wrk. Out:
 * CPU for each part and request, late parts, memory, as a table. Both sides share all cores with the load, so
 * that CPU time is what can be compared, not requests per second.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { startEdge } from '../../test/fixtures/proxies/edge.ts';
import { openFolder, startServer } from '../../test/fixtures/server.ts';
import { compileTool, startLoadGenerator } from '../load-generator.ts';
import { cores, describeMachine, ProcessTree } from '../process-tree.ts';
import { launcher } from '../recorders.ts';
import { median, mib, printTable, say } from '../report.ts';
import { PLAYER_FIELDS, program } from '../target.ts';
import { playlistOf } from './live.ts';

interface ThreadsOptions {
  /** Number of serving threads, and of edges. */
  readonly threads: number;
  readonly viewers: number;
  /** Seconds of each measurement. */
  readonly seconds: number;
  /** Each side is measured so often, alternating; the table has the medians. */
  readonly rounds: number;
}

/** A way to serve viewers from several cores. */
interface Side {
  /** Where viewers connect, each with the same number of them. */
  readonly urls: readonly string[];
  /** All processes. */
  readonly tree: ProcessTree;
}

/** Measurements of a side in one round. */
interface Figures {
  /** Memory before the first viewer and with all of them, PSS, bytes. */
  readonly restPss: number;
  readonly watchedPss: number;
  /** CPU for each part that a viewer fetched, the reload that announced it included, µs. */
  readonly partCpuUs: number;
  readonly lateParts: number;
  readonly parts: number;
  /** CPU for a request of a live playlist and of a segment, µs. */
  readonly playlistCpuUs: number;
  readonly segmentCpuUs: number;
}

const STREAM = 'demo';
const ALL_CORES = `0-${cores - 1}`;
const JOINS_PER_SECOND = 500;
/** Connections of wrk to each address. */
const CONNECTIONS = 50;
/** A test picture whose encoder takes little of the cores. */
const PICTURE = ['--test-picture-width', '160', '--test-picture-height', '90', '--test-picture-fps', '15'];
const TOKEN = 'bench-threads-admin';

/** Measures and returns the report. */
export async function benchThreads(options: ThreadsOptions): Promise<string> {
  compileTool();
  const { threads, viewers, rounds } = options;
  const figures = { threads: [] as Figures[], edges: [] as Figures[] };
  for (let round = 1; round <= rounds; round++) {
    say(`round ${round} of ${rounds}: ${viewers} viewers, ${threads} serving threads, then ${threads} edges`);
    figures.threads.push(await measure(openThreads, options));
    figures.edges.push(await measure(openEdges, options));
  }
  const head = ['', `${threads} serving threads`, `a server and ${threads} edges`, 'edges / threads'];
  const row = (label: string, of: keyof Figures, print: (value: number) => string) => {
    const [ours, theirs] = [figures.threads, figures.edges].map((runs) => median(runs.map((each) => each[of])));
    return [label, print(ours!), print(theirs!), ours! > 0 ? (theirs! / ours!).toFixed(2) : '-'];
  };
  const micros = (value: number) => value.toFixed(0);
  const rows = [
    row('memory at rest, PSS MiB', 'restPss', mib),
    row(`memory with ${viewers} viewers, PSS MiB`, 'watchedPss', mib),
    row('CPU for a part of a viewer, µs', 'partCpuUs', micros),
    row('parts of viewers', 'parts', micros),
    row('late or missing parts', 'lateParts', micros),
    row('CPU for a live playlist, µs', 'playlistCpuUs', micros),
    row('CPU for a segment, µs', 'segmentCpuUs', micros),
  ];
  return `${describeMachine()}; medians of ${rounds} rounds of ${options.seconds} s\n\n${printTable(head, rows)}`;
}

type Open = (folder: string, threads: number, opened: AsyncDisposableStack) => Promise<Side>;

async function openThreads(folder: string, threads: number, opened: AsyncDisposableStack): Promise<Side> {
  const { url, pid } = await openOrigin(folder, threads, opened);
  return { urls: Array.from({ length: threads }, () => url), tree: new ProcessTree([pid]) };
}

async function openEdges(folder: string, threads: number, opened: AsyncDisposableStack): Promise<Side> {
  const { url, pid } = await openOrigin(folder, 1, opened);
  const edges = [];
  for (let i = 0; i < threads; i++) {
    edges.push(opened.use(await startEdge(url, { args: ['--log-level', 'warn'], program: launcher, cpus: ALL_CORES })));
  }
  const tree = new ProcessTree([pid, ...edges.map((edge) => edge.pid)]);
  return { urls: edges.map((edge) => edge.url), tree };
}

/** A server with one live stream. */
async function openOrigin(
  folder: string,
  threads: number,
  opened: AsyncDisposableStack,
): Promise<{ readonly url: string; readonly pid: number }> {
  const server = opened.use(
    await startServer({
      data: join(folder, 'data'),
      args: ['--log-level', 'warn', ...PICTURE, '--admin-token', TOKEN, '--threads', String(threads)],
      program: launcher,
      sample: false,
      cpus: ALL_CORES,
    }),
  );
  const response = await fetch(`${server.url}/api/v1/streams`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: STREAM, source: { type: 'test' }, visibility: 'public' }),
  });
  if (!response.ok) throw new Error(await response.text());
  await server.stream(STREAM, 'live');
  return server;
}

async function measure(open: Open, { threads, viewers, seconds }: ThreadsOptions): Promise<Figures> {
  await using folder = await openFolder('bench-threads');
  await using opened = new AsyncDisposableStack();
  const side = await open(folder.path, threads, opened);
  const { path } = await playlistOf(side.urls[0]!, STREAM);
  await pause(2000);
  const restPss = side.tree.memory().pss;
  const watched = await watch(side, viewers, seconds);
  const list = await (await fetch(side.urls[0] + path)).text();
  const segment = list.split('\n').filter((line) => /^\d+\.m4s$/.test(line));
  const segmentPath = `${path.slice(0, path.lastIndexOf('/'))}/${segment.at(-2)}`;
  return {
    restPss,
    ...watched,
    playlistCpuUs: await request(side, path, seconds),
    segmentCpuUs: await request(side, segmentPath, seconds),
  };
}

/** Has viewers watch the stream. */
async function watch(
  { urls, tree }: Side,
  viewers: number,
  seconds: number,
): Promise<Pick<Figures, 'watchedPss' | 'partCpuUs' | 'lateParts' | 'parts'>> {
  const fields = PLAYER_FIELDS.filter((field) => !field.startsWith('CMCD')).join('\r\n');
  const each = Math.max(1, Math.round(viewers / urls.length));
  const rampS = Math.max(3, Math.ceil(each / JOINS_PER_SECOND));
  const generators = await Promise.all(
    urls.map(async (url) => {
      const { path, msn, partsPerSegment, partMs } = await playlistOf(url, STREAM);
      const folder = `${path.slice(0, path.lastIndexOf('/'))}/`;
      return startLoadGenerator(ALL_CORES, [
        ...['watch', new URL(url).port, path, folder, STREAM],
        ...[msn + 1, partsPerSegment, partMs, each, rampS, seconds, 'headers', fields],
      ]);
    }),
  );
  const readers = generators.map((generator) => createInterface(generator.stdout)[Symbol.asyncIterator]());
  await Promise.all(readers.map((lines) => lines.next()));
  const fromS = tree.cpuS();
  await pause(1000 * seconds - 500);
  const cpuS = (tree.cpuS() - fromS) * (seconds / (seconds - 0.5));
  const { pss } = tree.memory();
  const results = await Promise.all(readers.map(async (lines) => JSON.parse(String((await lines.next()).value))));
  const total = (name: string) => results.reduce((sum: number, result) => sum + result[name], 0);
  const parts = total('parts');
  return { watchedPss: pss, partCpuUs: (cpuS / parts) * 1e6, parts, lateParts: total('late') + total('missing') };
}

/** Requests a path from all addresses at once, as fast as they answer. Returns the CPU of a request, µs. */
async function request({ urls, tree }: Side, path: string, seconds: number): Promise<number> {
  const fromS = tree.cpuS();
  const outputs = await Promise.all(
    urls.map(async (url) => {
      const fields = PLAYER_FIELDS.flatMap((field) => ['-H', field]);
      const wrk = spawn(program('wrk'), ['-t1', `-c${CONNECTIONS}`, `-d${seconds}`, ...fields, url + path]);
      const [output] = await Promise.all([text(wrk.stdout), once(wrk, 'exit')]);
      return output;
    }),
  );
  const cpuS = tree.cpuS() - fromS;
  const requests = outputs.reduce((sum, output) => sum + Number(/(\d+) requests in/.exec(output)?.[1]), 0);
  if (outputs.some((output) => output.includes('Non-2xx')) || !(requests > 0)) {
    throw new Error(`wrk reports failed requests of ${path}:\n${outputs.join('\n')}`);
  }
  return (cpuS / requests) * 1e6;
}
