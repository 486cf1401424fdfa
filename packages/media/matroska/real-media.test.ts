import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { concatBytes } from '../bytes.ts';
import type { Frame, Track } from '../frame.ts';
import { planClipTimes } from '../isobmff/clip/clip-times.ts';
import {
  bytesOf,
  decodedHashes,
  demuxAll,
  makeFragmented,
  type Packet,
  probeFile,
  realPairs,
  writeBeside,
} from '../isobmff/real-media.fixture.ts';
import { clockOf, leadOf, planMatroska, trackNumberOf } from './clip.ts';
import { printClusters, shapeClusters } from './cluster.ts';

/** All frames as one group of a clip. */
function matroskaOf(tracks: readonly Track[], frames: readonly Frame[]): Uint8Array {
  const own = tracks.map((track) => ({ track, frames: frames.filter(({ trackId }) => trackId === track.id) }));
  const segments = own.map(({ track, frames: list }) => {
    const [first, last] = [list[0]!, list.at(-1)!];
    const duration = last.dts + last.duration - first.dts;
    return { trackId: track.id, tfdt: first.dts, duration, length: 1, firstPtsOffset: first.pts - first.dts };
  });
  const times = planClipTimes(tracks, [{ discontinuity: false, tracks: segments }]);
  const blocks = own.map(({ track, frames: list }) => ({
    number: trackNumberOf(tracks, track.id),
    timescale: track.timescale,
    samples: list.map((frame) => ({ ...frame, length: frame.data.length })),
  }));
  const trackIds = tracks.map(({ id }) => id);
  const plan = planMatroska(tracks, times, [{ trackIds, shape: shapeClusters(blocks, leadOf(tracks)) }], 0);
  return concatBytes([plan.header, printClusters(blocks, leadOf(tracks), clockOf(tracks, times, 0, trackIds))]);
}

suite('Matroska of every codec', { skip: need('ffmpeg') }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'oxbow-mkv-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const pair of realPairs) {
    test(`${pair.video} and ${pair.audio}: ffmpeg reads the packets of the source, and decodes them to the same`, () => {
      const source = makeFragmented(pair, folder);
      const { tracks, frames } = demuxAll(bytesOf(source));
      const file = writeBeside(source, 'clip.mkv', matroskaOf(tracks[0]!, frames));
      const [{ packets: expected, codecs: expectedCodecs }, { packets, codecs }] = [probeFile(source), probeFile(file)];
      const names = (list: readonly string[]) => list.map((line) => line.split(',')[0]);
      assert.deepEqual(names(codecs), names(expectedCodecs));
      const [expectedHashes, decoded] = decodedHashes(source, file);
      for (const [stream, name] of (['video', 'audio'] as const).entries()) {
        const own = (list: readonly Packet[]) => list.filter((packet) => packet.stream === stream);
        assert.deepEqual(
          own(packets).map(({ hash, key }) => [hash, key]),
          own(expected).map(({ hash, key }) => [hash, key]),
        );
        // What an Opus encoder puts before the first sample is cut off by the edit list of an MP4, and not in
        // Matroska.
        const skipped = name === 'audio' && pair.audio === 'opus' ? 1 : 0;
        assert.deepEqual(decoded![name].slice(skipped), expectedHashes![name].slice(skipped));
        const shiftS = own(packets)[0]!.ptsS - own(expected)[0]!.ptsS;
        for (const [i, { ptsS }] of own(packets).entries()) {
          // 100 µs are the unit, and ffprobe prints the source's times in ticks.
          assert.ok(Math.abs(ptsS - own(expected)[i]!.ptsS - shiftS) < 0.002, `${name} ${i}`);
        }
      }
    });
  }
});
