/**
 * For `bench footprint`: how long a server takes from its start to its first answer.
 * In: how it is started, and what to ask. Out: milliseconds. Peers: nginx, and the least that Node can serve.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../test/fixtures/free-port.ts';
import { median } from './table.ts';
import { program } from './target.ts';

/** One kind of server. */
export interface StartRow {
  readonly what: string;
  readonly path: string;
  /** Of all rounds, ms. */
  readonly medianMs: number;
  readonly worstMs: number;
}

const ASK_EVERY_MS = 2;
const GIVE_UP_MS = 20_000;
const launcher = join(import.meta.dirname, '..', 'bin', 'oxbow');

/** Starts each kind so many times, in turn. */
export async function measureStarts(rounds: number): Promise<StartRow[]> {
  // The first start of all leaves compiled code behind, as it does for everybody.
  await startOxbow({});
  const found = new Map<string, number[]>();
  const add = (key: string, ms: number) => found.set(key, [...(found.get(key) ?? []), ms]);
  for (let round = 0; round < rounds; round++) {
    const { liveMs, readyMs } = await startOxbow({});
    add('oxbow, sample stream\t/live', liveMs);
    add('oxbow, sample stream\t/ready', readyMs);
    const first = await inFolder((folder) => startOxbow({ NODE_COMPILE_CACHE: join(folder, 'code') }));
    add('oxbow, its very first start\t/live', first.liveMs);
    add('nginx\t/', await startNginx());
    add('Node, a bare server\t/', await startBare());
  }
  return [...found].map(([key, all]) => {
    const [what, path] = key.split('\t') as [string, string];
    return { what, path, medianMs: median(all), worstMs: Math.max(...all) };
  });
}

/** @param more variables of the environment */
function startOxbow(more: NodeJS.ProcessEnv): Promise<{ liveMs: number; readyMs: number }> {
  return inFolder(async (folder) => {
    const port = await freePort();
    const words = ['serve', '--data', join(folder, 'data'), '--http', `127.0.0.1:${port}`, '--log-level', 'error'];
    return await timed(process.execPath, [launcher, ...words], { ...process.env, ...more }, async (sinceMs) => {
      await untilAnswer(port, '/live');
      const liveMs = sinceMs();
      await untilAnswer(port, '/ready');
      return { liveMs, readyMs: sinceMs() };
    });
  });
}

function startNginx(): Promise<number> {
  return inFolder(async (folder) => {
    const port = await freePort();
    const file = join(folder, 'nginx.conf');
    writeFileSync(
      file,
      `worker_processes 1; daemon off; error_log stderr crit; pid ${folder}/nginx.pid; events {}
http { access_log off; server { listen 127.0.0.1:${port}; location / { return 200; } } }`,
    );
    return await timed(program('nginx'), ['-p', folder, '-c', file], process.env, async (sinceMs) => {
      await untilAnswer(port, '/');
      return sinceMs();
    });
  });
}

async function startBare(): Promise<number> {
  const port = await freePort();
  const script = `require('node:http').createServer((_, response) => response.end()).listen(${port}, '127.0.0.1')`;
  return await timed(process.execPath, ['-e', script], process.env, async (sinceMs) => {
    await untilAnswer(port, '/');
    return sinceMs();
  });
}

async function timed<T>(
  command: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  look: (sinceMs: () => number) => Promise<T>,
): Promise<T> {
  const from = performance.now();
  const child: ChildProcess = spawn(command, words, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  try {
    return await look(() => performance.now() - from);
  } finally {
    child.kill();
    await exited;
  }
}

/** Asks until the answer is 200. */
async function untilAnswer(port: number, path: string): Promise<void> {
  for (const until = performance.now() + GIVE_UP_MS; performance.now() < until; await pause(ASK_EVERY_MS)) {
    if (await isAnswered(port, path)) return;
  }
  throw new Error(`no 200 for ${path}`);
}

function isAnswered(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`));
    socket.once('data', (bytes) => {
      resolve(bytes.toString('latin1').startsWith('HTTP/1.1 200'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-bench-start-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
