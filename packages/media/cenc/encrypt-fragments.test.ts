import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { toRbsp } from '../h264/annexb.ts';
import { u32At } from '../isobmff/box.ts';
import { bytesOf, demuxAll } from '../isobmff/real-media.fixture.ts';
import { ClearRanges } from './clear-ranges.ts';
import { bothOf, decode, makeForm, testKey, tracedHeaders, VIDEO_FORMS } from './encrypted.fixture.ts';

suite('cbcs of real media, read by ffmpeg', { skip: need('ffmpeg') }, () => {
  for (const form of Object.keys(VIDEO_FORMS) as (keyof typeof VIDEO_FORMS)[]) {
    test(`${form}: every frame decodes to the clear picture with the key, and not without it`, () => {
      const { tracks, frames } = demuxAll(bytesOf(makeForm(form)));
      const media = bothOf(tracks[0]!, frames);
      const clear = decode(media.clear);
      const decrypted = decode(media.encrypted, testKey.key);
      assert.equal(clear.hashes[0]!.length, 50);
      assert.ok(clear.hashes[1]!.length > 90);
      assert.deepEqual(decrypted, clear);
      const wrong = decode(media.encrypted, testKey.kid);
      const shown = new Set(clear.hashes[0]);
      assert.ok(wrong.hashes[0]!.filter((hash) => shown.has(hash)).length < 3, 'pictures with a wrong key');
    });

    test(`${form}: exactly the slice headers are clear, as another reader measures them`, () => {
      const path = makeForm(form);
      const { tracks, frames } = demuxAll(bytesOf(path));
      const video = tracks[0]!.find((track) => track.kind === 'video')!;
      const ranges = new ClearRanges(video.config);
      const measured = frames
        .filter(({ trackId }) => trackId === video.id)
        .flatMap(({ data }) => sliceHeaders(ranges, data, video.config.codec));
      const traced = tracedHeaders(path).map((bits) => Math.ceil(bits / 8));
      assert.ok(measured.length >= 50);
      assert.deepEqual(measured, traced);
    });
  }
});

/** Bytes of each slice header without emulation prevention. */
function sliceHeaders(ranges: ClearRanges, sample: Uint8Array, codec: string): number[] {
  const headers: number[] = [];
  for (let at = 0; at < sample.length; ) {
    const end = at + 4 + u32At(sample, at);
    const type = codec === 'h264' ? sample[at + 4]! & 0x1f : (sample[at + 4]! >> 1) & 0x3f;
    const [first] = ranges.divide(sample, at, end);
    if (codec === 'h264' ? type === 1 || type === 5 : type < 32) {
      headers.push(toRbsp(sample, at + 4, at + first!.clear).length);
    }
    at = end;
  }
  return headers;
}
