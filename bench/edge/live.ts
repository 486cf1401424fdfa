/**
 * `bench edge`, live: viewers of several streams through a real edge before a real server.
 * In: `oxbow serve` with test pictures, `oxbow edge`, a load generator. Out: requests to the origin compared
 * with those of one viewer, what the edge adds to a held reload, CPU and memory for each viewer.
 */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { type RunningEdge, startEdge } from '../../test/fixtures/proxies/edge.ts';
import { openFolder, type Server, startServer } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/wait.ts';
import { startLoadGenerator } from '../load-generator.ts';
import { ProcessTree } from '../process-tree.ts';
import { launcher } from '../recorders.ts';
import { quantile, say, sorted } from '../report.ts';
import { CLIENT_CORE, PLAYER_FIELDS, SERVER_CORE } from '../target.ts';

/** A test picture whose encoder takes little of the core that it shares with the viewers. */
const PICTURE = ['--test-picture-width', '160', '--test-picture-height', '90', '--test-picture-fps', '15'];
/** The viewers share both cores. */
const BOTH_CORES = `${SERVER_CORE},${CLIENT_CORE}`;

/** Servers of the benchmark. */
interface LiveServers {
  readonly origin: Server;
  readonly edge: RunningEdge;
  readonly streams: readonly string[];
}

/** Starts a server with test pictures, and an edge on a separate core. */
export async function openLive(count: number, opened: AsyncDisposableStack): Promise<LiveServers> {
  const folder = opened.use(await openFolder('bench-edge-live'));
  const origin = opened.use(
    await startServer({
      data: join(folder.path, 'data'),
      args: ['--log-level', 'warn', ...PICTURE, '--admin-token', 'bench-edge-admin'],
      program: launcher,
      sample: false,
      cpus: CLIENT_CORE,
    }),
  );
  const streams = Array.from({ length: count }, (_, i) => `s${i}`);
  for (const name of streams) {
    const response = await fetch(`${origin.url}/api/v1/streams`, {
      method: 'POST',
      headers: { authorization: 'Bearer bench-edge-admin', 'content-type': 'application/json' },
      body: JSON.stringify({ name, source: { type: 'test' }, visibility: 'public' }),
    });
    if (!response.ok) throw new Error(await response.text());
  }
  for (const name of streams) await origin.stream(name, 'live');
  const edge = opened.use(
    await startEdge(origin.url, { args: ['--log-level', 'warn'], program: launcher, cpus: SERVER_CORE }),
  );
  return { origin, edge, streams };
}

/** Where the live edge of a stream is. */
interface Playlist {
  readonly path: string;
  readonly msn: number;
  readonly part: number;
  readonly partsPerSegment: number;
  readonly partMs: number;
}

/** Reads the live playlist of a stream, when it has parts. */
export async function playlistOf(base: string, stream: string): Promise<Playlist> {
  return until('the playlist has parts', async () => {
    const text = async (path: string) => (await fetch(base + path)).text();
    const name = /^[^#\n].*\.m3u8$/m.exec(await text(`/live/${stream}/index.m3u8`))?.[0];
    const path = `/live/${stream}/${name}`;
    const list = await text(path);
    const [, msn, part] = /PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"/.exec(list) ?? [];
    const segments = list.split('#EXTINF:').slice(0, -1);
    const durations = [...(segments.at(-1) ?? '').matchAll(/#EXT-X-PART:.*?DURATION=([\d.]+)/g)].map(([, s]) =>
      Number(s),
    );
    if (msn === undefined || segments.length < 3 || durations.length === 0) return undefined;
    const partMs = Math.round((1000 * durations.reduce((sum, duration) => sum + duration, 0)) / durations.length);
    return { path, msn: Number(msn), part: Number(part), partsPerSegment: durations.length, partMs };
  });
}

/** The load of viewers. */
interface LiveLoad {
  /** Requests of the edge to the origin, and of viewers to the edge, in each second and for each stream. */
  readonly originPerS: number;
  readonly viewerPerS: number;
  readonly late: number;
  readonly parts: number;
  readonly errors: number;
  /** From the release of a part to its last byte at a viewer, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of a core that the edge takes. */
  readonly cpu: number;
  /** PSS of the edge, bytes. */
  readonly pss: number;
}

/** Has viewers watch all streams, and measures from the first join on, so that joins count. */
export async function watchAll(servers: LiveServers, viewers: number, seconds: number): Promise<LiveLoad> {
  const { edge, streams } = servers;
  const fields = PLAYER_FIELDS.filter((field) => !field.startsWith('CMCD')).join('\r\n');
  const each = Math.max(1, Math.round(viewers / streams.length));
  say(`${each * streams.length} viewers of ${streams.length} streams, ${seconds} s`);
  const before = await edge.status();
  const startedMs = performance.now();
  const rampS = Math.max(3, Math.ceil(viewers / 500));
  const generators = await Promise.all(
    streams.map(async (stream) => {
      const { path, msn, partsPerSegment, partMs } = await playlistOf(edge.url, stream);
      const folder = `${path.slice(0, path.lastIndexOf('/'))}/`;
      return startLoadGenerator(BOTH_CORES, [
        ...['watch', new URL(edge.url).port, path, folder, stream],
        ...[msn + 1, partsPerSegment, partMs, each, rampS, seconds, 'headers', fields],
      ]);
    }),
  );
  const readers = generators.map((generator) => createInterface(generator.stdout)[Symbol.asyncIterator]());
  await Promise.all(readers.map((lines) => lines.next()));
  const tree = new ProcessTree([edge.pid]);
  const [cpuFrom, fromMs] = [tree.cpuS(), performance.now()];
  await pause(1000 * seconds - 1000);
  const cpu = (tree.cpuS() - cpuFrom) / ((performance.now() - fromMs) / 1000);
  const { pss } = tree.memory();
  const results = await Promise.all(readers.map(async (lines) => JSON.parse(String((await lines.next()).value))));
  const tookS = (performance.now() - startedMs) / 1000;
  const after = await edge.status();
  const rise = (of: 'requests' | 'originRequests') =>
    Object.keys(after[of]).reduce((sum, name) => sum + after[of][name]! - before[of][name]!, 0) /
    tookS /
    streams.length;
  const total = (name: string) => results.reduce((sum, result) => sum + result[name], 0);
  const mean = (name: string) => total(name) / results.length;
  return {
    originPerS: rise('originRequests'),
    viewerPerS: rise('requests'),
    cpu,
    pss,
    late: total('late') + total('missing'),
    parts: total('parts'),
    errors: total('errors') + total('refused'),
    p50Ms: mean('p50Ms'),
    p99Ms: mean('p99Ms'),
  };
}

/**
 * Holds the same reload at the origin and at the edge, again and again. Returns what the edge adds, sorted,
 * ms.
 */
export async function addedToReload(
  { origin, edge, streams }: Record<'origin' | 'edge', { readonly url: string }> & Pick<LiveServers, 'streams'>,
  seconds: number,
): Promise<readonly number[]> {
  const added: number[] = [];
  const untilMs = performance.now() + 1000 * seconds;
  const follow = async (stream: string) => {
    let { path, msn, part, partsPerSegment } = await playlistOf(origin.url, stream);
    const timed = async (base: string) => {
      const text = await (await fetch(`${base}${path}?_HLS_msn=${msn}&_HLS_part=${part}&_HLS_skip=YES`)).text();
      return { atMs: performance.now(), text };
    };
    while (performance.now() < untilMs) {
      const [there, here] = await Promise.all([timed(origin.url), timed(edge.url)]);
      if (here.text === there.text) added.push(here.atMs - there.atMs);
      const [, nextMsn, nextPart] = /PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"/.exec(there.text) ?? [];
      if (nextMsn === undefined) return;
      msn = Number(nextMsn);
      part = Number(nextPart) % (partsPerSegment + 1);
    }
  };
  await Promise.all(streams.map(follow));
  return sorted(added);
}

/** Quantiles as text, ms. */
export function quantilesOf(times: readonly number[]): string[] {
  return [0.5, 0.95, 0.99, 1].map((share) => quantile(times, share).toFixed(1));
}
