/**
 * `npm run bench -- report-flood`: what a client that floods `/api/v1/cmcd` costs other clients.
 * In: seconds of each flood. Out: a table of latencies of other requests and their ratio to a quiet server,
 * memory, and what was counted.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder, type Server, smallPicture, startPlainServer } from '../../test/fixtures/server.ts';
import { ProcessTree } from '../process-tree.ts';
import { mib, printTable, quantile, say, sorted } from '../report.ts';
import { orTiny } from '../tiny.ts';

const kinds: readonly string[] = ['events', 'names', 'requests', 'positions', 'malformed', 'large', 'slow'];
/** Between two requests of a client that is not evil, ms. */
const EVERY_MS = 20;
/** The server answers what waits, and its buffers are collected. */
const REST_MS = orTiny(3000, 100);
const HONEST = { 'x-forwarded-for': '198.51.100.7' };

/** Latencies of one kind of request, ms. */
interface Latencies {
  readonly p50: number;
  readonly p95: number;
}

/** Measures and returns the report. @param seconds of each flood @param only some floods, in this order */
export async function benchReportFlood(seconds: number, only: readonly string[] = []): Promise<string> {
  const floods = only.length > 0 ? only : kinds;
  await using folder = await openFolder('bench-report-flood');
  await using server = await startPlainServer({
    data: folder.path,
    args: [...smallPicture, '--log-level', 'error'],
    adminToken: 'bench-of-reports',
    sample: false,
  });
  for (const name of ['door', 'yard']) {
    const body = JSON.stringify({ name, source: { type: 'test' }, visibility: 'public' });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    if (!(await server.fetch('/api/v1/streams', init)).ok) throw new Error(`the stream ${name} was not created`);
    await server.stream(name, 'live');
  }
  const tree = new ProcessTree([server.pid]);
  await clients(server, pause(REST_MS)); // warms it up
  say('quiet');
  const quiet = await clients(server, pause(seconds * 1000));
  const rows = [rowOf('quiet', quiet, quiet, tree, '', '')];
  for (const kind of floods) {
    say(kind);
    const before = await reports(server);
    const flooded = await clients(server, flood(server, kind, seconds));
    const after = await reports(server);
    const results = Object.keys(after).filter((result) => after[result]! > (before[result] ?? 0));
    const counted = results.map((result) => `${result} ${after[result]! - (before[result] ?? 0)}`).join(', ');
    rows.push(rowOf(kind, flooded, quiet, tree, `${flooded.done}`, counted));
    await pause(REST_MS);
  }
  const now = await server.json<{ readonly viewers: number }>('/api/v1/insight/now?stream=yard');
  return [
    printTable(
      [
        'flood',
        'playlist p50, p95 ms',
        'API p50, p95 ms',
        'report p50, p95 ms',
        'ratio of p50',
        'MiB',
        'sent and answered',
        'counted',
      ],
      rows,
    ),
    `Sessions of another client during the floods: ${now.viewers} of 1`,
  ].join('\n\n');
}

type Measured<T> = Readonly<Record<'playlist' | 'api' | 'report', Latencies>> & { readonly done: T };

function rowOf(
  kind: string,
  measured: Measured<unknown>,
  quiet: Measured<unknown>,
  tree: ProcessTree,
  sent: string,
  counted: string,
): string[] {
  const requests = ['playlist', 'api', 'report'] as const;
  const texts = requests.map((each) => `${measured[each].p50.toFixed(1)}, ${measured[each].p95.toFixed(1)}`);
  const ratios = requests.map((each) => (measured[each].p50 / quiet[each].p50).toFixed(1));
  return [kind, ...texts, ratios.join(', '), mib(tree.memory().rss), sent, counted];
}

/** Requests of clients that are not evil, until something is done. */
async function clients<T>(server: Server, until: Promise<T>): Promise<Measured<T>> {
  const ends = new AbortController();
  const media = await (await server.fetch('/live/yard/index.m3u8')).text();
  const list = new URL(/^(?!#).+\.m3u8.*$/m.exec(media)![0], `${server.url}/live/yard/`).pathname;
  const body = () => `cid="yard",e=t,sid="honest",sta=p,ts=${Date.now()},v=2`;
  const runs = {
    playlist: latencies(() => server.fetch(list, { headers: HONEST }), ends.signal),
    api: latencies(() => server.fetch('/api/v1/streams/yard', { headers: HONEST }), ends.signal),
    report: latencies(
      () => server.fetch('/api/v1/cmcd', { method: 'POST', headers: HONEST, body: body() }),
      ends.signal,
    ),
  };
  const done = await until.finally(() => ends.abort());
  return { playlist: await runs.playlist, api: await runs.api, report: await runs.report, done };
}

async function latencies(request: () => Promise<Response>, signal: AbortSignal): Promise<Latencies> {
  const times: number[] = [];
  while (!signal.aborted) {
    const beganMs = performance.now();
    const response = await request();
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`another client got ${response.status}`);
    times.push(performance.now() - beganMs);
    await pause(EVERY_MS);
  }
  return { p50: quantile(sorted(times), 0.5), p95: quantile(sorted(times), 0.95) };
}

/** Floods for a while. @returns what was sent and how it was answered */
async function flood(server: Server, kind: string, seconds: number): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const args = [
    '-n',
    '19',
    process.execPath,
    join(import.meta.dirname, 'report-flood-client.ts'),
    hostname,
    port,
    kind,
    `192.0.2.${kinds.indexOf(kind) + 1}`, // each kind has the bounds of another address
  ];
  const child = spawn('nice', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (data) => output.push(data));
  const closed = once(child, 'close');
  await pause(seconds * 1000);
  child.stdin.end();
  await closed;
  const { requests, events, statuses, closed: ended } = JSON.parse(Buffer.concat(output).toString());
  const rate = (count: number) => Math.round(count / seconds).toLocaleString('en');
  const answers = Object.entries(statuses).map(([status, count]) => `${status} ${count}`);
  return `${rate(events)} events/s, ${rate(requests)} requests/s: ${[...answers, `closed ${ended}`].join(', ')}`;
}

/** The counter of reports by result. */
async function reports(server: Server): Promise<Record<string, number>> {
  const text = await (await server.fetch('/metrics')).text();
  const lines = text.matchAll(/^oxbow_insight_reports_total\{result="([\w-]+)"\} (\d+)/gm);
  return Object.fromEntries([...lines].map(([, result, count]) => [result, Number(count)]));
}
