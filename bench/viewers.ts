/**
 * `npm run bench -- viewers`: how many viewers one low-latency stream carries without a late part.
 * In: `oxbow serve` with its sample stream on one core, a load generator on the other, which holds reloads
 * and fetches each part.
 * Out: delays, late parts, refused requests, CPU and memory, as a table.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder, type Server, startServer } from '../test/fixtures/server.ts';
import { compileTool, startLoadGenerator } from './load-generator.ts';
import { cores, describeMachine, machineCpuS, ProcessTree } from './process-tree.ts';
import { launcher } from './recorders.ts';
import { mib, printTable, say } from './report.ts';
import { CLIENT_CORE, PLAYER_FIELDS, SERVER_CORE } from './target.ts';

/** Results of the load generator. */
interface Delays {
  /** Parts that were fetched in the measured time. */
  readonly parts: number;
  /** Parts whose last byte came more than their duration after their release. */
  readonly late: number;
  /** Parts that were released in the measured time and never fetched. */
  readonly missing: number;
  readonly errors: number;
  /** Responses with status 503 or 429. */
  readonly refused: number;
  /** From the release of a part to its last byte at each viewer, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

/** Options of `bench viewers`. */
interface ViewersOptions {
  readonly viewers: number;
  readonly seconds: number;
  /** How players send CMCD. */
  readonly cmcd: 'query' | 'headers';
  /** Serving threads; 1: the main thread serves. */
  readonly threads: number;
}

/**
 * CPU lists of the server and of the load generator: a core for each thread of the server, and one for the
 * load generator. Where the machine has fewer cores they share all of them.
 */
function coresFor(threads: number): { server: string; client: string } {
  if (threads === 1) return { server: SERVER_CORE, client: CLIENT_CORE };
  // The main thread, which processes the media, has a separate core.
  const needed = threads + 1;
  if (needed < cores) return { server: `0-${needed - 1}`, client: String(needed) };
  return { server: `0-${cores - 1}`, client: String(cores - 1) };
}

const JOINS_PER_SECOND = 500;

interface LiveStream {
  /** Path of the live playlist. */
  readonly list: string;
  readonly partsPerSegment: number;
  readonly partMs: number;
}

/** Measures and returns the report. */
export async function benchViewers(options: ViewersOptions): Promise<string> {
  const { viewers, seconds, cmcd, threads } = options;
  compileTool();
  const cpus = coresFor(threads);
  await using folder = await openFolder('bench-viewers');
  await using server = await startServer({
    args: ['--log-level', 'warn', '--threads', String(threads)],
    data: join(folder.path, 'data'),
    program: launcher,
    sample: true,
    cpus: cpus.server,
  });
  const stream = await findStream(server);
  say(`${viewers} viewers, ${seconds} s`);
  const row = await measure(server, stream, options, cpus.client);
  const { media } = await server.stream('demo');
  const head = [
    ...[
      'viewers',
      'counted',
      'seconds',
      'parts',
      'late',
      'missing',
      'refused',
      'errors',
      'p50 ms',
      'p99 ms',
      'worst ms',
    ],
    ...['server CPU', 'encoder', 'load generator', 'other programs', 'PSS MiB'],
  ];
  return (
    `${describeMachine()}; ${((media?.bitrate ?? 0) / 1e3).toFixed(0)} kbps, parts of ${stream.partMs} ms, CMCD by ${cmcd}, ` +
    `serving threads: ${threads}; a part is late more than ${stream.partMs} ms after its release\n\n${printTable(head, [row])}`
  );
}

/** Waits until the sample stream lists a complete segment with parts. */
async function findStream({ bytes }: Server): Promise<LiveStream> {
  const text = async (path: string) => Buffer.from(await bytes(path)).toString();
  for (let tries = 0; tries < 1200; tries++, await pause(100)) {
    const index = await text('/live/demo/index.m3u8').catch(() => '');
    const uri = /^[^#].*\.m3u8$/m.exec(index)?.[0];
    if (uri === undefined) continue;
    const list = `/live/demo/${uri}`;
    // The parts of a segment are listed before its EXTINF.
    const segments = (await text(list)).split('#EXTINF:').slice(0, -1);
    const durations = [...(segments.at(-1) ?? '').matchAll(/#EXT-X-PART:.*?DURATION=([\d.]+)/g)].map(([, s]) =>
      Number(s),
    );
    if (segments.length < 3 || durations.length === 0) continue;
    const partMs = Math.round((durations.reduce((sum, duration) => sum + duration, 0) / durations.length) * 1000);
    return { list, partsPerSegment: durations.length, partMs };
  }
  throw new Error('the stream did not become live');
}

/** Measures once. Returns the row of the table. */
async function measure(server: Server, stream: LiveStream, options: ViewersOptions, core: string): Promise<string[]> {
  const { viewers, seconds, cmcd } = options;
  const { list, partsPerSegment, partMs } = stream;
  const hint = /#EXT-X-PRELOAD-HINT:.*URI="(\d+)\.\d+\.m4s"/.exec(Buffer.from(await server.bytes(list)).toString());
  if (!hint) throw new Error('the playlist has no preload hint');
  // Each viewer has a separate CMCD session.
  const fields = PLAYER_FIELDS.filter((field) => !field.startsWith('CMCD'));
  const rampS = Math.max(3, Math.ceil(viewers / JOINS_PER_SECOND));
  const generator = startLoadGenerator(core, [
    ...['watch', new URL(server.url).port, list, `${list.slice(0, list.lastIndexOf('/'))}/`, 'demo'],
    ...[Number(hint[1]) + 1, partsPerSegment, partMs, viewers, rampS, seconds, cmcd, fields.join('\r\n')],
  ]);
  const { pid } = server;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').map(Number);
  const trees = {
    both: new ProcessTree([pid]),
    encoder: new ProcessTree(children),
    client: new ProcessTree([generator.pid!]),
  };
  const now = () => ({
    s: performance.now() / 1000,
    both: trees.both.cpuS(),
    encoder: trees.encoder.cpuS(),
    client: trees.client.cpuS(),
    machine: machineCpuS(),
  });
  // The first line comes when the last viewer has joined and the generator starts to count, the second one
  // has the results.
  const lines = createInterface(generator.stdout)[Symbol.asyncIterator]();
  if ((await lines.next()).done) throw new Error('the load generator failed');
  const from = now();
  const untilS = from.s + seconds - 0.5;
  let pss = 0;
  while (performance.now() / 1000 < untilS && generator.exitCode === null) {
    pss = Math.max(pss, trees.both.memory().pss);
    await pause(Math.min(5000, Math.max(0, untilS * 1000 - performance.now())));
  }
  const to = now();
  const { viewers: counted } = await server.stream('demo');
  const delays = JSON.parse(String((await lines.next()).value)) as Delays;
  const used = (of: keyof typeof from) => (100 * (to[of] - from[of])) / (to.s - from.s);
  const others = Math.max(0, used('machine') - used('both') - used('client')) / cores;
  return [
    ...[
      viewers,
      counted,
      Math.round(seconds),
      delays.parts,
      delays.late,
      delays.missing,
      delays.refused,
      delays.errors,
    ],
    ...[delays.p50Ms, delays.p99Ms, delays.worstMs].map((ms) => ms.toFixed(0)),
    ...[used('both') - used('encoder'), used('encoder'), used('client'), others].map(
      (percent) => `${percent.toFixed(0)} %`,
    ),
    mib(pss),
  ].map(String);
}
