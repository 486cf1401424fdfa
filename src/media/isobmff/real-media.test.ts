import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { concatBytes } from '../../lib/bytes.ts';
import type { Frame } from '../frame.ts';
import { printInit } from './init.ts';
import { dataTrack, textTrack } from './media.fixture.ts';
import {
  bytesOf,
  codecsIn,
  decodedHashes,
  demuxAll,
  fragmentsOf,
  makeReal,
  type Packet,
  packetsOf,
  realPairs,
  remux,
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
      const plain = makeReal(pair, folder);
      const flags = '-movflags frag_keyframe+delay_moov+default_base_moof';
      const source = remux(plain, 'source.mp4', flags);
      const { tracks, frames, damage } = demuxAll(bytesOf(source));
      assert.deepEqual(damage, []);
      assert.equal(tracks.length, 1);
      const [both] = tracks;
      assert.deepEqual(
        both!.map(({ config }) => config.codec),
        [pair.video, pair.audio],
      );
      const expected = packetsOf(source);
      const live = writeBeside(plain, 'live.mp4', concatBytes([printInit(both!), fragmentsOf(both!, frames)]));
      const chunk = writeBeside(plain, 'chunk.mp4', sealedFile(both!, frames));
      for (const path of [live, chunk]) {
        const packets = packetsOf(path);
        for (const stream of [0, 1]) assert.deepEqual(hashes(packets, stream), hashes(expected, stream), path);
        assert.deepEqual(codecsIn(path), codecsIn(source));
        for (const stream of ['v:0', 'a:0']) {
          assert.deepEqual(decodedHashes(path, stream), decodedHashes(source, stream), `${path} ${stream}`);
        }
      }
    });
  }

  test('a sealed file with text and metadata beside is still an ordinary MP4 file', () => {
    const pair = realPairs[3]!;
    const source = remux(makeReal(pair, folder), 'source.mp4', '-movflags frag_keyframe+delay_moov+default_base_moof');
    const { tracks, frames } = demuxAll(bytesOf(source));
    const all = [...tracks[0]!, textTrack, dataTrack];
    const cue = new TextEncoder().encode('\0\0\0\x15vttc\0\0\0\x0dpaylHello');
    const timed: Frame[] = [0, 1, 2].flatMap((s) => [
      { trackId: textTrack.id, dts: s * 1000, pts: s * 1000, duration: 1000, key: true, data: cue },
      { trackId: dataTrack.id, dts: s * 90_000, pts: s * 90_000, duration: 0, key: true, data: Uint8Array.of(0xfc, s) },
    ]);
    const chunk = writeBeside(source, 'chunk.mp4', sealedFile(all, [...frames, ...timed]));
    const expected = packetsOf(source);
    const packets = packetsOf(chunk);
    for (const stream of [0, 1]) assert.deepEqual(hashes(packets, stream), hashes(expected, stream));
    assert.deepEqual(decodedHashes(chunk, 'v:0'), decodedHashes(source, 'v:0'));
    assert.equal(packets.filter(({ stream }) => stream === 2).length, 3);
    assert.equal(packets.filter(({ stream }) => stream === 3).length, 3);
  });
});
