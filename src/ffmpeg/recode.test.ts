import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demux, flvOf } from '@oxbow/media/flv/media.fixture';
import type { VideoTrack } from '@oxbow/media/frame';
import { need } from '../../test/fixtures/need.ts';
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

test('what only the transport states of the colours is kept', { skip: need('ffmpeg') }, async () => {
  const picture = ['-f', 'lavfi', '-i', 'color=gray:s=64x64:r=25', '-frames:v', '2'];
  const { tracks, frames } = demux(flvOf([...picture, '-c:v', 'libx264', '-bf', '0']));
  const [source] = tracks[0]!;
  assert.ok(source?.kind === 'video');
  const colourInfo = { colours: { primaries: 9, transfer: 16, matrix: 9 } };
  const hdr = { ...source, config: { ...source.config, colourInfo } };
  const { pts } = frames[0]!;
  const made = await recode({ track: hdr, fromPts: pts, toPts: pts + 1, delay: 0 }, frames, { signal });
  assert.deepEqual(made.track.config.colourInfo, colourInfo);
});
