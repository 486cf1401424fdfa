/**
 * `npm run bench -- viewers`: how many viewers one low-latency stream carries without a late part.
 * In: `oxbow serve` with its sample stream on one core; on the other a generator that holds reloads and fetches each part. Out: delays,
 * late parts, refusals, CPU and memory; in Markdown and JSON.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { compileLoadGenerator, startLoadGenerator } from './load-generator.ts';
import { cores, describeMachine, machineCpuS, ProcessTree } from './process-tree.ts';
import { printTable } from './table.ts';
import { CLIENT_CORE, PLAYER_FIELDS, program, SERVER_CORE } from './target.ts';

/** What the generator tells. */
interface Told {
  /** Fetched in the time that counts. */
  readonly parts: number;
  /** Whose last byte came later than a part's own duration after its release. */
  readonly late: number;
  /** Released in time to be fetched, and never were. */
  readonly missing: number;
  readonly errors: number;
  /** 503 and 429. */
  readonly refused: number;
  /** From the first viewer that was told of the part to its last byte at each, ms. */
  readonly spreadP50Ms: number;
  readonly spreadP99Ms: number;
  /** From the part's release to its last byte at each, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
  readonly partBytes: number;
  readonly lists: number;
  readonly listBytes: number;
}

/** One number of viewers. */
export interface ViewersRow extends Told {
  readonly viewers: number;
  readonly seconds: number;
  /** How many oxbow itself counted. */
  readonly counted: number;
  /** Of one core, percent. */
  readonly serverPercent: number;
  readonly encoderPercent: number;
  readonly generatorPercent: number;
  /** CPU of everybody else, of the machine, percent. */
  readonly othersPercent: number;
  /** Of server and encoder, at most, bytes. */
  readonly pss: number;
  readonly rss: number;
}

/** What the benchmark found. */
export interface ViewersReport {
  readonly bench: 'viewers';
  readonly machine: string;
  readonly cmcd: 'query' | 'headers';
  readonly threads: number;
  readonly partMs: number;
  readonly bitrate: number;
  readonly rows: readonly ViewersRow[];
}

/** What to do. */
export interface ViewersOptions {
  readonly viewers: number;
  readonly seconds: number;
  /** How players tell of themselves. */
  readonly cmcd: 'query' | 'headers';
  /** Serving threads; from 2 on they have both cores, and the generator shares one with them. */
  readonly threads: number;
  readonly say: (text: string) => void;
}

const JOIN_A_SECOND = 500;
const root = join(import.meta.dirname, '..');

/** The stream that is watched. */
interface Watched {
  readonly pid: number;
  readonly url: string;
  /** Path of the live list. */
  readonly list: string;
  readonly partsPerSegment: number;
  readonly partMs: number;
}

/** Runs it. */
export async function benchViewers(options: ViewersOptions): Promise<ViewersReport> {
  const { viewers, seconds, cmcd, threads, say } = options;
  compileLoadGenerator();
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-bench-viewers-'));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const watched = await openServer(folder, threads, opened);
  say(`${viewers} viewers, ${seconds} s`);
  const rows = [await look(watched, viewers, seconds, cmcd)];
  const { media } = (await (await fetch(`${watched.url}/api/v1/streams/demo`)).json()) as {
    media: { bitrate: number } | null;
  };
  const bitrate = media?.bitrate ?? 0;
  return { bench: 'viewers', machine: describeMachine(), cmcd, threads, partMs: watched.partMs, bitrate, rows };
}

/** The report for people. */
export function printViewersReport({ machine, cmcd, threads, partMs, bitrate, rows }: ViewersReport): string {
  const head = [
    ...['viewers', 'counted', 'seconds', 'parts', 'late', 'missing', 'refused', 'errors'],
    ...['p50 ms', 'p99 ms', 'worst ms', 'spread p50', 'spread p99'],
    ...['server CPU', 'encoder', 'generator', 'others', 'PSS MiB', 'RSS MiB'],
  ];
  const body = rows.map((row) => [
    ...[row.viewers, row.counted, Math.round(row.seconds), row.parts, row.late, row.missing].map(String),
    ...[row.refused, row.errors].map(String),
    ...[row.p50Ms, row.p99Ms, row.worstMs, row.spreadP50Ms, row.spreadP99Ms].map((ms) => ms.toFixed(0)),
    ...[row.serverPercent, row.encoderPercent, row.generatorPercent, row.othersPercent].map(
      (each) => `${each.toFixed(0)} %`,
    ),
    ...[row.pss, row.rss].map((bytes) => (bytes / 2 ** 20).toFixed(0)),
  ]);
  return (
    `${machine}; ${(bitrate / 1e3).toFixed(0)} kbps, parts of ${partMs} ms, CMCD by ${cmcd}, serving threads: ${threads}; ` +
    `a part is late more than ${partMs} ms after its release\n\n${printTable(head, body)}`
  );
}

async function openServer(folder: string, threads: number, opened: AsyncDisposableStack): Promise<Watched> {
  const words = ['serve', '--data', join(folder, 'data'), '--http', '127.0.0.1:0', '--json', '--log-level', 'warn'];
  words.push('--threads', String(threads));
  const servers = threads > 1 ? `${SERVER_CORE},${CLIENT_CORE}` : SERVER_CORE;
  const child = spawn(program('taskset'), ['-c', servers, process.execPath, join(root, 'bin', 'oxbow'), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  opened.defer(async () => {
    child.kill();
    await exited;
  });
  const [line] = (await Promise.race([once(child.stdout, 'data'), exited])) as [unknown];
  if (!(line instanceof Buffer)) throw new Error('oxbow did not start');
  const { http: url } = JSON.parse(String(line)) as { http: string };
  for (let tries = 0; tries < 300; tries++, await pause(100)) {
    const index = await (await fetch(`${url}/live/demo/index.m3u8`)).text();
    const uri = /^[^#].*\.m3u8$/m.exec(index)?.[0];
    if (uri === undefined) continue;
    const list = `/live/demo/${uri}`;
    // The last whole segment: its parts stand before its EXTINF.
    const segments = (await (await fetch(url + list)).text()).split('#EXTINF:').slice(0, -1);
    const durations = [...(segments.at(-1) ?? '').matchAll(/#EXT-X-PART:.*?DURATION=([\d.]+)/g)].map((found) =>
      Number(found[1]),
    );
    if (segments.length < 3 || durations.length === 0) continue;
    const partMs = Math.round((durations.reduce((sum, one) => sum + one, 0) / durations.length) * 1000);
    return { pid: child.pid!, url, list, partsPerSegment: durations.length, partMs };
  }
  throw new Error('the stream did not become live');
}

async function look(watched: Watched, viewers: number, seconds: number, cmcd: string): Promise<ViewersRow> {
  const { pid, url, list, partsPerSegment, partMs } = watched;
  const hint = /#EXT-X-PRELOAD-HINT:.*URI="(\d+)\.\d+\.m4s"/.exec(await (await fetch(url + list)).text());
  if (!hint) throw new Error('the list hints at no part');
  // Each viewer tells a session of its own.
  const fields = PLAYER_FIELDS.filter((field) => !field.startsWith('CMCD'));
  const rampS = Math.max(3, Math.ceil(viewers / JOIN_A_SECOND));
  const generator = startLoadGenerator(CLIENT_CORE, [
    ...['watch', new URL(url).port, list, `${list.slice(0, list.lastIndexOf('/'))}/`, 'demo'],
    ...[Number(hint[1]) + 1, partsPerSegment, partMs, viewers, rampS, seconds, cmcd, fields.join('\r\n')],
  ]);
  const both = new ProcessTree([pid]);
  const encoder = new ProcessTree(
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').map(Number),
  );
  const client = new ProcessTree([generator.pid!]);
  const use = () => ({
    atMs: performance.now(),
    both: both.cpuS(),
    encoder: encoder.cpuS(),
    client: client.cpuS(),
    machine: machineCpuS(),
  });
  // The first line says that the last one has joined: from then on the generator counts. The second says what it saw.
  const lines = createInterface(generator.stdout)[Symbol.asyncIterator]();
  if ((await lines.next()).done) throw new Error('the generator failed');
  const from = use();
  const until = from.atMs + seconds * 1000 - 500;
  let [pss, rss] = [0, 0];
  while (performance.now() < until && generator.exitCode === null) {
    const memory = both.memory();
    [pss, rss] = [Math.max(pss, memory.pss), Math.max(rss, memory.rss)];
    await pause(Math.min(5000, Math.max(0, until - performance.now())));
  }
  const to = use();
  const { viewers: counted } = (await (await fetch(`${url}/api/v1/streams/demo`)).json()) as { viewers: number };
  const told = JSON.parse(String((await lines.next()).value)) as Told;
  const took = (to.atMs - from.atMs) / 1000;
  const percent = (of: 'both' | 'encoder' | 'client') => (100 * (to[of] - from[of])) / took;
  const known = to.both - from.both + to.client - from.client;
  return {
    ...told,
    viewers,
    seconds,
    counted,
    pss,
    rss,
    serverPercent: percent('both') - percent('encoder'),
    encoderPercent: percent('encoder'),
    generatorPercent: percent('client'),
    othersPercent: Math.max(0, (100 * (to.machine - from.machine - known)) / took / cores),
  };
}
