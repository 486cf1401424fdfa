import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { TimelineView } from '../../src/api/shapes.ts';
import type { RunningInstance } from '../../src/store/running.ts';
import { end, upgrade, withoutNpm } from '../fixtures/cli/upgrade.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, openOrigin } from '../fixtures/origin.ts';
import { isRunning, main, openFolder, startServer } from '../fixtures/server.ts';
import { perSecond, putSlidingList } from '../fixtures/sliding-list.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';

const SECONDS = 240;
const runningOn = async (data: string): Promise<RunningInstance> =>
  JSON.parse(await readFile(join(data, 'running.json'), 'utf8')) as RunningInstance;

/** New connections ten times a second, each with a request; collects what is not a good answer. */
function startClients(url: string): AsyncDisposable & { readonly failures: string[]; stop(): Promise<number> } {
  const failures: string[] = [];
  const ending = new AbortController();
  const requests: Promise<unknown>[] = [];
  const connect = async () => {
    const response = await fetch(`${url}/api/v1/streams/tv`, { headers: { connection: 'close' } });
    await response.arrayBuffer();
    if (response.status !== 200) failures.push(`status ${response.status}`);
  };
  const loop = (async () => {
    while (!ending.signal.aborted) {
      requests.push(connect().catch((error: Error) => failures.push(String(error.cause ?? error))));
      await sleep(100);
    }
  })();
  const stop = async () => {
    ending.abort();
    await loop;
    await Promise.all(requests);
    return requests.length;
  };
  return {
    failures,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

suite('oxbow upgrade', { skip: process.platform === 'linux' ? need('ffmpeg') : 'needs shared ports' }, () => {
  for (const threads of [1, 2])
    test(`refuses no client, and leaves no gap in a pulled stream, with threads: ${threads}`, async () => {
      await using folder = await openFolder('upgrade');
      const media = join(folder.path, 'media');
      await makeHls({ folder: media, seconds: SECONDS, fps: 5, size: '128x72', container: 'fmp4' });
      await using origin = await openOrigin({ folder: media });
      const startMs = Date.now() - 30_000;
      const released = perSecond({ first: 30, seconds: 1 });
      const url = await putSlidingList(origin, { folder: media, window: 30, released, startMs });
      const data = join(folder.path, 'data');
      await using first = await startServer({
        data,
        args: [`tv=${url}`, '--threads', String(threads)],
        env: withoutNpm,
      });
      await until('some of it is recorded', async () => (await first.stream('tv')).recorded.seconds > 4);
      await using clients = startClients(first.url);
      await until('clients are answered', async () => origin.requests.length > 5);
      const { pid, to } = await upgrade(data);
      assert.notEqual(pid, first.pid);
      assert.match(to, /^\d+\.\d+\.\d+$/);
      await until('the first process has ended', async () => !isRunning(first.pid));
      const upgradedMs = Date.now();
      const timeline = await until('the new process records', async () => {
        const response = await fetch(`${first.url}/api/v1/streams/tv/timeline`);
        const read = (await response.json()) as TimelineView;
        return Date.parse(read.spans.at(-1)?.to ?? '') > upgradedMs && read;
      });
      assert.ok((await clients.stop()) > 20);
      assert.deepEqual(clients.failures, []);
      assertCovered(timeline);
      assert.deepEqual(timeline.gaps, []);
      assert.deepEqual(
        first.log().flatMap(({ msg, reason }) => (msg === 'oxbow stopped' ? [reason] : [])),
        ['succeeded'],
      );
      await until('as many threads of the new process serve', async () => {
        const metrics = await (await fetch(`${first.url}/metrics`)).text();
        const serving = metrics.match(/oxbow_event_loop_lag_seconds\{thread="serving-\d",quantile="0\.99"\}/g) ?? [];
        return serving.length === (threads > 1 ? threads : 0);
      });
      await end(pid);
    });

  test('that cannot start leaves the running process as it is, and reports the reason', async () => {
    await using folder = await openFolder('upgrade-fails');
    const config = join(folder.path, 'oxbow.yaml');
    await writeFile(config, 'record: { keep: 1h }\n');
    const data = join(folder.path, 'data');
    await using server = await startServer({ data, args: ['--config', config], env: withoutNpm });
    await writeFile(config, 'record: { keep: sometimes }\n');
    await assert.rejects(upgrade(data), /ended before it held the port/);
    assert.equal((await runningOn(data)).pid, server.pid);
    assert.equal((await server.fetch('/ready')).status, 200);
  });
});

test('a socket of systemd is refused with serving threads, with the reason', {
  skip: process.platform === 'win32' && 'Windows has no systemd',
}, async () => {
  await using folder = await openFolder('socket-threads');
  const command = ['-c', 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', 'sh', process.execPath, main, 'serve'];
  const run = promisify(execFile)('/bin/sh', [...command, '--threads', '2', '--data', folder.path]);
  await assert.rejects(run, { code: 2, stderr: /`threads` is 2, but systemd has opened the HTTP port/ });
});

test('a socket of systemd is used, and its connections wait until the server is ready', {
  skip: process.platform === 'win32' && 'Windows has no systemd',
}, async () => {
  await using folder = await openFolder('socket-activation');
  await writeFile(join(folder.path, 'not-empty'), '');
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as { port: number };
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  const child = spawn(
    '/bin/sh',
    [
      ...['-c', 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', 'sh', process.execPath, main, 'serve', '--json'],
      ...['--data', folder.path, '--http', `127.0.0.1:${port}`, '--rtmp', 'off', '--srt', 'off', '--webrtc', 'off'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit', fd] },
  );
  const ended = once(child, 'exit');
  socket.close(); // the child has it too
  const waiting = fetch(`http://127.0.0.1:${port}/ready`);
  for await (const line of createInterface({ input: child.stdout! })) if (line.includes('"ready"')) break;
  assert.equal((await waiting).status, 200);
  assert.equal((await fetch(`http://127.0.0.1:${port}/version`)).status, 200);
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});
