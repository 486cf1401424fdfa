import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openInbox } from '../live/inbox.ts';
import { NO_ROOM } from './disk.ts';
import { checkStreams, readStreams } from './gauges.ts';
import { openStreams, temporaryFolder } from './streams.fixture.ts';

const testSource = { source: { type: 'test' } } as const;

suite('the health check of the sources', () => {
  test('fails while a stream has no media that should, and names it with the reason', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    for (const name of ['door', 'yard']) await rig.api.create(name, testSource);
    assert.throws(() => checkStreams(rig.catalog, rig.clock.nowMs()), {
      message:
        '0 of 2 streams are live; no media from: door (the source has sent no media yet), yard (the source has sent no media yet).',
    });
    rig.source('door').flow(2000);
    rig.source('yard').down(1000, 'HTTP 404 live.m3u8');
    assert.throws(() => checkStreams(rig.catalog, rig.clock.nowMs()), {
      message: '1 of 2 streams are live; no media from: yard (HTTP 404 live.m3u8).',
    });
    rig.source('yard').flow(2000);
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '2 of 2 streams are live');
  });

  test('fails when a publisher has sent no media for 30 s after it has connected', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', { source: { type: 'push' } });
    const { signal } = new AbortController();
    await rig.catalog.get('door').publishers.claim({ protocol: 'rtmp', remote: '192.0.2.1:5000', signal });
    rig.clock.advance(29_000);
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '0 of 1 streams are live');
    rig.clock.advance(2000);
    assert.throws(() => checkStreams(rig.catalog, rig.clock.nowMs()), {
      message: /no media from: door \(the source has sent no media yet\)/,
    });
  });

  test('fails while a live source has ended, until it is back', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    rig.source('door').flow(2000);
    rig.source('door').ends(1000, 'the playlist ended');
    assert.equal(rig.catalog.get('door').status.state, 'offline');
    assert.throws(() => checkStreams(rig.catalog, rig.clock.nowMs()), {
      message: '0 of 1 streams are live; no media from: door (the playlist ended).',
    });
    assert.equal(rig.catalog.get('door').status.silence, '', 'for alarms it is a regular end');
    rig.source('door').flow(2000);
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '1 of 1 streams are live');
  });

  test('ignores stopped streams, and names sources that have ended; a bug in a source counts', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    for (const name of ['stopped', 'film', 'broken']) await rig.api.create(name, testSource);
    await rig.api.stop('stopped');
    rig.source('film').done.resolve('the source ended');
    rig.source('broken').flow(2000);
    await rig.settle();
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '1 of 1 streams are live; the source has ended: film');
    rig.source('broken').done.reject(new Error('a bug'));
    await rig.settle();
    assert.throws(() => checkStreams(rig.catalog, rig.clock.nowMs()), { message: /no media from: broken / });
  });
});

test('the problem of a live stream says that recording is paused, and names the setting; without recording it does not', async () => {
  await using folder = await temporaryFolder();
  let noRoom = NO_ROOM;
  await using rig = await openStreams({
    folder: folder.path,
    mayWrite: () => noRoom === '',
    noRoom: () => noRoom,
  });
  await rig.api.create('door', testSource);
  await rig.api.create('hall', { ...testSource, record: false });
  for (const name of ['door', 'hall']) rig.source(name).flow(4000);
  await rig.settle();
  assert.match((await rig.api.get('door'))!.problem, /record\.minFree \(--min-free\)/);
  assert.equal((await rig.api.get('hall'))!.problem, '');
  noRoom = '';
  assert.equal((await rig.api.get('door'))!.problem, '');
});

test('queues and losses of slow sinks, and failed sinks, are in the metrics and the log', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openStreams({ folder: folder.path });
  const { metrics } = rig.deps;
  await rig.api.create('door', testSource);
  const { stream } = rig.catalog.get('door');
  const { signal } = new AbortController();
  await using inbox = openInbox(stream.sinks, { name: 'slow', maxBytes: 6000, signal, fromKeyFrame: true });
  const sink = { startRun() {}, flush() {}, endRun() {}, damage() {} };
  const write = () => {
    throw new Error('a bug');
  };
  stream.sinks.attach({ ...sink, write }, { name: 'broken' });
  rig.source('door').flow(10_000);
  readStreams(rig.catalog, metrics);
  const read = async (name: 'sinkQueuedBytes' | 'sinkLostGops' | 'sinkLostFrames' | 'gopBufferBytes' | 'bugs') =>
    (await metrics[name].get()).values.map(({ labels, value }) => [labels, value > 0]);
  const labels = { stream: 'door', sink: 'slow' };
  assert.deepEqual(await read('sinkQueuedBytes'), [[labels, true]]);
  const lost = { ...labels, cause: 'slow' };
  assert.deepEqual(await read('sinkLostGops'), [[lost, true]]);
  assert.deepEqual(await read('sinkLostFrames'), [[lost, true]]);
  assert.match(await metrics.print(), /oxbow_sink_pressure_percent\{stream="door",sink="slow"\} 75/);
  assert.ok(
    rig.events.some(({ type, data }) => type === 'stream.pressure' && (data as { level: number }).level === 75),
  );
  assert.deepEqual(await read('gopBufferBytes'), [[{}, true]]);
  assert.deepEqual(await read('bugs'), [[{}, true]]);
  assert.ok(rig.logged.some(({ msg, sink: name }) => msg === 'a sink dropped GOPs' && name === 'slow'));
  assert.ok(
    rig.logged.some(({ msg, sink: name, error }) => msg === 'a sink failed' && name === 'broken' && error === 'a bug'),
  );
  await inbox[Symbol.asyncDispose]();
  readStreams(rig.catalog, metrics);
  assert.deepEqual(await read('sinkQueuedBytes'), []);
});
