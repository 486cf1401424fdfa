import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { MediaMeter } from './media-meter.ts';

const tracks = [videoTrack, audioTrack];

/** `seconds` of media: 25 pictures and 10 pieces of sound a second, of this many bytes each. */
function* media(fromS: number, seconds: number, { gopS = 2, bytes = 1000 } = {}): Generator<Frame> {
  for (let i = 0; i < seconds * 25; i++) {
    const dts = Math.round((fromS + i / 25) * videoTrack.timescale);
    const duration = videoTrack.timescale / 25;
    yield { trackId: videoTrack.id, dts, pts: dts, duration, key: i % (gopS * 25) === 0, data: new Uint8Array(bytes) };
    if (i % 5 !== 0) continue;
    const at = Math.round((fromS + i / 25) * audioTrack.timescale);
    yield { trackId: audioTrack.id, dts: at, pts: at, duration: 9600, key: true, data: new Uint8Array(bytes / 4) };
  }
}

function fed(meter: MediaMeter, frames: Iterable<Frame>): MediaMeter {
  for (const frame of frames) meter.add(frame);
  return meter;
}

test('bit rate, frame rate and key frame interval cover the last ten seconds', () => {
  const meter = new MediaMeter();
  meter.begin(tracks);
  assert.ok(!meter.rates);
  fed(meter, media(100, 5));
  const { bitrate, frameRate, gopS } = meter.rates ?? assert.fail('five seconds are enough');
  assert.deepEqual([bitrate, frameRate, gopS], [(25 * 1000 + 5 * 250) * 8, 25, 2]);
  fed(meter, media(105, 26, { gopS: 4, bytes: 2000 }));
  assert.deepEqual([meter.rates!.frameRate, meter.rates!.gopS], [25, 4]);
  assert.ok(Math.abs(meter.rates!.bitrate - 420_000) < 4000, String(meter.rates!.bitrate));
});

test('less than half a second, and a run that has ended, give no rates', () => {
  const meter = new MediaMeter();
  fed(meter, media(0, 5));
  assert.equal(meter.rates, undefined, 'no run was begun');
  meter.begin(tracks);
  fed(meter, media(0, 0.4));
  assert.equal(meter.rates, undefined);
  fed(meter, media(0.4, 2));
  assert.ok(meter.rates);
  meter.end();
  assert.equal(meter.rates, undefined);
});

test('audio alone has a bit rate, and neither frame rate nor key frame interval', () => {
  const meter = new MediaMeter();
  meter.begin([audioTrack]);
  fed(
    meter,
    [...media(0, 4)].filter(({ trackId }) => trackId === audioTrack.id),
  );
  assert.deepEqual([meter.rates!.frameRate, meter.rates!.gopS], [null, null]);
  assert.ok(meter.rates!.bitrate > 0);
});

test('timestamps that are reset do not give a negative rate', () => {
  const meter = new MediaMeter();
  meter.begin(tracks);
  fed(meter, media(1000, 5));
  fed(meter, media(0, 5));
  assert.deepEqual([meter.rates!.frameRate, meter.rates!.gopS], [25, 2]);
  assert.ok(meter.rates!.bitrate > 0 && meter.rates!.bitrate < 300_000);
});
