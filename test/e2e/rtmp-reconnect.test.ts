/*
 * A publisher over RTMP that connects again when the server requests it: no picture is missing after an
 * upgrade, and at another server that takes over.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { FlvMessage } from '@oxbow/media/flv/message';
import { end, upgrade, withoutNpm } from '../fixtures/cli/upgrade.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { endRecording, picturesByRun } from '../fixtures/publishers/push-streams.ts';
import { makeSentFilm, publishReconnecting } from '../fixtures/publishers/reconnecting-publisher.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
const KEY = 'ok_a-key-that-both-servers-know';
/** Longer than an upgrade takes on a busy machine. */
const SECONDS = 30;

suite('a publisher that connects again', { skip: process.platform === 'linux' ? need('ffmpeg') : 'Linux only' }, () => {
  const opened = new AsyncDisposableStack();
  const { signal } = new AbortController();
  let folder: Folder;
  let messages: FlvMessage[];
  let pictures: readonly string[];

  before(async () => {
    folder = opened.use(await openFolder('reconnect'));
    ({ messages, pictures } = await makeSentFilm(folder.path, SECONDS));
  });
  after(() => opened.disposeAsync());

  /** A server with a stream `cam`, whose key all of them know, and its address for publishers. */
  const start = async (name: string, further: readonly string[] = []): Promise<[Server, string]> => {
    const port = await freePort();
    const file = join(folder.path, `${name}.yaml`);
    await writeFile(file, `streams: { cam: { source: { type: push }, keys: ['${KEY}'] } }\n`);
    const args = ['--config', file, '--rtmp', `127.0.0.1:${port}`, ...further];
    const server = await startPlainServer({ data: join(folder.path, name), args, adminToken, env: withoutNpm });
    return [server, `rtmp://127.0.0.1:${port}/live`];
  };
  const isRecorded = (server: Server) =>
    until('two seconds are recorded', async () => (await server.stream('cam')).recorded.seconds >= 2);

  test('records every picture over `oxbow upgrade`, without a gap', async () => {
    const [server, rtmp] = await start('upgraded');
    await using _ = server;
    const published = publishReconnecting(rtmp, `cam?key=${KEY}`, messages, { signal });
    await isRecorded(server);
    const { pid } = await upgrade(join(folder.path, 'upgraded'));
    const { ledTo, awayMs } = await published;
    assert.deepEqual([ledTo, awayMs > 0], [[rtmp], true]);
    await endRecording(server, 'cam', SECONDS - 2);
    assert.deepEqual((await picturesByRun(server, 'cam', folder.path)).flat(), pictures);
    assert.deepEqual((await server.timeline('cam')).gaps, []);
    await end(pid);
  });

  test('is led to the server that takes over: together they have every picture, none twice', async () => {
    const [second, to] = await start('second');
    await using _ = second;
    const [first, from] = await start('first', ['--rtmp-successor', to]);
    await using _first = first;
    const published = publishReconnecting(from, `cam?key=${KEY}`, messages, { signal });
    await isRecorded(first);
    await first.stop('SIGTERM');
    const { ledTo } = await published;
    assert.deepEqual(ledTo, [to]);
    await endRecording(second, 'cam', 2);
    await using again = await startPlainServer({ data: join(folder.path, 'first'), adminToken });
    await endRecording(again, 'cam', 2);
    const found = [];
    for (const server of [again, second]) found.push(...(await picturesByRun(server, 'cam', folder.path)).flat());
    assert.deepEqual(found, pictures);
  });
});
