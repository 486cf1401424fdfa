import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import type { Publisher } from '../ingest/publisher.ts';
import type { OxbowError } from '../lib/errors.ts';
import { checkStreams, readStreams } from './gauges.ts';
import { openStreams, PlayedSource, START_MS, type StreamsRig, temporaryFolder, timeline } from './streams.fixture.ts';

const push = { source: { type: 'push' } } as const;

/** A publisher of `door` that is connected, with media that the test plays. */
async function connect(rig: StreamsRig, remote = '192.0.2.1:5000') {
  const { signal } = new AbortController();
  const publisher: Publisher = await rig.catalog.get('door').publishers.claim({ protocol: 'rtmp', remote, signal });
  const { definition } = rig.catalog.get('door');
  return { publisher, media: new PlayedSource(definition, publisher, { signal }, rig.clock) };
}

suite('a push stream', () => {
  test('waits for a publisher, is live while one publishes, and is offline in between', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const view = await rig.api.create('door', push);
    assert.deepEqual(
      [view.state, view.problem, view.publisher, view.source],
      ['unpublished', 'no publisher is connected', null, { type: 'push' }],
    );
    const stream = rig.catalog.get('door');
    assert.equal(stream.served.starting(), false, 'players get the state offline');
    rig.clock.advance(5000);
    const first = await connect(rig);
    assert.equal(stream.status.state, 'starting');
    first.media.flow(5000);
    assert.equal(stream.status.state, 'live');
    assert.deepEqual((await rig.api.get('door'))?.publisher, {
      protocol: 'rtmp',
      since: new Date(START_MS + 5000).toISOString(),
      standby: 0,
    });
    const { number } = stream.served.list.generation!;
    first.publisher.close('the publisher left');
    assert.deepEqual([stream.status.state, stream.status.problem], ['unpublished', 'the publisher left']);
    await rig.settle();
    rig.clock.advance(10_000);
    const second = await connect(rig);
    second.media.flow(5000);
    assert.equal(stream.served.list.generation!.number, number, 'the list was still open');
    await rig.settle();
    assert.deepEqual(await timeline(rig), ['offline 0…5', 'media 5…10', 'offline 10…20', 'media 20…24']);
    assert.equal(rig.sources.length, 0, 'oxbow runs no source');
  });

  test('has recorded all of its media a second after its publisher has left, also one that may return', async () => {
    for (const ms of [5000, 9200, 30_040]) {
      using time = openVirtualTime();
      await using folder = await temporaryFolder();
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', push);
      const { publisher, media } = await connect(rig);
      media.flow(ms);
      const { stream, served } = rig.catalog.get('door');
      publisher.close('the publisher left');
      await time.runFor(1000);
      await rig.settle();
      assert.equal(served.recording.endUs, stream.edge.endUs, `${ms} ms`);
    }
  });

  test('that is filed more than five seconds off the clock says so, to its pages and to /health', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const { publisher } = await connect(rig);
    publisher.startTracks([videoTrack]);
    // A file that is sent as fast as it goes.
    const { timescale, id: trackId } = videoTrack;
    for (let i = 0; i < 300; i++) {
      const [dts, duration] = [(i * timescale) / 25, timescale / 25];
      publisher.publish({ trackId, dts, pts: dts, duration, key: i % 25 === 0, data: Uint8Array.of(0, 0, 0, 1, 9) });
    }
    const stream = rig.catalog.get('door');
    const text = 'filed 12 s ahead of the clock';
    assert.deepEqual([stream.status.state, stream.status.problem], ['live', `It is ${text}.`]);
    assert.throws(() => checkStreams(rig.catalog, rig.clock.nowMs()), {
      message: `1 of 1 streams are live; off the clock: door (${text}).`,
    });
    rig.clock.advance(8000);
    assert.equal(stream.status.problem, '');
    assert.match(checkStreams(rig.catalog, rig.clock.nowMs()), /1 of 1/);
  });

  test('continues with its publisher when a patch changes its source; a second one follows the new setting', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const first = await connect(rig);
    first.media.flow(3000);
    await rig.api.update('door', { source: { onSecondPublisher: 'standby', passphrase: 'correct horse' } });
    assert.equal(rig.catalog.get('door').status.state, 'live');
    assert.deepEqual(rig.api.sourceSettings('door'), {
      type: 'push',
      audioOffset: '0s',
      audio: 'auto',
      onSecondPublisher: 'standby',
      quality: null,
      qualities: null,
      whileAway: 'nothing',
      awayLimit: '10m',
      latency: null,
      address: null,
      backup: null,
      hasPassphrase: true,
    });
    await connect(rig, '192.0.2.2:6000');
    assert.equal((await rig.api.get('door'))?.publisher?.standby, 1);
    await assert.rejects(rig.api.update('door', { source: { latency: 'soon' } }), { code: 'bad-request' });
  });

  test('publishes events and metrics: administrators see the publisher, others that it is live or offline', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const { publisher, media } = await connect(rig);
    media.flow(2000);
    await assert.rejects(connect(rig, '192.0.2.2:6000'), { code: 'publisher-active' });
    readStreams(rig.catalog, rig.deps.metrics);
    const metrics = await rig.deps.metrics.print();
    assert.match(metrics, /oxbow_publishers\{stream="door",role="active"\} 1/);
    assert.match(metrics, /oxbow_publish_claims_total\{stream="door",protocol="rtmp",result="refused"\} 1/);
    publisher.close('the publisher left');
    await rig.settle();
    const about = rig.events.map(({ type, data }) => [type, data] as const);
    assert.deepEqual(
      about.filter(([type]) => type.startsWith('publish.')),
      [
        ['publish.started', { protocol: 'rtmp', remote: '192.0.2.1:5000', role: 'active' }],
        [
          'publish.refused',
          {
            protocol: 'rtmp',
            remote: '192.0.2.2:6000',
            code: 'publisher-active',
            detail: 'Another publisher is active on this stream.',
            hint: 'Stop the other publisher, or set onSecondPublisher of the source to replace or standby.',
          },
        ],
        ['publish.ended', { protocol: 'rtmp', remote: '192.0.2.1:5000', detail: 'the publisher left' }],
      ],
    );
    const others = about.map(([type]) => type).filter((type) => /\.(offline|live|gap)$/.test(type));
    assert.deepEqual(others, ['stream.offline', 'stream.live', 'stream.offline']);
  });

  test('without a publisher is healthy; one whose publisher sends nothing is not', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    rig.clock.advance(60_000);
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '0 of 0 streams are live, 1 without a publisher');
    const { media } = await connect(rig);
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '0 of 1 streams are live');
    rig.clock.advance(31_000);
    assert.throws(() => checkStreams(rig.catalog, rig.clock.nowMs()), /no media from: door/);
    media.flow(1000);
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '1 of 1 streams are live');
  });

  test('that is stopped refuses publishers, and ends the connected one', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const { publisher, media } = await connect(rig);
    media.flow(3000);
    await rig.api.stop('door');
    const { reason } = publisher.signal as { reason: OxbowError };
    assert.deepEqual([reason.code, reason.message], ['publish-refused', 'stopped by a person']);
    assert.equal(rig.catalog.get('door').status.state, 'stopped');
    media.flow(3000);
    assert.equal(rig.catalog.get('door').status.state, 'stopped', 'its frames are ignored');
    await assert.rejects(connect(rig), { code: 'publish-refused' });
    await rig.api.start('door');
    assert.equal(rig.catalog.get('door').status.state, 'unpublished');
    await connect(rig);
  });

  test('keeps its publisher when only the policy for a second one changes', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const first = await connect(rig);
    first.media.flow(3000);
    await rig.api.replace('door', { source: { type: 'push', onSecondPublisher: 'standby' } });
    const second = await connect(rig, '192.0.2.2:6000');
    assert.deepEqual([first.publisher.turn.role, second.publisher.turn.role], ['active', 'standby']);
    assert.equal((await rig.api.get('door'))?.publisher?.standby, 1);
    second.media.flow(1000);
    first.publisher.close('the publisher left');
    second.media.flow(3000);
    assert.equal(rig.catalog.get('door').status.state, 'live');
    await rig.api.replace('door', { source: { type: 'test' } });
    assert.equal(second.publisher.turn.role, 'ended');
    await assert.rejects(connect(rig), /type test, not push/);
  });

  test('is unpublished after a restart; after a crash the gap ends at the restart', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const { publisher, media } = await connect(rig);
    media.flow(5000);
    await using crashed = await rig.crash();
    assert.equal(publisher.turn.role, 'active');
    await using next = await openStreams({ folder: crashed.path, nowMs: START_MS + 60_000 });
    assert.equal(next.catalog.get('door').status.state, 'unpublished');
    next.clock.advance(40_000);
    const { media: returned } = await connect(next);
    returned.flow(4000);
    await next.settle();
    const pieces = await timeline(next);
    assert.match(pieces[1]!, /^crash \S+…60$/);
    assert.deepEqual(pieces.slice(2), ['offline 60…100', 'media 100…102']);
  });
});
