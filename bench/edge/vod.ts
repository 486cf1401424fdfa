/**
 * `bench edge`, recorded video: 200 viewers of 1,000 assets through a real edge whose cache holds a tenth of
 * the bytes.
 * In: the requests of viewing.ts, played faster than time. Out: hits, requests to the origin, time to the
 * first byte.
 */
import { spawn } from 'node:child_process';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { startEdge } from '../../test/fixtures/proxies/edge.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { ProcessTree } from '../process-tree.ts';
import { launcher } from '../recorders.ts';
import { mib, quantile, say, sorted } from '../report.ts';
import { localAddress, SERVER_CORE } from '../target.ts';
import { ASSETS, SEGMENTS, viewRequests } from './viewing.ts';

/**
 * Bytes of a segment: larger than what the edge has in memory twice, small enough for the disk of the
 * machine.
 */
const SEGMENT_BYTES = 70_000;
const TENTH_BYTES = (ASSETS * SEGMENTS * SEGMENT_BYTES) / 10;
/** Where the tenth is kept on the disk, the memory holds little. */
const LITTLE_MEMORY = '16M';
/** How much faster than time the cache is filled, at most. */
const WARM_SPEED = 6;

/** Options of the measurement. */
interface VodOptions {
  readonly viewers: number;
  /** Seconds of viewing that are measured, and before that to fill the cache. */
  readonly seconds: number;
  readonly warmS: number;
  /** How much faster than time. */
  readonly speed: number;
  readonly prefetches: boolean;
  /** Where the copies are. */
  readonly store: 'memory' | 'disk';
}

/** Measures once. Returns a row of the table. */
export async function measureVod(options: VodOptions): Promise<string[]> {
  const { viewers, seconds, warmS, speed, prefetches, store } = options;
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await openFolder('bench-edge'));
  const script = join(import.meta.dirname, 'vod-origin.ts');
  const origin = spawn(process.execPath, [script, String(SEGMENT_BYTES)], { stdio: ['ignore', 'pipe', 'inherit'] });
  opened.defer(() => void origin.kill());
  let port = 0;
  for await (const line of createInterface(origin.stdout)) {
    ({ port } = JSON.parse(line));
    break;
  }
  const memory = ['--memory', String(TENTH_BYTES)];
  const disk = ['--cache', join(folder.path, 'copies'), '--disk', String(TENTH_BYTES), '--memory', LITTLE_MEMORY];
  const edge = opened.use(
    await startEdge(`http://127.0.0.1:${port}`, {
      args: [
        ...(store === 'disk' ? disk : memory),
        ...['--prefetch', prefetches ? 'on' : 'off', '--log-level', 'warn'],
      ],
      program: launcher,
      cpus: SERVER_CORE,
    }),
  );
  const requests = viewRequests(viewers, warmS + seconds);
  say(
    `${requests.length} requests of ${viewers} viewers in ${(warmS / WARM_SPEED + seconds / speed).toFixed(0)} s, prefetch ${prefetches ? 'on' : 'off'}`,
  );
  const agents = Array.from({ length: viewers }, () => new Agent({ keepAlive: true, maxSockets: 2 }));
  opened.defer(() => {
    for (const agent of agents) agent.destroy();
  });
  const edgePort = Number(new URL(edge.url).port);
  /** Resolves with the ms until the first byte, and whether the copy had been there for a while. */
  const get = (path: string, viewer: number) =>
    new Promise<{ firstMs: number; isOld: boolean }>((resolve, reject) => {
      const from = performance.now();
      const outgoing = httpRequest({
        agent: agents[viewer]!,
        port: edgePort,
        path,
        localAddress: localAddress(viewer),
      });
      outgoing.on('response', (response) => {
        const firstMs = performance.now() - from;
        const isOld = Number(response.headers.age) > 0;
        response
          .resume()
          .on('end', () => resolve({ firstMs, isOld }))
          .on('error', reject);
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
      });
      outgoing.on('error', reject).end();
    });
  const lists = new Set<string>();
  const times: number[] = [];
  const hitTimes: number[] = [];
  const running = new Set<Promise<void>>();
  let before = await edge.status();
  const tree = new ProcessTree([edge.pid]);
  let cpuFrom = tree.cpuS();
  let listed = 0;
  const startedMs = performance.now();
  let isMeasuring = warmS === 0;
  for (const { atS, viewer, asset, segment } of requests) {
    const atWallS = Math.min(atS, warmS) / WARM_SPEED + Math.max(0, atS - warmS) / speed;
    const waitMs = startedMs + 1000 * atWallS - performance.now();
    if (waitMs > 1) await pause(waitMs);
    if (!isMeasuring && atS >= warmS) {
      isMeasuring = true;
      before = await edge.status();
      cpuFrom = tree.cpuS();
      listed = 0;
    }
    const counts = isMeasuring;
    const folderOf = `/assets/a${asset}/v0`;
    const work = async () => {
      // Each viewer loads the playlist of an asset before its segments.
      const name = `${viewer} ${asset}`;
      if (!lists.has(name)) {
        lists.add(name);
        listed++;
        await get(`/assets/a${asset}/v0.m3u8`, viewer);
      }
      const { firstMs, isOld } = await get(`${folderOf}/${segment}.m4s`, viewer);
      if (!counts) return;
      times.push(firstMs);
      if (isOld) hitTimes.push(firstMs);
    };
    const viewing = work().finally(() => running.delete(viewing));
    running.add(viewing);
  }
  await Promise.all(running);
  const after = await edge.status();
  const cpuS = tree.cpuS() - cpuFrom;
  const rise = (of: 'requests' | 'originRequests', names: readonly string[]) =>
    names.reduce((sum, name) => sum + after[of][name]! - before[of][name]!, 0);
  const total = rise('requests', Object.keys(after.requests));
  const atOnce = rise('requests', ['hit', 'disk']);
  const joined = rise('requests', ['joined']);
  const asked = rise('originRequests', Object.keys(after.originRequests));
  const of = (part: number) => `${((100 * part) / total).toFixed(1)} %`;
  const fastest = sorted(times);
  return [
    ...[
      store,
      prefetches ? 'on' : 'off',
      String(total),
      of(atOnce),
      of(joined),
      of(total - atOnce - joined),
      of(asked),
    ],
    ...[0.5, 0.95, 0.99].map((share) => quantile(sorted(hitTimes), share).toFixed(1)),
    quantile(fastest, 0.95).toFixed(1),
    `${((100 * cpuS) / (seconds / speed)).toFixed(0)} %`,
    mib(tree.memory().pss),
    String(listed),
  ];
}
