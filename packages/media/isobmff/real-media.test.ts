import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { concatBytes } from '../bytes.ts';
import type { Frame } from '../frame.ts';
import { printInit } from './init.ts';
import { dataTrack, textTrack } from './media.fixture.ts';
import {
  bytesOf,
  decodedHashes,
  demuxAll,
  fragmentsOf,
  makeFragmented,
  type Packet,
  probeFile,
  realPairs,
  sealedFile,
  writeBeside,
} from './real-media.fixture.ts';

const hashes = (packets: readonly Packet[], stream: number) =>
  packets.filter((packet) => packet.stream === stream).map(({ hash, key }) => `${hash}${key ? ' key' : ''}`);

suite('media of every codec, made by ffmpeg', { skip: need('ffmpeg') }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'oxbow-real-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const pair of realPairs) {
    test(`${pair.video} and ${pair.audio}: what is read and written again has the same packets`, () => {
      const source = makeFragmented(pair, folder);
      const { tracks, frames, damage } = demuxAll(bytesOf(source));
      assert.deepEqual(damage, []);
      assert.equal(tracks.length, 1);
      const [both] = tracks;
      assert.deepEqual(
        both!.map(({ config }) => config.codec),
        [pair.video, pair.audio],
      );
      const expected = probeFile(source);
      const live = writeBeside(source, 'live.mp4', concatBytes([printInit(both!), fragmentsOf(both!, frames)]));
      const chunk = writeBeside(source, 'chunk.mp4', sealedFile(both!, frames));
      for (const path of [live, chunk]) {
        const { packets, codecs } = probeFile(path);
        for (const stream of [0, 1]) assert.deepEqual(hashes(packets, stream), hashes(expected.packets, stream), path);
        assert.deepEqual(codecs, expected.codecs);
      }
      const [decoded, ...others] = decodedHashes(source, live, chunk);
      assert.equal(decoded!.video.length, 75);
      assert.ok(decoded!.audio.length > 0);
      assert.deepEqual(others, [decoded, decoded]);
    });
  }

  test('a sealed file with text and metadata beside is still an ordinary MP4 file', () => {
    const pair = realPairs[3]!;
    const source = makeFragmented(pair, folder);
    const { tracks, frames } = demuxAll(bytesOf(source));
    const all = [...tracks[0]!, textTrack, dataTrack];
    const cue = new TextEncoder().encode('\0\0\0\x15vttc\0\0\0\x0dpaylHello');
    const timed: Frame[] = [0, 1, 2].flatMap((s) => [
      { trackId: textTrack.id, dts: s * 1000, pts: s * 1000, duration: 1000, key: true, data: cue },
      { trackId: dataTrack.id, dts: s * 90_000, pts: s * 90_000, duration: 0, key: true, data: Uint8Array.of(0xfc, s) },
    ]);
    const chunk = writeBeside(source, 'chunk.mp4', sealedFile(all, [...frames, ...timed]));
    const expected = probeFile(source).packets;
    const { packets } = probeFile(chunk);
    for (const stream of [0, 1]) assert.deepEqual(hashes(packets, stream), hashes(expected, stream));
    const [decoded, other] = decodedHashes(source, chunk);
    assert.deepEqual(other, decoded);
    assert.equal(packets.filter(({ stream }) => stream === 2).length, 3);
    assert.equal(packets.filter(({ stream }) => stream === 3).length, 3);
  });
});
