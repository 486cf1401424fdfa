import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import type { Track } from '../frame.ts';
import { parseInit } from '../isobmff/init.ts';
import { makeTs } from '../mpegts/media.fixture.ts';
import { coloursOf, videoRangeOf } from './colours.ts';

/** One picture of ffmpeg with these colours, and the track of it. */
function trackOf(codec: string, args: readonly string[], transfer: string | undefined): Track {
  const said =
    transfer === undefined ? [] : ['-color_primaries', 'bt2020', '-color_trc', transfer, '-colorspace', 'bt2020nc'];
  const picture = ['-f', 'lavfi', '-i', 'color=gray:s=64x64:r=25', '-frames:v', '1', '-pix_fmt', 'yuv420p10le'];
  const path = makeTs([...picture, '-c:v', codec, ...args, ...said, '-movflags', 'empty_moov+delay_moov'], 'mp4');
  return parseInit(readFileSync(path))[0]!;
}

suite('VIDEO-RANGE of what ffmpeg encodes (RFC 8216bis 4.4.6.2)', { skip: need('ffmpeg') }, () => {
  for (const [codec, args] of [
    ['libx264', ['-preset', 'ultrafast']],
    ['libx265', ['-preset', 'ultrafast', '-x265-params', 'log-level=none', '-tag:v', 'hvc1']],
    ['libaom-av1', ['-cpu-used', '8']],
    ['libvpx-vp9', ['-cpu-used', '8', '-profile:v', '2']],
  ] as const) {
    test(codec, () => {
      for (const [transfer, range, code] of [
        ['smpte2084', 'PQ', 16],
        ['arib-std-b67', 'HLG', 18],
        ['bt709', 'SDR', 1],
      ] as const) {
        const track = trackOf(codec, args, transfer);
        assert.equal(videoRangeOf(track), range);
        assert.ok(track.kind === 'video');
        assert.deepEqual(coloursOf(track.config), { primaries: 9, transfer: code, matrix: 9 });
      }
      assert.equal(videoRangeOf(trackOf(codec, args, undefined)), 'SDR', 'nothing is said');
    });
  }
});

test('a configuration that cannot be read is SDR, and sound has no range', () => {
  const config = { codec: 'h264', record: Uint8Array.of(1), codecs: 'avc1.640028', width: 1, height: 1 } as const;
  const track: Track = { id: 1, kind: 'video', timescale: 90_000, language: 'und', label: '', config };
  assert.equal(videoRangeOf(track), 'SDR');
  assert.equal(videoRangeOf(undefined), undefined);
});
