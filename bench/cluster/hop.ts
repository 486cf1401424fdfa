/**
 * `bench cluster`, the hop: a small request to the API, a held reload and media, at their owner and through
 * another node in the same run.
 * In: seconds. Out: latencies, CPU of both nodes, and how often live media leaves the owner.
 */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestNode } from '../../test/cluster/cluster.fixture.ts';
import { addedToReload, playlistOf } from '../edge/live.ts';
import { compileTool, startLoadGenerator } from '../load-generator.ts';
import { printTable, quantile, say, sorted } from '../report.ts';
import { CLIENT_CORE, PLAYER_FIELDS, SERVER_CORE } from '../target.ts';
import { orTiny } from '../tiny.ts';
import { type BenchCluster, ClusterCpu, coresBetween, openNodes, TINY_PICTURE } from './nodes.ts';

const STREAMS = ['cam0', 'cam1'] as const;
/** Requests to the API, one after the other for their latency and several at once for their CPU. */
const CALLS = orTiny(300, 5);
const CALLS_FOR_CPU = orTiny(2000, 20);
const AT_ONCE = 4;
const VIEWERS = orTiny(200, 4);

/** Measures and returns the report. @param seconds of each measurement of viewers */
export async function benchHop(seconds: number): Promise<string> {
  compileTool();
  await using opened = new AsyncDisposableStack();
  const bench = await openNodes(opened, { args: ['--log-level', 'warn', ...TINY_PICTURE] });
  const [owner, other] = [bench.node('a'), bench.node('b')];
  for (const name of STREAMS) {
    const body = JSON.stringify({ name, source: { type: 'test' }, visibility: 'public' });
    const headers = { 'content-type': 'application/json' };
    const made = await owner.server.fetch('/api/v1/streams', { method: 'POST', headers, body });
    assert.equal(made.status, 201, await made.text());
  }
  for (const name of STREAMS) await other.server.stream(name);

  say('requests to the API');
  const api = await latencies([owner, other], () =>
    Array.from({ length: CALLS }, () => `/api/v1/streams/${STREAMS[0]}`),
  );
  const idle = await cpuOf(bench, [], () => pause(orTiny(4000, 500)));
  const atOwner = await cpuOf(bench, [], () => callOften(owner));
  const atOther = await cpuOf(bench, [], () => callOften(other));
  say('parts and held reloads');
  const parts = await latencies([owner, other], () => partsOf(owner));
  const again = await latencies([owner, other], () => partsOf(owner));
  const added = await addedToReload({ origin: owner.server, edge: other.server, streams: STREAMS }, seconds);
  const watched = [await watch(bench, owner, seconds), await watch(bench, other, seconds)] as const;

  const quantiles = (times: readonly number[]) => [0.5, 0.95].map((part) => quantile(times, part).toFixed(1));
  const us = (used: Cpu, of: number) =>
    ((1e6 * (used.cores[of]! - idle.cores[of]!) * used.seconds) / CALLS_FOR_CPU).toFixed(0);
  const ofViewers = (viewing: Watched, of: number) => (1e6 * (viewing.cores[of]! - idle.cores[of]!)) / viewing.perS;
  const rows = [
    [
      'GET of a stream in the API',
      String(CALLS),
      ...quantiles(api[0]!),
      us(atOwner, 0),
      ...quantiles(api[1]!),
      us(atOther, 1),
      us(atOther, 0),
    ],
    ['a part, not yet copied', String(parts[0]!.length), ...quantiles(parts[0]!), '', ...quantiles(parts[1]!), '', ''],
    ['a part, again', String(again[0]!.length), ...quantiles(again[0]!), '', ...quantiles(again[1]!), '', ''],
    [
      ...['reloads and parts of viewers', String(Math.round(watched[0].perS * seconds))],
      ...[watched[0].p50Ms.toFixed(1), '', ofViewers(watched[0], 0).toFixed(0)],
      ...[watched[1].p50Ms.toFixed(1), '', ofViewers(watched[1], 1).toFixed(0), ofViewers(watched[1], 0).toFixed(0)],
    ],
  ];
  const head = [
    ...[
      '',
      'requests',
      'at the owner p50 ms',
      'p95',
      'CPU µs',
      'through another node p50 ms',
      'p95',
      'its CPU µs',
      "the owner's CPU µs",
    ],
  ];
  const { perS, originPerS } = watched[1];
  return [
    `The hop: ${VIEWERS} viewers of one stream for ${seconds} s, CPU of a request`,
    printTable(head, rows),
    `what the other node adds to a held reload (${added.length} of ${STREAMS.length} streams): p50 ${quantile(added, 0.5).toFixed(1)} ms, p95 ${quantile(added, 0.95).toFixed(1)} ms`,
    `live media leaves the owner once: ${originPerS.toFixed(1)} requests a second at the owner for ${perS.toFixed(0)} of ${VIEWERS} viewers (${(perS / VIEWERS).toFixed(1)} of each): ${((originPerS * VIEWERS) / perS).toFixed(2)} times those of one viewer`,
    `late parts: ${watched[0].late} at the owner, ${watched[1].late} through another node, of ${watched[0].parts} and ${watched[1].parts}; load generator ${(100 * watched[1].bench).toFixed(0)} % of a core, engines ${(100 * watched[1].engines).toFixed(0)} %`,
  ].join('\n\n');
}

/** Requests of each path to each node in turn; times of the nodes, sorted, ms. */
async function latencies(
  nodes: readonly TestNode[],
  pathsOf: () => readonly string[] | Promise<readonly string[]>,
): Promise<readonly (readonly number[])[]> {
  const times = nodes.map((): number[] => []);
  for (const [n, path] of (await pathsOf()).entries()) {
    const order = n % 2 === 0 ? [...nodes.keys()] : [...nodes.keys()].reverse();
    for (const at of order) {
      const began = performance.now();
      await nodes[at]!.server.bytes(path);
      times[at]!.push(performance.now() - began);
    }
  }
  return times.map(sorted);
}

/** Parts of the last seconds, of all streams. */
async function partsOf({ server }: TestNode): Promise<readonly string[]> {
  const lists = STREAMS.map(async (stream) => {
    const { path } = await playlistOf(server.url, stream);
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    const text = Buffer.from(await server.bytes(path)).toString();
    return Array.from(text.matchAll(/^#EXT-X-PART:.*URI="([^"]+)"/gm), ([, uri]) => folder + uri);
  });
  return (await Promise.all(lists)).flat();
}

async function callOften({ server }: TestNode): Promise<void> {
  let left = CALLS_FOR_CPU;
  const call = async () => {
    while (left-- > 0) await server.bytes(`/api/v1/streams/${STREAMS[0]}`);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, call));
}

interface Cpu {
  readonly seconds: number;
  /** Of each node, in cores. */
  readonly cores: readonly number[];
  readonly engines: number;
  readonly bench: number;
}

async function cpuOf(bench: BenchCluster, generators: readonly number[], act: () => Promise<unknown>): Promise<Cpu> {
  const cpu = new ClusterCpu(bench, generators);
  const from = cpu.now();
  await act();
  const to = cpu.now();
  const { nodes, engines, bench: load } = coresBetween(from, to);
  return { seconds: to.atS - from.atS, cores: nodes, engines, bench: load };
}

interface Watched extends Cpu {
  /** Requests of viewers, and of the node to the owner, in each second. */
  readonly perS: number;
  readonly originPerS: number;
  readonly p50Ms: number;
  readonly parts: number;
  readonly late: number;
}

/** Viewers of a stream at a node. */
async function watch(bench: BenchCluster, { server, name }: TestNode, seconds: number): Promise<Watched> {
  say(`${VIEWERS} viewers at ${name}, ${seconds} s`);
  const stream = STREAMS[0];
  const { path, msn, partsPerSegment, partMs } = await playlistOf(server.url, stream);
  const fields = PLAYER_FIELDS.filter((field) => !field.startsWith('CMCD')).join('\r\n');
  const child = startLoadGenerator(`${SERVER_CORE},${CLIENT_CORE}`, [
    ...['watch', new URL(server.url).port, path, path.slice(0, path.lastIndexOf('/') + 1), stream],
    ...[msn + 1, partsPerSegment, partMs, VIEWERS, 3, seconds, 'headers', fields],
  ]);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  const before = await countsOf(server);
  const measuredS = seconds - 1;
  const used = await cpuOf(bench, [child.pid!], () => pause(1000 * measuredS));
  const after = await countsOf(server);
  const result = JSON.parse(String((await lines.next()).value)) as Record<
    'parts' | 'late' | 'missing' | 'p50Ms',
    number
  >;
  return {
    ...used,
    // Each part of a viewer is a reload and the part.
    perS: (2 * result.parts) / seconds,
    originPerS: (after - before) / used.seconds,
    p50Ms: result.p50Ms,
    parts: result.parts,
    late: result.late + result.missing,
  };
}

/** Requests of a node to the owners of media. */
async function countsOf(server: TestNode['server']): Promise<number> {
  const text = Buffer.from(await server.bytes('/metrics')).toString();
  const matches = text.matchAll(/^oxbow_edge_origin_requests_total\{[^}]*\} (\d+)/gm);
  return Array.from(matches, ([, value]) => Number(value)).reduce((sum, value) => sum + value, 0);
}
