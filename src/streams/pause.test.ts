import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkStreams } from './gauges.ts';
import { openStreams, PlayedSource, START_MS, temporaryFolder, timeline } from './streams.fixture.ts';

suite('a paused stream', () => {
  test('keeps its publisher and drops its media; the time is offline; it continues at a key frame', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', { source: { type: 'push' } });
    const stream = rig.catalog.get('door');
    const { signal } = new AbortController();
    const keyFrameRequests: number[] = [];
    const requestKeyFrame = () => void keyFrameRequests.push(rig.clock.nowMs());
    const publisher = await stream.publishers.claim({ protocol: 'rtmp', remote: 'a:1', signal, requestKeyFrame });
    const media = new PlayedSource(stream.definition, publisher, { signal }, rig.clock);
    media.flow(10_000);
    await rig.api.pause('door');
    await rig.api.pause('door');
    const paused = await rig.api.get('door');
    assert.deepEqual(
      [paused?.state, paused?.problem, paused?.publisher?.protocol],
      ['paused', 'paused by a person', 'rtmp'],
    );
    assert.match(checkStreams(rig.catalog, rig.clock.nowMs()), /0 of 0 streams are live/);
    assert.equal(stream.status.silence, '');
    media.flow(19_500);
    stream.measure.tick(0);
    assert.equal(stream.status.state, 'paused');
    assert.equal(publisher.turn.role, 'active');
    await rig.api.resume('door');
    assert.equal(keyFrameRequests.length, 1);
    media.flow(10_500);
    assert.equal(stream.status.state, 'live');
    await rig.settle();
    await rig.api.stop('door');
    await rig.settle();
    const pieces = await timeline(rig);
    // It continues at the first key frame after the resume.
    assert.deepEqual(pieces.slice(0, 3), ['media 0…10', 'offline 10…30', 'media 30…40']);
    const offline = rig.events.filter(({ type }) => type === 'stream.offline');
    assert.deepEqual(offline[1]?.data, { detail: 'paused by a person' });
    assert.equal(rig.events.filter(({ type }) => type === 'stream.gap').length, 0);
  });

  test('stays paused over a restart of oxbow', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', { source: { type: 'test' } });
      rig.source('door').flow(10_000);
      await rig.api.pause('door');
      await rig.settle();
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 60_000 });
    const source = rig.source('door');
    assert.equal(rig.catalog.get('door').status.state, 'paused');
    source.flow(5000);
    assert.equal(rig.catalog.get('door').status.state, 'paused');
    await rig.api.resume('door');
    source.flow(10_000);
    assert.equal(rig.catalog.get('door').status.state, 'live');
    await rig.settle();
    assert.deepEqual((await timeline(rig)).slice(0, 2), ['media 0…10', 'offline 10…65']);
  });

  test('shows after it is resumed that its source went down meanwhile', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', { source: { type: 'test' } });
    const source = rig.source('door');
    source.flow(5000);
    await rig.api.pause('door');
    source.down(5000);
    assert.equal(rig.catalog.get('door').status.state, 'paused');
    await rig.api.resume('door');
    rig.clock.advance(5000);
    assert.equal(rig.catalog.get('door').status.state, 'waiting');
    source.flow(2000);
    await rig.settle();
    const pieces = await timeline(rig);
    assert.deepEqual(pieces.slice(0, 3), ['media 0…5', 'offline 5…10', 'source-down 10…15']);
  });

  test('that is stopped is stopped, and paused again after a start', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', { source: { type: 'push' } });
    await rig.api.stop('door');
    await rig.api.pause('door');
    assert.equal(rig.catalog.get('door').status.state, 'stopped');
    await rig.api.start('door');
    assert.equal(rig.catalog.get('door').status.state, 'paused');
    await rig.api.resume('door');
    assert.equal(rig.catalog.get('door').status.state, 'unpublished');
    await assert.rejects(rig.api.pause('nowhere'), { code: 'stream-unknown' });
  });
});
