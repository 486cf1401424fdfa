import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { aacConfigFromRecord } from '@oxbow/media/aac/config';
import type { Track } from '@oxbow/media/frame';
import { h264Config } from '@oxbow/media/h264/avcc';
import { openInbox } from '../../live/inbox.ts';
import { openStreams, START_MS, type StreamsRig, temporaryFolder } from '../../streams/streams.fixture.ts';
import { createInspectApi } from './inspect-api.ts';
import { parametersOf } from './parameters.ts';

const inspectOf = ({ clock, catalog, api }: StreamsRig) => createInspectApi(clock, catalog, api.timeline);

suite('what a stream holds', () => {
  test('its live window, GOP buffer, clocks and pressure, while it is live', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const inspect = inspectOf(rig);
    await rig.api.create('door', { source: { type: 'test' } });
    const { stream } = rig.catalog.get('door');
    const { signal } = new AbortController();
    await using _inbox = openInbox(stream.sinks, { name: 'relay', maxBytes: 20_000, fromKeyFrame: true, signal });
    rig.source('door').flow(20_000);
    await rig.settle();
    const buffer = inspect.buffer('door');
    assert.equal(buffer.gop.kept, true);
    assert.ok(buffer.gop.frames > 0 && buffer.gop.bytes > 0);
    assert.ok(buffer.window.segments.length > 5);
    const [first] = buffer.window.segments;
    assert.equal(first?.at, new Date(START_MS).toISOString());
    assert.equal(first.duration, 2);
    assert.ok(first.bytes > 0 && first.parts > 0);
    assert.equal(buffer.window.segments.at(-1)?.duration, null, 'the last one is open');

    const sync = inspect.sync('door');
    assert.deepEqual([sync.run?.id, sync.run?.utcOffset, sync.run?.clock], [1, 0, 'source']);
    assert.deepEqual(
      sync.tracks.map(({ kind, timescale }) => `${kind} ${timescale}`),
      ['video 90000', 'audio 48000'],
    );
    assert.equal(sync.tracks[0]?.lastDts, (START_MS + 20_000 - 100) / 1000);
    assert.deepEqual(
      sync.runs.map(({ run, utcOffset }) => [run, utcOffset]),
      [[1, 0]],
    );

    const pressure = inspect.backpressure('door');
    const relay = pressure.sinks.find(({ name }) => name === 'relay');
    assert.ok(relay && relay.lost.slow.frames > 0, 'its reader takes nothing');
    assert.ok(pressure.level >= 75);
    assert.deepEqual([pressure.recorder.bytes, pressure.recorder.maxBytes], [0, 64 * 1024 * 1024]);
  });

  test('the interruptions of a stream, with causes and without addresses', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const inspect = inspectOf(rig);
    await rig.api.create('door', { source: { type: 'pull', url: 'https://cam.example/live.m3u8' } });
    const source = rig.source('door');
    source.flow(5000);
    source.down(8000, 'connection to cam.example refused');
    source.flow(5000);
    await rig.settle();
    const recovery = await inspect.recovery('door');
    assert.deepEqual([recovery.state, recovery.counts.runs, recovery.counts.gaps], ['live', 2, 1]);
    assert.equal(recovery.counts.connects, 1);
    const kinds = recovery.events.map(({ kind }) => kind);
    assert.deepEqual(kinds.slice(0, 3), ['live', 'gap', 'live']);
    assert.equal(recovery.events[1]?.detail, 'source-down: connection to the source refused');
    const down = recovery.lastDay.find(({ cause }) => cause === 'source-down');
    assert.deepEqual([down?.gaps, down?.seconds], [1, 8]);
    assert.ok(!JSON.stringify(recovery).includes('cam.example'));
  });

  test('the last key frame: as it was sent, and when it was shown', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const inspect = inspectOf(rig);
    await rig.api.create('door', { source: { type: 'test' } });
    assert.throws(() => inspect.keyFrame('door'), { code: 'no-media' });
    assert.throws(() => inspect.newestPicture('door'), { code: 'no-media' });
    await assert.rejects(inspect.newestKeyPicture('door'), { code: 'no-media' });
    rig.source('door').flow(20_000);
    await rig.settle();
    const bytes = Buffer.from(inspect.keyFrame('door'));
    const units = bytes.toString('hex').split('00000001').slice(1);
    const types = units.map((unit) => Number.parseInt(unit.slice(0, 2), 16) & 31);
    assert.deepEqual(types.slice(0, 2), [7, 8], 'SPS and PPS come first');
    const newestMs = inspect.newestPicture('door');
    const keyMs = await inspect.newestKeyPicture('door');
    assert.ok(keyMs <= newestMs && newestMs - keyMs < 2100 && newestMs <= START_MS + 20_000);
  });

  test('nothing is known of a stream that does not exist', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const inspect = inspectOf(rig);
    for (const what of ['buffer', 'sync', 'parameters', 'backpressure', 'keyFrame'] as const) {
      assert.throws(() => inspect[what]('nowhere'), { code: 'stream-unknown' }, what);
    }
    await assert.rejects(inspect.recovery('nowhere'), { code: 'stream-unknown' });
  });
});

suite('codec configurations', () => {
  const base = { id: 1, timescale: 90_000, language: 'und', label: '' };
  // High profile, level 3.1, 1280 × 720, as x264 writes it.
  const sps = Buffer.from('6764001facd9405005bb016a02020280000003008000001e078c18cb', 'hex');
  const pps = Buffer.from('68ebe3cb22c0', 'hex');

  test('of H.264 have the parameter sets in hex, and their fields', () => {
    const track: Track = { ...base, kind: 'video', config: h264Config([sps], [pps]) };
    const { sets, facts, record } = parametersOf(track);
    assert.deepEqual(sets, [
      { kind: 'SPS', hex: sps.toString('hex') },
      { kind: 'PPS', hex: pps.toString('hex') },
    ]);
    assert.deepEqual([facts.profile, facts.level, facts.width, facts.height], [100, 3.1, 1280, 720]);
    assert.equal(Buffer.from(record, 'base64')[0], 1);
  });

  test('of AAC have the AudioSpecificConfig', () => {
    const track: Track = { ...base, kind: 'audio', config: aacConfigFromRecord(Uint8Array.of(0x11, 0x90)) };
    const { sets, facts } = parametersOf(track);
    assert.deepEqual(sets, [{ kind: 'AudioSpecificConfig', hex: '1190' }]);
    assert.deepEqual([facts.objectType, facts.sampleRate, facts.channels], [2, 48_000, 2]);
  });

  test('that cannot be read have no sets, and still what the track says', () => {
    const config = { ...h264Config([sps], [pps]), record: Uint8Array.of(9, 9) };
    const { sets, facts } = parametersOf({ ...base, kind: 'video', config });
    assert.deepEqual([sets, facts.width], [[], 1280]);
  });
});
