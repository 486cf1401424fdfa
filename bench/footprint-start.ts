/**
 * For `bench footprint`: the time from the start of a server to its first 200, compared with nginx and a bare
 * Node server.
 * In: a number of rounds. Out: rows of a table.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../test/fixtures/free-port.ts';
import { openFolder } from '../test/fixtures/server.ts';
import { nginxCommand } from './nginx.ts';
import { launcher } from './recorders.ts';
import { median } from './report.ts';

const REQUEST_EVERY_MS = 2;
const GIVE_UP_MS = 120_000;
const TARGET_MS = '1000';

/** Starts each server `rounds` times, in turn. Returns name, path, median and worst ms, target. */
export async function measureStarts(rounds: number): Promise<string[][]> {
  // The first start fills the cache of compiled code.
  await timeOxbow(['/live']);
  const times = new Map<string, number[]>();
  const add = (key: string, ms: number) => times.set(key, [...(times.get(key) ?? []), ms]);
  for (let round = 0; round < rounds; round++) {
    const [liveMs, readyMs] = await timeOxbow(['/live', '/ready']);
    add('oxbow, sample stream\t/live', liveMs!);
    add('oxbow, sample stream\t/ready', readyMs!);
    await using cache = await openFolder('bench-start-cache');
    const [firstMs] = await timeOxbow(['/live'], { NODE_COMPILE_CACHE: cache.path });
    add('oxbow, first start ever\t/live', firstMs!);
    const [nginxMs] = await timeStart(['/'], (folder, port) =>
      nginxCommand(folder, `server { listen 127.0.0.1:${port}; location / { return 200; } }`),
    );
    add('nginx\t/', nginxMs!);
    const [bareMs] = await timeStart(['/'], (_, port) => {
      const script = `require('node:http').createServer((_, response) => response.end()).listen(${port}, '127.0.0.1')`;
      return [process.execPath, '-e', script];
    });
    add('Node, a bare server\t/', bareMs!);
  }
  return [...times].map(([key, values]) => [
    ...key.split('\t'),
    ...[median(values).toFixed(0), Math.max(...values).toFixed(0), key.startsWith('oxbow') ? TARGET_MS : ''],
  ]);
}

function timeOxbow(paths: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<number[]> {
  const args = (folder: string, port: number) =>
    ['serve', '--data', join(folder, 'data'), '--http', `127.0.0.1:${port}`, '--log-level', 'error'] as const;
  return timeStart(paths, (folder, port) => [process.execPath, launcher, ...args(folder, port)], environment);
}

/** ms from the start of a command to the first 200 of each path. */
async function timeStart(
  paths: readonly string[],
  commandOf: (folder: string, port: number) => readonly [string, ...string[]],
  environment: NodeJS.ProcessEnv = {},
): Promise<number[]> {
  await using folder = await openFolder('bench-start');
  const port = await freePort();
  const [command, ...args] = commandOf(folder.path, port);
  const from = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  try {
    const times: number[] = [];
    for (const path of paths) {
      while (!(await isAnswered(port, path))) {
        if (performance.now() - from > GIVE_UP_MS) throw new Error(`no 200 for ${path}`);
        await pause(REQUEST_EVERY_MS);
      }
      times.push(performance.now() - from);
    }
    return times;
  } finally {
    child.kill();
    await exited;
  }
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
