import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { PublishMeter } from './publish-meter.ts';

const tracks: readonly Track[] = [videoTrack, audioTrack];

function frame(track: Track, atMs: number, change: Partial<Frame> = {}): Frame {
  const dts = (atMs * track.timescale) / 1000;
  const duration = track.timescale / 25;
  return { trackId: track.id, dts, pts: dts, duration, key: false, data: new Uint8Array(100), ...change };
}

function begun(given = tracks): PublishMeter {
  const meter = new PublishMeter();
  meter.begin(given, 'continuous');
  return meter;
}

suite('the meter of a publisher', () => {
  test('sums bytes, frames and media time of video and audio', () => {
    const meter = begun();
    for (let ms = 0; ms <= 1000; ms += 40) {
      meter.add(frame(videoTrack, ms, { key: ms === 0 }), ms);
      meter.add(frame(audioTrack, ms, { data: new Uint8Array(10) }), ms);
    }
    assert.deepEqual(
      [meter.video.bytes, meter.video.frames, Math.round(meter.video.mediaMs), meter.video.keys],
      [2600, 26, 1000, 1],
    );
    assert.deepEqual([meter.audio.bytes, meter.audio.frames], [260, 26]);
    assert.equal(meter.video.irregular + meter.video.reordered + meter.video.backwards, 0);
  });

  test('bytes of a second audio track count, its frames and time do not', () => {
    const second = { ...audioTrack, id: 9, language: 'en' };
    const meter = begun([...tracks, second]);
    meter.add(frame(audioTrack, 0), 0);
    meter.add(frame(second, 0), 0);
    assert.deepEqual([meter.audio.bytes, meter.audio.frames], [200, 1]);
  });

  test('measures the distance of key frames, and the media since the last one', () => {
    const meter = begun();
    for (let ms = 0; ms <= 5000; ms += 40) meter.add(frame(videoTrack, ms, { key: ms % 2000 === 0 }), ms);
    const video = meter.videoTrack!;
    assert.deepEqual([video.longestGopMs, video.gopFrames, Math.round(video.sinceKeyMs)], [2000, 50, 1000]);
    meter.forgetExtremes();
    assert.equal(video.longestGopMs, 0);
  });

  test('media without any key frame is measured from its first frame', () => {
    const meter = begun();
    for (let ms = 5000; ms <= 17_000; ms += 40) meter.add(frame(videoTrack, ms), ms);
    assert.equal(meter.videoTrack!.hasKey, false);
    assert.equal(Math.round(meter.videoTrack!.sinceKeyMs), 12_000);
  });

  test('counts B-frames, irregular intervals and timestamps that run backwards', () => {
    const meter = begun();
    const pts = (ms: number) => (ms * videoTrack.timescale) / 1000;
    meter.add(frame(videoTrack, 0), 0);
    meter.add(frame(videoTrack, 40, { pts: pts(120) }), 40);
    meter.add(frame(videoTrack, 80, { pts: pts(80) }), 80);
    assert.equal(meter.video.reordered, 1);
    meter.add(frame(videoTrack, 200), 200);
    assert.equal(meter.video.irregular, 1);
    meter.add(frame(videoTrack, 160), 240);
    meter.add(frame(videoTrack, 200), 280);
    assert.equal(meter.video.backwards, 1);
  });

  test('jitter is the difference between the intervals of arrival and of the media', () => {
    const steady = begun();
    const shaky = begun();
    for (let i = 0; i < 200; i++) {
      steady.add(frame(videoTrack, i * 40), i * 40);
      shaky.add(frame(videoTrack, i * 40), i * 40 + (i % 2) * 30);
    }
    assert.ok(steady.videoTrack!.jitterMs < 0.01);
    assert.ok(Math.abs(shaky.videoTrack!.jitterMs - 30) < 1);
    assert.equal(shaky.videoTrack!.longestPauseMs, 70);
  });

  test('audio that arrives after its video is measured in media time', () => {
    const meter = begun();
    meter.add(frame(videoTrack, 1000), 0);
    meter.add(frame(audioTrack, 400), 0);
    meter.add(frame(audioTrack, 1100), 0);
    assert.deepEqual(meter.audioBehindMs, { least: -100, most: 600 });
  });

  test('a change of the size of the picture is counted, another start of the same is not', () => {
    const meter = begun();
    meter.begin(tracks, 'continuous');
    assert.equal(meter.sizeChanges, 0);
    assert.equal(videoTrack.kind, 'video');
    const config = { ...videoTrack.config, width: 320, height: 180 };
    meter.begin([{ ...videoTrack, config } as Track, audioTrack], 'continuous');
    assert.deepEqual([meter.sizeChanges, meter.starts], [1, 3]);
  });

  test('frames of tracks that were not announced are ignored', () => {
    const meter = begun();
    meter.add({ ...frame(videoTrack, 0), trackId: 77 }, 0);
    assert.equal(meter.video.frames, 0);
  });
});
