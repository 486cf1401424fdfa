/**
 * `npm run bench -- edge`: an edge between a server and its viewers.
 * In: options. Out: tables: policies of the cache by simulation, recorded video, live, the cost of each
 * viewer.
 */
import { compileTool } from '../load-generator.ts';
import { describeMachine } from '../process-tree.ts';
import { mib, printTable } from '../report.ts';
import { orTiny } from '../tiny.ts';
import { addedToReload, openLive, quantilesOf, watchAll } from './live.ts';
import { best, type Policy, simulate, unbounded } from './policies.ts';
import { ASSETS, SEGMENTS, viewRequests } from './viewing.ts';
import { measureVod } from './vod.ts';

/** Options of `bench edge`. */
interface EdgeBenchOptions {
  /** Seconds of viewing that are measured. */
  readonly seconds: number;
  /** How much faster than time recorded video is watched. */
  readonly speed: number;
  /** Some of `policies`, `vod`, `live`, `capacity`. */
  readonly only: readonly string[];
}

const VOD_VIEWERS = orTiny(200, 5);
/** Seconds of viewing before the measurement: the cache of an edge that runs is not empty. */
const WARM_S = orTiny(600, 6);
const LIVE_STREAMS = orTiny(5, 1);
const LIVE_VIEWERS = orTiny(500, 4);
/** Numbers of viewers of one stream, for the cost of each. */
const CAPACITY = orTiny([250, 500, 1000], [2, 4]);
const WANTED_VIEWERS = 50_000;

/** Measures and returns the report. */
export async function benchEdge({ seconds, speed, only }: EdgeBenchOptions): Promise<string> {
  const wanted = (name: string) => only.length === 0 || only.includes(name);
  const parts = [describeMachine()];
  if (wanted('policies')) parts.push(policies(seconds));
  if (wanted('vod')) {
    const rows: string[][] = [];
    const common = { viewers: VOD_VIEWERS, seconds, warmS: WARM_S, speed };
    rows.push(await measureVod({ ...common, store: 'memory', prefetches: true }));
    rows.push(await measureVod({ ...common, store: 'disk', prefetches: true }));
    const head = [
      'copies in',
      'prefetch',
      'requests',
      'hits',
      'joined',
      'misses',
      'origin requests',
      'TTFB of hits p50 ms',
      'p95',
      'p99',
      'TTFB of all p95',
      'edge CPU',
      'PSS MiB',
      'playlists',
    ];
    parts.push(`Recorded video through \`oxbow edge\`, ${speed} × faster than time:\n\n${printTable(head, rows)}`);
  }
  if (wanted('live')) parts.push(await live(Math.min(seconds, 120)));
  if (wanted('capacity')) parts.push(await capacity(Math.min(seconds, 30)));
  return parts.join('\n\n');
}

function policies(seconds: number): string {
  const capacity = (ASSETS * SEGMENTS) / 10;
  const rows = [0, WARM_S, 6 * WARM_S].flatMap((fromS) => {
    const requests = viewRequests(VOD_VIEWERS, fromS + seconds);
    const row = (name: string, { hits, origin }: { hits: number; origin: number }) =>
      [fromS / 60, name, `${(100 * hits).toFixed(1)} %`, `${(100 * origin).toFixed(1)} %`].map(String);
    const simulated = (['LRU', 'S3-FIFO'] as const satisfies readonly Policy[]).flatMap((policy) =>
      [false, true].map((prefetches) =>
        row(
          `${policy}${prefetches ? ' with prefetch' : ''}`,
          simulate(requests, capacity, { policy, prefetches, fromS }),
        ),
      ),
    );
    return [
      ...simulated,
      row('best possible without prefetch (Belady)', best(requests, capacity, fromS)),
      row('room for everything', unbounded(requests, fromS)),
    ];
  });
  return `Policies by simulation, ${VOD_VIEWERS} viewers, room for ${capacity} of ${ASSETS * SEGMENTS} segments:\n\n${printTable(
    ['minutes before', 'policy', 'hits', 'origin requests'],
    rows,
  )}`;
}

async function live(seconds: number): Promise<string> {
  compileTool();
  await using opened = new AsyncDisposableStack();
  const servers = await openLive(LIVE_STREAMS, opened);
  const alone = await watchAll(servers, LIVE_STREAMS, seconds);
  const quiet = await addedToReload(servers, seconds / 2);
  const loading = watchAll(servers, LIVE_VIEWERS, seconds);
  const added = await addedToReload(servers, seconds);
  const crowd = await loading;
  const row = (viewers: number, load: typeof crowd) => [
    ...[String(viewers), load.viewerPerS.toFixed(1), load.originPerS.toFixed(2)],
    ...[(load.originPerS / alone.originPerS).toFixed(2), String(load.parts), String(load.late), String(load.errors)],
    ...[load.p50Ms.toFixed(1), load.p99Ms.toFixed(1), `${(100 * load.cpu).toFixed(0)} %`, mib(load.pss)],
  ];
  const head = [
    'viewers',
    'requests/s',
    'origin/s',
    '× one viewer',
    'parts',
    'late',
    'errors',
    'p50 ms',
    'p99 ms',
    'edge CPU',
    'PSS MiB',
  ];
  return [
    `${LIVE_STREAMS} live streams, requests for each stream:\n`,
    printTable(head, [row(LIVE_STREAMS, alone), row(LIVE_VIEWERS, crowd)]),
    '\nWhat the edge adds to a held reload:\n',
    printTable(
      ['other viewers', 'reloads', 'p50 ms', 'p95', 'p99', 'worst'],
      [
        ['0', String(quiet.length), ...quantilesOf(quiet)],
        [String(LIVE_VIEWERS), String(added.length), ...quantilesOf(added)],
      ],
    ),
  ].join('\n');
}

async function capacity(seconds: number): Promise<string> {
  compileTool();
  await using opened = new AsyncDisposableStack();
  const servers = await openLive(1, opened);
  const loads: { viewers: number; cpu: number; pss: number; late: number; p99Ms: number; errors: number }[] = [];
  for (const viewers of CAPACITY) loads.push({ viewers, ...(await watchAll(servers, viewers, seconds)) });
  const cpu = lineOf(loads.map(({ viewers, cpu: share }) => [viewers, share]));
  const pss = lineOf(loads.map(({ viewers, pss: bytes }) => [viewers, bytes]));
  const rows = loads.map((load) => [
    ...[String(load.viewers), `${(100 * load.cpu).toFixed(0)} %`, mib(load.pss)],
    ...[String(load.late), load.p99Ms.toFixed(0), String(load.errors)],
  ]);
  const cores = cpu.at(WANTED_VIEWERS);
  return [
    'Cost of viewers of one stream:\n',
    printTable(['viewers', 'edge CPU', 'PSS MiB', 'late', 'p99 ms', 'errors'], rows),
    `\n${WANTED_VIEWERS} viewers by the line through these: ${cores.toFixed(1)} cores (${(1e6 * cpu.slope).toFixed(0)} µs a second for each viewer, worst residual ${(100 * cpu.residual).toFixed(1)} % of a core), ${(pss.at(WANTED_VIEWERS) / 2 ** 30).toFixed(2)} GiB (${(pss.slope / 1024).toFixed(1)} KiB for each viewer). One edge process uses one core: at 70 % of it, ${Math.floor((0.7 - cpu.at(0)) / cpu.slope)} viewers; ${WANTED_VIEWERS} viewers need ${Math.ceil(WANTED_VIEWERS / ((0.7 - cpu.at(0)) / cpu.slope))} processes.`,
  ].join('\n');
}

/** The line of least squares. */
function lineOf(points: readonly (readonly [number, number])[]): {
  slope: number;
  residual: number;
  at(x: number): number;
} {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  const slope = over / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  const at = (value: number) => y + slope * (value - x);
  return { slope, at, residual: Math.max(...points.map(([px, py]) => Math.abs(py - at(px)))) };
}
