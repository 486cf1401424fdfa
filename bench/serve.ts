/**
 * `npm run bench -- serve`: the cost of serving live playlists, parts and recorded segments, compared with
 * nginx with one worker on the same bytes.
 * In: wrk on one core, the server on the other. Out: requests per second, CPU per request, ratios, as a
 * table.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { type CertificatePair, makeCertificate } from '../test/fixtures/certificate.ts';
import { freePort } from '../test/fixtures/free-port.ts';
import { openFolder } from '../test/fixtures/server.ts';
import { nginxCommand } from './nginx.ts';
import { ProcessTree } from './process-tree.ts';
import { median, printTable, quantile, say, sorted } from './report.ts';
import {
  CLIENT_CORE,
  localAddress,
  openTarget,
  PLAYER_FIELDS,
  playerRequest,
  program,
  type RunningTarget,
  SERVER_CORE,
  type Target,
} from './target.ts';
import { orTiny } from './tiny.ts';

interface Speed {
  readonly perSecond: number;
  readonly cpuUs: number;
}

const CONNECTIONS = orTiny(200, 4);
const JOINERS = orTiny(1000, 10);
const PULLERS = orTiny(100, 5);

/**
 * Measures and returns the report.
 * @param options.seconds per measurement
 * @param options.held number of held requests
 */
export async function benchServe(options: { seconds: number; rounds: number; held: number }): Promise<string> {
  const { seconds, rounds, held } = options;
  await using folder = await openFolder('bench-serve');
  await using opened = new AsyncDisposableStack();
  const certificate = await makeCertificate(folder.path, 'bench');
  const plain = await openTarget(folder.path, [], opened);
  const secure = await openTarget(folder.path, [certificate.cert, certificate.key], opened);
  const nginx = await openNginx(folder.path, plain.target, certificate, opened);
  const cases = [
    ['playlist', 1.2, plain, [plain.target.playlist], nginx.http],
    ['part, 30 KB', 0.8, plain, [plain.target.part30], nginx.http],
    ['part, 200 KB', 0.5, plain, [plain.target.part200], nginx.http],
    ['recorded segment, 200 KB', 0.8, plain, plain.target.recorded, nginx.http],
    ['part, 30 KB, TLS', 0.8, secure, [secure.target.part30], nginx.https],
  ] as const;
  const rows: string[][] = [];
  for (const [title, targetRatio, server, paths, peerUrl] of cases) {
    const script = join(folder.path, `${rows.length}.lua`);
    writeFileSync(script, printScript(paths));
    const speeds = { oxbow: [] as Speed[], nginx: [] as Speed[] };
    for (let round = 1; round <= rounds; round++) {
      say(`${title}: round ${round} of ${rounds}`);
      speeds.oxbow.push(runWrk(server.target.url, script, server.pid, seconds));
      speeds.nginx.push(runWrk(peerUrl, script, nginx.pid, seconds));
    }
    const [oxbow, peer] = [medianOf(speeds.oxbow), medianOf(speeds.nginx)];
    rows.push([
      ...[title, String(statSync(join(folder.path, 'root', paths[0]!)).size)],
      ...[oxbow, peer].flatMap(({ perSecond, cpuUs }) => [perSecond.toFixed(0), cpuUs.toFixed(1)]),
      ...[(oxbow.perSecond / peer.perSecond).toFixed(2), String(targetRatio)],
    ]);
  }
  const restricted = await openTarget(folder.path, ['--auth'], opened);
  const admission = { auth: [] as Speed[], open: [] as Speed[] };
  const { part30 } = plain.target;
  const [openScript, authScript] = [part30, `/t/a-token-of-another-system${part30}`].map((path, index) => {
    const script = join(folder.path, `auth-${index}.lua`);
    writeFileSync(script, printScript([path]));
    return script;
  }) as [string, string];
  for (let round = 1; round <= rounds; round++) {
    say(`auth.url: round ${round} of ${rounds}`);
    admission.open.push(runWrk(plain.target.url, openScript, plain.pid, seconds));
    admission.auth.push(runWrk(restricted.target.url, authScript, restricted.pid, seconds));
  }
  const [free, asked] = [medianOf(admission.open), medianOf(admission.auth)];
  const joins = { oxbow: [] as number[], nginx: [] as number[] };
  for (let round = 1; round <= rounds; round++) {
    say(`${JOINERS} joiners, round ${round} of ${rounds}`);
    joins.oxbow.push(await joinWhilePulling(plain.target.url, plain.target));
    joins.nginx.push(await joinWhilePulling(nginx.http, plain.target));
  }
  const [ours, theirs] = [median(joins.oxbow), median(joins.nginx)];
  say(`${held} held requests`);
  const released = await holdMany(plain, held);
  const head = ['response', 'bytes', 'oxbow req/s', 'CPU µs', 'nginx req/s', 'CPU µs', 'ratio', 'target'];
  return [
    printTable(head, rows),
    `part, 30 KB, of a restricted stream with auth.url, answers cached: ${asked.perSecond.toFixed(0)} req/s, ${asked.cpuUs.toFixed(1)} µs; public: ${free.perSecond.toFixed(0)} req/s, ${free.cpuUs.toFixed(1)} µs; ratio ${(asked.perSecond / free.perSecond).toFixed(2)} (target 0.9)`,
    `${JOINERS} joiners while ${PULLERS} pull, first byte at p99: ${ours.toFixed(0)} ms, nginx ${theirs.toFixed(0)} ms, ratio ${(ours / theirs).toFixed(2)} (target 2)`,
    `${held} held requests, released by one event: p50 ${released.p50Ms.toFixed(0)} ms, p99 ${released.p99Ms.toFixed(0)} ms (target 60 for 3,000), ${released.kibEach.toFixed(1)} KiB each (target 8)`,
  ].join('\n\n');
}

/** A wrk script that requests `paths` in turn with the header fields of a player. */
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

function runWrk(url: string, script: string, pid: number, seconds: number): Speed {
  const tree = new ProcessTree([pid]);
  const before = tree.cpuS();
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}`, '-s', script, url];
  const text = execFileSync('taskset', ['-c', CLIENT_CORE, program('wrk'), ...options], { encoding: 'utf8' });
  const cpuS = tree.cpuS() - before;
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  if (/Non-2xx/.test(text) || !(requests > 0)) throw new Error(`wrk reports failed requests:\n${text}`);
  return { perSecond, cpuUs: (cpuS / requests) * 1e6 };
}

function medianOf(speeds: readonly Speed[]): Speed {
  return {
    perSecond: median(speeds.map((speed) => speed.perSecond)),
    cpuUs: median(speeds.map((speed) => speed.cpuUs)),
  };
}

/** nginx with the files that the target server returns. */
async function openNginx(
  folder: string,
  target: Target,
  { cert, key }: CertificatePair,
  opened: AsyncDisposableStack,
): Promise<{ readonly http: string; readonly https: string; readonly pid: number }> {
  const root = join(folder, 'root');
  for (const path of [target.playlist, target.part30, target.part200, ...target.recorded]) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), Buffer.from(await (await fetch(target.url + path)).arrayBuffer()));
  }
  const [http, https] = [await freePort(), await freePort()];
  const command = nginxCommand(
    folder,
    `sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_timeout 75; keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s; etag on;
  types { application/vnd.apple.mpegurl m3u8; video/iso.segment m4s; }
  server {
    listen 127.0.0.1:${http} backlog=4096 reuseport; listen 127.0.0.1:${https} ssl backlog=4096 reuseport;
    ssl_certificate ${cert}; ssl_certificate_key ${key}; root ${root};
    add_header Access-Control-Allow-Origin *; add_header Cache-Control "public, max-age=1";
  }`,
  );
  const child = spawn('taskset', ['-c', SERVER_CORE, ...command], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  opened.defer(async () => {
    child.kill();
    await exited;
  });
  const url = `http://127.0.0.1:${http}`;
  for (let tries = 0; tries < 1000; tries++, await pause(50)) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer) return { http: url, https: `https://127.0.0.1:${https}`, pid: child.pid! };
  }
  throw new Error('nginx did not start');
}

/**
 * Clients that join at once while others pull large parts. Returns ms to the first byte of their responses,
 * at p99.
 */
async function joinWhilePulling(url: string, { part200, part30 }: Target): Promise<number> {
  const pulling = spawn('taskset', ['-c', CLIENT_CORE, program('wrk'), '-t1', `-c${PULLERS}`, '-d5', url + part200], {
    stdio: 'ignore',
  });
  await pause(1500);
  const { hostname: host, port } = new URL(url);
  const took = await Promise.all(
    Array.from({ length: JOINERS }, () => {
      const from = performance.now();
      return new Promise<number>((resolve, reject) => {
        const socket = connect({ host, port: Number(port) });
        socket.once('error', reject);
        socket.write(playerRequest(part30));
        socket.once('data', () => {
          resolve(performance.now() - from);
          socket.destroy();
        });
      });
    }),
  );
  await new Promise((resolve) => pulling.once('exit', resolve));
  return quantile(sorted(took), 0.99);
}

/** Lets `count` connections wait for the next part and measures when each is answered after its release. */
async function holdMany({ pid, target, child }: RunningTarget, count: number) {
  const tree = new ProcessTree([pid]);
  const { hostname: host, port } = new URL(target.url);
  const now = () => performance.timeOrigin + performance.now();
  const sockets: Socket[] = [];
  const answeredAt: number[] = [];
  const { promise: all, resolve: onAll } = Promise.withResolvers<void>();
  const before = tree.memory().anonymous;
  for (let i = 0; i < count; i++) {
    const socket = connect({ host, port: Number(port), localAddress: localAddress(i) });
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    socket.write(playerRequest(target.held));
    socket.once('data', () => {
      answeredAt.push(now());
      if (answeredAt.length === count) onAll();
    });
  }
  await pause(1000);
  const kibEach = (tree.memory().anonymous - before) / 1024 / count;
  const line = createInterface(child.stdout)[Symbol.asyncIterator]().next();
  const requestedAt = now();
  child.stdin.write('next\n');
  await all;
  const releasedAt = (JSON.parse((await line).value!) as { releasedAt: number }).releasedAt;
  for (const socket of sockets) socket.destroy();
  const took = sorted(answeredAt.map((at) => at - Math.min(requestedAt, releasedAt)));
  return { p50Ms: quantile(took, 0.5), p99Ms: quantile(took, 0.99), kibEach };
}
