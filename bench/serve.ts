/**
 * `npm run bench -- serve`: what it costs to serve live lists, parts and recorded segments, beside nginx with one worker on the same bytes.
 * In: wrk as the crowd, on a core of its own; the server on another. Out: requests a second, CPU a request, ratios; in Markdown and JSON.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeCertificate } from '../test/fixtures/certificate.ts';
import { freePort } from '../test/fixtures/free-port.ts';
import { ProcessTree } from './process-tree.ts';
import { median, printTable, share } from './table.ts';
import {
  CLIENT_CORE,
  openTarget,
  PLAYER_FIELDS,
  program,
  type RunningTarget,
  SERVER_CORE,
  type Target,
} from './target.ts';

/** One kind of request. */
export interface ServeRow {
  readonly what: string;
  readonly bytes: number;
  /** Medians. */
  readonly oxbow: Speed;
  readonly nginx: Speed;
  /** Requests a second of oxbow by those of nginx, and what was aimed at. */
  readonly ratio: number;
  readonly aim: number;
}

interface Speed {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** What the benchmark found. */
export interface ServeReport {
  readonly bench: 'serve';
  readonly rows: readonly ServeRow[];
  /** First byte for joiners who come at once while others pull. */
  readonly storm: { readonly joiners: number; readonly oxbowP99Ms: number; readonly nginxP99Ms: number };
  readonly held: { readonly count: number; readonly p50Ms: number; readonly p99Ms: number; readonly kibEach: number };
}

const CONNECTIONS = 200;
const JOINERS = 1000;
const PULLERS = 100;

/** Runs it. @param options.seconds of each measurement; @param options.rounds of which the median is told */
export async function benchServe({
  seconds,
  rounds,
  held,
  say,
}: {
  seconds: number;
  rounds: number;
  held: number;
  say: (text: string) => void;
}): Promise<ServeReport> {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-bench-serve-'));
  await using opened = new AsyncDisposableStack();
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const certificate = await makeCertificate(folder, 'bench');
  const plain = await openTarget(folder, [], opened);
  const secure = await openTarget(folder, [certificate.cert, certificate.key], opened);
  const nginx = await openNginx(folder, plain.target, certificate, opened);
  const rows: ServeRow[] = [];
  for (const [what, aim, server, path, scheme] of [
    ['playlist', 1.2, plain, plain.target.playlist, 'http'],
    ['part, 30 KB', 0.8, plain, plain.target.part30, 'http'],
    ['part, 200 KB', 0.5, plain, plain.target.part200, 'http'],
    ['recorded segment, 200 KB', 0.8, plain, plain.target.recorded, 'http'],
    ['part, 30 KB, TLS', 0.8, secure, secure.target.part30, 'https'],
  ] as const) {
    const paths = typeof path === 'string' ? [path] : path;
    const script = join(folder, `${rows.length}.lua`);
    writeFileSync(script, printScript(paths));
    const found = { oxbow: [] as Speed[], nginx: [] as Speed[] };
    for (let round = 0; round < rounds; round++) {
      for (const [name, url, pid] of [
        ['oxbow', server.target.url, server.pid],
        ['nginx', nginx[scheme], nginx.pid],
      ] as const) {
        say(`${what}: ${name}, round ${round + 1} of ${rounds}`);
        found[name].push(runWrk(url, script, pid, seconds, CONNECTIONS));
      }
    }
    const [oxbow, peer] = [medianOf(found.oxbow), medianOf(found.nginx)];
    const bytes = statSync(join(folder, 'root', paths[0]!)).size;
    rows.push({ what, bytes, oxbow, nginx: peer, ratio: oxbow.perSecond / peer.perSecond, aim });
  }
  const storms = { oxbow: [] as number[], nginx: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    say(`${JOINERS} joiners, round ${round + 1} of ${rounds}`);
    storms.oxbow.push(await storm(plain.target.url, plain.target));
    storms.nginx.push(await storm(nginx.http, plain.target));
  }
  say(`${held} held requests`);
  return {
    bench: 'serve',
    rows,
    held: await holdMany(plain, held),
    storm: { joiners: JOINERS, oxbowP99Ms: median(storms.oxbow), nginxP99Ms: median(storms.nginx) },
  };
}

/** The report for people. */
export function printServeReport({ rows, held, storm: joined }: ServeReport): string {
  const head = ['what', 'bytes', 'oxbow req/s', 'CPU µs', 'nginx req/s', 'CPU µs', 'ratio', 'aim'];
  const body = rows.map(({ what, bytes, oxbow, nginx, ratio, aim }) => [
    ...[what, String(bytes), oxbow.perSecond.toFixed(0), oxbow.cpuUs.toFixed(1)],
    ...[nginx.perSecond.toFixed(0), nginx.cpuUs.toFixed(1), ratio.toFixed(2), String(aim)],
  ]);
  const { count, p50Ms, p99Ms, kibEach } = held;
  const { joiners, oxbowP99Ms, nginxP99Ms } = joined;
  const storms = `${joiners} joiners while ${PULLERS} pull, first byte at p99: ${oxbowP99Ms.toFixed(0)} ms, nginx ${nginxP99Ms.toFixed(0)} ms, ratio ${(oxbowP99Ms / nginxP99Ms).toFixed(2)} (aim 2)`;
  return `${printTable(head, body)}\n\n${storms}\n\n${count} held reloads, released by one event: p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms (aim 60 for 3,000), ${kibEach.toFixed(1)} KiB each (aim 8)`;
}

/** A request of `paths` in turn, with what a player sends. */
function printScript(paths: readonly string[]): string {
  const fields = PLAYER_FIELDS.map((field) => {
    const colon = field.indexOf(': ');
    return `wrk.headers[${JSON.stringify(field.slice(0, colon))}] = ${JSON.stringify(field.slice(colon + 2))}`;
  });
  return `${fields.join('\n')}
local paths = { ${paths.map((path) => JSON.stringify(path)).join(', ')} }
local i = 0
request = function()
  i = i % #paths + 1
  return wrk.format("GET", paths[i])
end
`;
}

function runWrk(url: string, script: string, pid: number, seconds: number, connections: number): Speed {
  const tree = new ProcessTree([pid]);
  const before = tree.cpuS();
  const text = execFileSync(
    'taskset',
    ['-c', CLIENT_CORE, program('wrk'), '-t1', `-c${connections}`, `-d${seconds}`, '-s', script, url],
    { encoding: 'utf8' },
  );
  const cpuS = tree.cpuS() - before;
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  if (/Non-2xx/.test(text) || !(requests > 0)) throw new Error(`wrk found faults:\n${text}`);
  return { perSecond, cpuUs: (cpuS / requests) * 1e6 };
}

function medianOf(all: readonly Speed[]): Speed {
  return { perSecond: median(all.map((one) => one.perSecond)), cpuUs: median(all.map((one) => one.cpuUs)) };
}

interface Nginx {
  readonly http: string;
  readonly https: string;
  readonly pid: number;
}

async function openNginx(
  folder: string,
  target: Target,
  { cert, key }: { cert: string; key: string },
  opened: AsyncDisposableStack,
): Promise<Nginx> {
  const root = join(folder, 'root');
  for (const path of [target.playlist, target.part30, target.part200, ...target.recorded]) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), Buffer.from(await (await fetch(target.url + path)).arrayBuffer()));
  }
  const [http, https] = [await freePort(), await freePort()];
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(
    configuration,
    `${process.getuid?.() === 0 ? 'user root; ' : ''}worker_processes 1; daemon off; error_log stderr crit; pid ${folder}/nginx.pid;
events { worker_connections 8192; multi_accept on; }
http {
  sendfile on; tcp_nopush on; tcp_nodelay on; access_log off; keepalive_timeout 75; keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s; etag on;
  types { application/vnd.apple.mpegurl m3u8; video/iso.segment m4s; }
  server {
    listen 127.0.0.1:${http} backlog=4096 reuseport; listen 127.0.0.1:${https} ssl backlog=4096 reuseport;
    ssl_certificate ${cert}; ssl_certificate_key ${key}; root ${root};
    add_header Access-Control-Allow-Origin *; add_header Cache-Control "public, max-age=1";
  }
}
`,
  );
  const child = spawn('taskset', ['-c', SERVER_CORE, program('nginx'), '-p', folder, '-c', configuration], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  opened.defer(() => void child.kill());
  const found = { http: `http://127.0.0.1:${http}`, https: `https://127.0.0.1:${https}`, pid: child.pid! };
  for (let tries = 0; tries < 100; tries++) {
    try {
      await fetch(found.http);
      return found;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('nginx did not start');
}

/** Joiners come at once while others pull large parts; ms to the first byte of their answer, at p99. */
async function storm(url: string, { part200, part30 }: Target): Promise<number> {
  const pulling = spawn('taskset', ['-c', CLIENT_CORE, program('wrk'), '-t1', `-c${PULLERS}`, '-d5', url + part200], {
    stdio: 'ignore',
  });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const { hostname, port } = new URL(url);
  const took = await Promise.all(
    Array.from({ length: JOINERS }, () => {
      const from = performance.now();
      return new Promise<number>((resolve, reject) => {
        const socket = connect({ host: hostname, port: Number(port) });
        socket.once('error', reject);
        socket.write(`GET ${part30} HTTP/1.1\r\nHost: x\r\n${PLAYER_FIELDS.join('\r\n')}\r\n\r\n`);
        socket.once('data', () => {
          resolve(performance.now() - from);
          socket.destroy();
        });
      });
    }),
  );
  await new Promise((resolve) => pulling.once('exit', resolve));
  return share(
    took.sort((a, b) => a - b),
    0.99,
  );
}

/** Lets so many connections wait for the next part, and looks when each is answered after it was there. */
async function holdMany({ pid, target, child }: RunningTarget, count: number): Promise<ServeReport['held']> {
  const tree = new ProcessTree([pid]);
  const { hostname, port } = new URL(target.url);
  const sockets: Socket[] = [];
  const answeredAt: number[] = [];
  const { promise: all, resolve: onAll } = Promise.withResolvers<void>();
  const before = tree.memory().anonymous;
  for (let i = 0; i < count; i++) {
    // Addresses of this computer in turn: how many may wait from one is bounded.
    const localAddress = `127.0.0.${2 + (i % 20)}`;
    const socket = connect({ host: hostname, port: Number(port), localAddress });
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    socket.write(`GET ${target.held}${target.parts} HTTP/1.1\r\nHost: x\r\n${PLAYER_FIELDS.join('\r\n')}\r\n\r\n`);
    socket.once('data', () => {
      answeredAt.push(performance.timeOrigin + performance.now());
      if (answeredAt.length === count) onAll();
    });
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const kibEach = (tree.memory().anonymous - before) / 1024 / count;
  const released = (async () => {
    for await (const line of createInterface(child.stdout)) return JSON.parse(line).releasedAt as number;
    throw new Error('the target server ended');
  })();
  const askedAt = performance.timeOrigin + performance.now();
  child.stdin.write('next\n');
  await all;
  const from = Math.min(askedAt, await released);
  for (const socket of sockets) socket.destroy();
  const took = answeredAt.map((at) => at - from).sort((a, b) => a - b);
  return { count, p50Ms: share(took, 0.5), p99Ms: share(took, 0.99), kibEach };
}
