import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { AudioTrack, Frame, VideoTrack } from '@oxbow/media/frame';
import type { StreamInput } from '../../live/input.ts';
import { RecordMeter } from './record-meter.ts';

const video: VideoTrack = {
  id: 1,
  kind: 'video',
  timescale: 1000,
  language: 'und',
  label: '',
  config: { codec: 'h264', record: new Uint8Array(0), codecs: 'avc1.64001f', width: 640, height: 360 },
};
const audio: AudioTrack = {
  id: 2,
  kind: 'audio',
  timescale: 1000,
  language: 'und',
  label: '',
  config: { codec: 'aac', record: new Uint8Array(0), codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2 },
};
const frame = (trackId: number, dts: number, key = true): Frame => {
  return { trackId, dts, pts: dts, duration: 40, key, data: new Uint8Array(10) };
};

/** An input that notes what reaches it. */
function noting(): { input: StreamInput; frames: Frame[]; absences: string[] } {
  const frames: Frame[] = [];
  const absences: string[] = [];
  const input: StreamInput = {
    startRun() {},
    publish: (one) => void frames.push(one),
    flush() {},
    absent: (cause, detail) => void absences.push(`${cause} ${detail}`),
    damage() {},
  };
  return { input, frames, absences };
}

const run = { tracks: [video, audio], utcOffsetUs: 0, clock: 'arrival', pace: { kind: 'continuous' } } as const;

suite('measuring a recording', () => {
  test('tracks that come one after the other are one run, which the session begins', () => {
    const meter = new RecordMeter(undefined);
    const started: unknown[] = [];
    const { input, frames } = noting();
    const session = { ...input, startTracks: (...call: unknown[]) => void started.push(call) };
    const source = meter.over(session);
    source.startTracks!([video]);
    source.publish(frame(1, 1000));
    source.startTracks!([video, audio]);
    source.publish(frame(1, 1040));
    source.publish(frame(2, 1040));
    assert.deepEqual([meter.progress.seconds.toFixed(2), frames.length], ['0.08', 3]);
    source.startTracks!([video, audio], { restarts: true });
    source.publish(frame(1, 0));
    assert.equal(meter.progress.seconds.toFixed(2), '0.12');
    assert.deepEqual(started.at(-1), [[video, audio], { restarts: true }]);
    assert.equal(meter.over(input).startTracks, undefined);
  });

  test('the target duration ends it at the exact frame, over runs, whatever the timestamps', async () => {
    const meter = new RecordMeter(200);
    const { input, frames } = noting();
    const over = meter.over(input);
    over.startRun(run);
    for (let i = 0; i < 3; i++) over.publish(frame(1, 5000 + 40 * i));
    over.absent('source-down', 'HTTP 502');
    over.startRun(run);
    for (let i = 0; i < 6; i++) {
      over.publish(frame(1, 40 * i));
      over.publish(frame(2, 40 * i));
    }
    await meter.reached;
    assert.equal(frames.filter(({ trackId }) => trackId === 1).length, 5);
    assert.equal(frames.filter(({ trackId }) => trackId === 2).length, 2);
    const { seconds, bytes, gaps } = meter.progress;
    assert.ok(Math.abs(seconds - 0.2) < 1e-9);
    assert.deepEqual([bytes, gaps], [70, 1]);
  });

  test('a failure before the first media is the reason to give up; later it is a gap', () => {
    const meter = new RecordMeter(undefined);
    const { input, absences } = noting();
    const over = meter.over(input);
    assert.equal(meter.failure, undefined);
    over.absent('source-down', 'HTTP 404');
    assert.deepEqual(meter.failure, { detail: 'HTTP 404', isFinal: false });
    over.startRun(run);
    over.publish(frame(1, 0));
    assert.equal(meter.failure, undefined);
    over.absent('source-down', 'HTTP 502');
    assert.equal(meter.failure, undefined);
    assert.deepEqual([meter.progress.gaps, meter.progress.problem], [1, 'HTTP 502']);
    assert.equal(absences.length, 2);
  });

  test('media that cannot be read at all is final', () => {
    const meter = new RecordMeter(undefined);
    meter.over(noting().input).absent('bad-media', 'SAMPLE-AES is not taken');
    assert.deepEqual(meter.failure, { detail: 'SAMPLE-AES is not taken', isFinal: true });
  });

  test('a source reads the end of the media and the UTC offset of the stream', () => {
    const { input } = noting();
    const placement = { mediaEndUs: 5_000_000, utcOffsetUs: 7 };
    const over = new RecordMeter(undefined).over({ ...input, placement });
    assert.equal(over.placement, placement);
  });

  test('the bit rate covers the last seconds', () => {
    const meter = new RecordMeter(undefined);
    const over = meter.over(noting().input);
    over.startRun(run);
    for (let i = 0; i < 1000; i++) over.publish(frame(1, 40 * i));
    const { bitrate } = meter.progress;
    assert.ok(Math.abs(bitrate - 2000) < 100, `${bitrate} bits a second`);
  });

  test('damage is counted and named by its kinds; after the target duration none is', async () => {
    const meter = new RecordMeter(100);
    assert.deepEqual([meter.progress.damaged, meter.warnings], [0, []]);
    meter.damage('a decode time 90 ticks back');
    meter.damage('a decode time 180 ticks back');
    meter.damage('a PSI section with a wrong CRC');
    const all = 'a decode time 90 ticks back (2 times); a PSI section with a wrong CRC';
    assert.deepEqual(meter.warnings, [`3 damaged places in the media were left out: ${all}.`]);
    const over = meter.over(noting().input);
    over.startRun(run);
    for (let i = 0; i < 4; i++) over.publish(frame(1, 40 * i));
    meter.damage('late');
    assert.equal(meter.progress.damaged, 3);
  });
});
