/*
 * Publishers over RTMP whose node is stopped: they are led to another node, and no picture is missing.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { FlvMessage } from '@oxbow/media/flv/message';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { createPush, endRecording, picturesByRun } from '../fixtures/publishers/push-streams.ts';
import { makeSentFilm, publishReconnecting } from '../fixtures/publishers/reconnecting-publisher.ts';
import { type Folder, openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const SECONDS = 14;

suite('publishers of a node that is stopped', {
  skip: needPostgres() || need('redis-server') || need('ffmpeg'),
}, () => {
  const opened = new AsyncDisposableStack();
  const { signal } = new AbortController();
  const ports = new Map<string, number>();
  const nodes = new Map<string, TestNode>();
  let cluster: TestCluster;
  let folder: Folder;
  let messages: FlvMessage[];
  let pictures: readonly string[];

  before(async () => {
    folder = opened.use(await openFolder('led'));
    cluster = opened.use(await openCluster());
    ({ messages, pictures } = await makeSentFilm(folder.path, SECONDS));
  });
  after(() => opened.disposeAsync());

  const addressOf = (name: string) => `rtmp://127.0.0.1:${ports.get(name)}/live`;
  const start = async (name: string, drain = '5s'): Promise<TestNode> => {
    if (!ports.has(name)) ports.set(name, await freePort());
    const rtmp = ['--rtmp', `127.0.0.1:${ports.get(name)}`, '--cluster-publish-url', addressOf(name)];
    return cluster.start(name, { args: [...rtmp, '--drain', drain] });
  };

  for (const [overlaps, from, to] of [
    [false, 'a', 'b'],
    [true, 'b', 'a'],
  ] as const) {
    const how = overlaps ? 'connects there while it still publishes here' : 'leaves before it connects there';
    test(`one that ${how} is led to another node, with every picture and no gap`, async (t) => {
      const name = overlaps ? 'second' : 'first';
      for (const each of ['a', 'b']) if (!nodes.has(each)) nodes.set(each, await start(each));
      const [first, second] = [nodes.get(from)!.server, nodes.get(to)!.server];
      const key = await createPush(first, name);
      const published = publishReconnecting(addressOf(from), `${name}?key=${key}`, messages, { signal, overlaps });
      await until('it is recorded', async () => (await first.stream(name)).recorded.seconds >= 2);
      const ended = first.stop('SIGTERM');
      const { ledTo, awayMs } = await published;
      t.diagnostic(`without a connection for ${Math.round(awayMs)} ms`);
      await ended;
      assert.deepEqual(ledTo, [addressOf(to)]);
      nodes.set(from, await start(from)); // its files are read from it
      await endRecording(second, name, 2);
      assert.deepEqual((await picturesByRun(second, name, folder.path)).flat(), pictures);
      assert.deepEqual((await second.timeline(name)).gaps, []);
    });
  }

  test('one whose node ends without a drain is led to another node too', async () => {
    await Promise.all([...nodes.values()].map(({ server }) => server.stop('SIGTERM')));
    nodes.clear();
    for (const each of ['a', 'b']) nodes.set(each, await start(each, '0s'));
    const [first, second] = [nodes.get('a')!.server, nodes.get('b')!.server];
    const key = await createPush(first, 'fourth');
    const published = publishReconnecting(addressOf('a'), `fourth?key=${key}`, messages, { signal });
    await until('it is recorded', async () => (await first.stream('fourth')).recorded.seconds >= 2);
    const ended = first.stop('SIGTERM');
    assert.deepEqual((await published).ledTo, [addressOf('b')]);
    await ended;
    nodes.set('a', await start('a'));
    await endRecording(second, 'fourth', 2);
    assert.deepEqual((await picturesByRun(second, 'fourth', folder.path)).flat(), pictures);
    assert.deepEqual((await second.timeline('fourth')).gaps, []);
  });

  test('one whose node was paused, and has lost its stream, is led to the node that has it', async () => {
    for (const each of ['a', 'b']) if (!nodes.has(each)) nodes.set(each, await start(each));
    const [first, second] = [nodes.get('a')!.server, nodes.get('b')!.server];
    const key = await createPush(first, 'third');
    const published = publishReconnecting(addressOf('a'), `third?key=${key}`, messages, { signal });
    await until('it is recorded', async () => (await first.stream('third')).recorded.seconds >= 2);
    process.kill(first.pid, 'SIGSTOP');
    const isTaken = () =>
      second.log().some(({ msg, stream }) => msg === 'this node runs the stream now' && stream === 'third');
    await until('another node has the stream', isTaken);
    process.kill(first.pid, 'SIGCONT');
    assert.deepEqual((await published).ledTo, [addressOf('b')]);
    await endRecording(second, 'third', 2);
  });
});
