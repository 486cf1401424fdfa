import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import type { StreamStats } from '../../api/measure/stats-shapes.ts';
import { readStreams } from '../gauges.ts';
import { openStreams, START_MS, type StreamsRig, temporaryFolder, tracks } from '../streams.fixture.ts';

const push = { source: { type: 'push' } } as const;

/** A publisher of `door` that sends 25 pictures and 25 pieces of audio a second. */
async function connect(rig: StreamsRig, { keyEveryS = 2, protocol = 'srt', audioRate = 1, rate = 1 } = {}) {
  const { signal } = new AbortController();
  const stream = rig.catalog.get('door');
  const publisher = await stream.publishers.claim({ protocol, remote: '192.0.2.1:5000', signal });
  publisher.startTracks(tracks);
  let n = 0;
  return {
    publisher,
    /** Seconds pass, with media and a tick each. */
    send(seconds: number, { sends = true, viewers = 2 } = {}) {
      for (let i = 0; i < seconds * 25; i++) {
        rig.clock.advance(40);
        if (sends) {
          for (const { id, timescale } of tracks) {
            const dts = Math.round((n * timescale * rate * (id === 1 ? 1 : audioRate)) / 25);
            const key = id !== 1 || n % (keyEveryS * 25) === 0;
            const data = new Uint8Array(id === 1 ? 10_000 : 400);
            const frame: Frame = { trackId: id, dts, pts: dts, duration: timescale / 25, key, data };
            publisher.publish(frame);
          }
          publisher.connection.stats.bytesIn += 11_000;
          n++;
        }
        if (i % 25 === 24) stream.measure.tick(viewers);
      }
    },
  };
}

const codesOf = (stats: StreamStats) =>
  stats.findings.filter(({ severity }) => severity !== 'good').map(({ code }) => code);

suite('the figures of a stream', () => {
  test('a publisher is followed until the second look, and then while there is a viewer or a sink that uses frames', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const { publisher, send } = await connect(rig);
    const { connection } = publisher;
    send(1, { viewers: 0 });
    assert.equal(connection.isFollowed, true);
    send(3, { viewers: 0 });
    assert.equal(connection.isFollowed, false, 'the packager and the meters are always there');
    send(1, { viewers: 1 });
    assert.equal(connection.isFollowed, true);
    send(1, { viewers: 0 });
    assert.equal(connection.isFollowed, false);
    const { stream } = rig.catalog.get('door');
    const relay = { startRun() {}, write() {}, flush() {}, endRun() {}, damage() {} };
    const attached = stream.sinks.attach(relay, { name: 'relay' });
    send(1, { viewers: 0 });
    assert.equal(connection.isFollowed, true);
    attached[Symbol.dispose]();
    send(1, { viewers: 0 });
    assert.equal(connection.isFollowed, false);
  });

  test('its clocks: the drift of the encoder, audio that loses time, and the applied offset', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', { source: { type: 'push', audioOffset: '-80ms' } });
    const { send } = await connect(rig, { rate: 0.9995, audioRate: 0.999 });
    send(10);
    const { measure, publishers } = rig.catalog.get('door');
    const { clocks } = measure;
    assert.deepEqual(
      [clocks.drift, clocks.avOffsetMs, publishers.active?.connection.meter.audioOffsetMs],
      [undefined, undefined, -80],
    );
    await rig.api.update('door', { source: { audioOffset: null } });
    send(140);
    const { ppm, seconds } = clocks.drift!;
    assert.ok(ppm > 400 && ppm < 600, `500 ppm slow: ${ppm}`);
    assert.ok(seconds >= 100);
    assert.ok(clocks.avOffsetMs! < -110 && clocks.avOffsetMs! > -150, `0.1 % of 135 s: ${clocks.avOffsetMs}`);
    assert.equal(publishers.active?.connection.meter.audioOffsetMs, -80, 'as it was when the run began');
    const nowMs = rig.clock.nowMs();
    const { series } = await rig.api.statsHistory('door', nowMs - 60_000, nowMs, 5);
    assert.ok(
      series.avOffset.at(-2)! < -100 && series.skew.at(-2)! > 30,
      JSON.stringify([series.avOffset, series.skew]),
    );
    assert.ok(
      !rig.api.stats('door').findings.some(({ code }) => code === 'av-offset'),
      'no advice by the arrival alone',
    );
  });

  test('are what its publisher sends, and what its protocol measured', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    rig.catalog.get('door').measure.tick(0);
    const idle = rig.api.stats('door');
    assert.deepEqual([idle.status, idle.publisher, idle.video, idle.findings], ['none', null, null, []]);
    const { publisher, send } = await connect(rig);
    Object.assign(publisher.connection.stats, {
      rttMs: 20,
      latencyMs: 120,
      packets: 0,
      lost: 0,
      dropped: 0,
      encoder: 'x'.repeat(300),
    });
    send(10);
    Object.assign(publisher.connection.stats, { packets: 990, lost: 10 });
    send(10);
    const stats = rig.api.stats('door');
    assert.equal(stats.video?.bitrate, 2_000_000);
    assert.equal(stats.video.frameRate, 25);
    assert.deepEqual([stats.video.keyFrameInterval, stats.video.gopFrames, stats.video.bFrames], [2, 50, false]);
    assert.equal(stats.audio?.bitrate, 80_000);
    assert.deepEqual(
      [stats.link.bitrate, stats.link.rtt, stats.link.loss, stats.link.dropped],
      [2_200_000, 20, 0.01, 0],
    );
    assert.equal(stats.publisher?.encoder, 'x'.repeat(100));
    assert.equal(stats.publisher.bytesIn, 20 * 25 * 11_000);
    assert.equal(stats.arrival.jitter, 0);
    assert.equal(stats.recent.bitrate.length, 19, 'the first tick found the publisher');
    readStreams(rig.catalog, rig.deps.metrics);
    const metrics = await rig.deps.metrics.print();
    assert.match(metrics, /oxbow_publish_media_bytes_per_second\{stream="door",kind="video"\} 250000/);
    assert.match(metrics, /oxbow_publish_rtt_seconds\{stream="door"\} 0.02/);
    assert.match(metrics, /oxbow_publish_packets_total\{stream="door",result="lost"\} 10/);
    assert.ok(!JSON.stringify(stats).includes('192.0.2.1'), 'never the address of a publisher');
    publisher.close('left');
    rig.catalog.get('door').measure.tick(0);
    assert.equal(rig.api.stats('door').video, null);
    readStreams(rig.catalog, rig.deps.metrics);
    assert.doesNotMatch(await rig.deps.metrics.print(), /oxbow_publish_media_bytes_per_second\{/);
  });

  for (const silentS of [1, 4, 8, 70]) {
    test(`a connection that is ${silentS} s older than its media has the rate of the media, and no finding about it`, async () => {
      await using folder = await temporaryFolder();
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', push);
      rig.catalog.get('door').measure.tick(0);
      const { publisher, send } = await connect(rig);
      publisher.connection.stats.frameRate = 25;
      send(silentS, { sends: false });
      for (let s = 1; s <= 12; s++) {
        send(1);
        const { video, findings } = rig.api.stats('door');
        const found = findings.filter(({ code, severity }) => /frame-rate|no-audio/.test(code) && severity !== 'good');
        assert.deepEqual(found, [], `after ${s} s`);
        if (s > 2) assert.ok(Math.abs(video!.frameRate! - 25) < 0.5, `${video?.frameRate} after ${s} s`);
      }
    });
  }

  test('a key frame every ten seconds is bad, with one event when it is found and one when it is over', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const slow = await connect(rig, { keyEveryS: 10 });
    slow.send(25);
    const stats = rig.api.stats('door');
    assert.equal(stats.status, 'bad');
    const finding = stats.findings.find(({ code }) => code === 'key-frame-interval');
    assert.deepEqual([finding?.severity, finding?.value, finding?.target, finding?.unit], ['bad', 10, 2, 's']);
    slow.send(20);
    slow.publisher.close('left');
    slow.send(1, { sends: false });
    await rig.settle();
    const warnings = rig.events.filter(({ type }) => type === 'publish.warning');
    const about = warnings.map(({ data }) => data as { code: string; severity: string });
    assert.deepEqual(
      about.filter(({ code }) => code === 'key-frame-interval').map(({ severity }) => severity),
      ['bad', 'good'],
    );
  });

  test('media that never has a key frame is measured and reported, although nothing of it can be shown', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const { publisher, send } = await connect(rig, { keyEveryS: 1000 });
    publisher.startTracks(tracks);
    const silentKeys = publisher.publish.bind(publisher);
    publisher.publish = (frame: Frame) => silentKeys(frame.trackId === 1 ? { ...frame, key: false } : frame);
    send(14);
    const stats = rig.api.stats('door');
    assert.notEqual(stats.state, 'live');
    assert.ok(codesOf(stats).includes('no-key-frame'), String(codesOf(stats)));
    assert.equal(stats.video?.frameRate, 25);
  });

  test('a publisher that stalls is reported, its figures fall, and the history has the stall', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const { send } = await connect(rig);
    send(60);
    send(10, { sends: false });
    const stats = rig.api.stats('door');
    assert.deepEqual(codesOf(stats), ['video-silent', 'audio-silent']);
    assert.equal(stats.video?.bitrate, 0);
    const history = await rig.api.statsHistory('door', START_MS + 30_000, START_MS + 90_000, 5);
    assert.equal(history.series.videoBitrate.length, 12);
    assert.deepEqual(
      history.series.videoBitrate.slice(0, 6),
      Array.from({ length: 6 }, () => 2_000_000),
    );
    assert.deepEqual(history.series.videoBitrate.slice(6), [0, 0, null, null, null, null]);
    assert.equal(history.series.viewers[0], 2);
    const { values, changes, ...steps } = await rig.api.activity('door', START_MS + 30_000, START_MS + 90_000, 5);
    assert.deepEqual(steps, { from: history.from, to: history.to, res: 5 });
    assert.deepEqual(
      [values[0]! > 2_000_000, ...values.slice(6)],
      [true, 0, 0, null, null, null, null],
      'audio is added',
    );
    assert.deepEqual(new Set(changes), new Set([null]), 'no pictures were compared');
    const stream = rig.catalog.get('door').measure;
    stream.addPictureChange({ fromMs: START_MS + 41_000, toMs: START_MS + 50_000, difference: 12.34 });
    const after = await rig.api.activity('door', START_MS + 30_000, START_MS + 90_000, 5);
    assert.deepEqual(after.changes.slice(0, 5), [null, null, 12.3, 12.3, null]);
  });

  test('the past survives a restart, a crash costs at most a minute, and offline is null', async () => {
    await using folder = await temporaryFolder();
    let left: Awaited<ReturnType<StreamsRig['crash']>>;
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', push);
      const { send } = await connect(rig);
      send(200);
      left = await rig.crash();
    }
    const values = async (path: string, nowMs: number) => {
      await using rig = await openStreams({ folder: path, nowMs });
      const history = await rig.api.statsHistory('door', START_MS, START_MS + 240_000, 20);
      return history.series.videoBitrate;
    };
    // The windows of an hour are restored into memory; older ones are read from the database.
    for (const laterMs of [300_000, 5 * 3_600_000]) {
      const closed = await values(folder.path, START_MS + laterMs);
      assert.deepEqual(closed, [...Array.from({ length: 10 }, () => 2_000_000), null, null]);
      const crashed = await values(left.path, START_MS + laterMs);
      assert.ok(crashed.indexOf(null) >= 7, JSON.stringify(crashed));
      assert.equal(crashed[6], 2_000_000);
    }
    await left[Symbol.asyncDispose]();
  });

  test('after a restart within the same window, both parts of it are kept', async () => {
    await using folder = await temporaryFolder();
    for (const part of [0, 1]) {
      await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + part * 60_000 });
      if (part === 0) await rig.api.create('door', push);
      const { send } = await connect(rig);
      send(20);
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 120_000 });
    const { series } = await rig.api.statsHistory('door', START_MS, START_MS + 120_000, 20);
    assert.deepEqual(series.videoBitrate, [2_000_000, null, null, 2_000_000, null, null]);
  });

  test('are deleted with the recording of the stream, and kept while it is kept', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    const { id } = rig.catalog.get('door').definition;
    const { send } = await connect(rig);
    send(20);
    const stored = () => rig.deps.recordings.stats.between(id, 0, 4e15);
    await rig.api.remove('door', { recordings: 'keep' });
    assert.equal((await stored()).length, 1);
    await rig.api.create('door', push);
    await rig.api.remove('door', { recordings: 'delete' });
    assert.equal((await stored()).length, 0);
  });

  test('a pulled source is measured too; its bursts are spread over the time between them, and no event is published', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', { source: { type: 'test' } });
    const stream = rig.catalog.get('door');
    stream.measure.tick(0);
    for (let second = 0; second < 60; second++) {
      rig.clock.advance(1000);
      if (second % 6 === 0) rig.source('door').race(6);
      stream.measure.tick(1);
    }
    const stats = rig.api.stats('door');
    assert.equal(stats.publisher?.protocol, 'test');
    assert.deepEqual([stats.arrival.jitter, stats.arrival.longestPause], [null, null]);
    const { series } = await rig.api.statsHistory('door', START_MS + 5000, START_MS + 50_000, 5);
    assert.ok(series.videoBitrate.every((value) => value !== null && value > 0));
    assert.equal(rig.events.filter(({ type }) => type === 'publish.warning').length, 0);
  });
});
