import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VideoTrack } from '@oxbow/media/frame';
import { recode } from './recode.ts';

const signal = new AbortController().signal;
const track = (codec: VideoTrack['config']['codec']): VideoTrack => ({
  id: 1,
  kind: 'video',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: { codec, record: Uint8Array.of(1, 100, 0, 31, 255, 224, 0), codecs: 'avc1.64001f', width: 640, height: 360 },
});
const range = { fromPts: 0, toPts: 3600, delay: 0 };
const frame = { trackId: 1, dts: 0, pts: 0, duration: 3600, key: true, data: Uint8Array.of(0, 0, 0, 1, 0x65) };

test('an unsupported codec is refused with a hint', async () => {
  await assert.rejects(recode({ ...range, track: track('av1') }, [frame], { signal }), {
    code: 'unsupported-media',
    extra: { hint: 'Request it without `exact`: the file then starts and ends at key frames.' },
  });
});

test('undecodable media rejects with engine-failed', async () => {
  const broken = { ...frame, data: Uint8Array.of(0, 0, 0, 4, 0x65, 1, 2, 3) };
  await assert.rejects(recode({ ...range, track: track('h264') }, [broken], { signal }), { code: 'engine-failed' });
});

test('abort ends the process and rejects with the reason', async () => {
  const controller = new AbortController();
  const asked = recode({ ...range, track: track('h264') }, [frame], { signal: controller.signal });
  controller.abort(new Error('enough'));
  await assert.rejects(asked, /enough/);
});
