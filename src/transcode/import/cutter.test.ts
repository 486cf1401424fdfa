import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { ticksToUs } from '@oxbow/media/run';
import { Cutter } from './cutter.ts';
import { importLimits } from './limits.ts';

const data = new Uint8Array(10);
/** A picture every 0.1 s with a key frame each second. */
const pictures = (fromS: number, toS: number): Frame[] =>
  Array.from({ length: Math.round((toS - fromS) * 10) }, (_, i) => {
    const at = Math.round((fromS + i / 10) * 90_000);
    return { trackId: videoTrack.id, dts: at, pts: at, duration: 9000, key: i % 10 === 0, data };
  });
/** A piece of sound every 0.1 s. */
const sounds = (fromS: number, toS: number): Frame[] =>
  Array.from({ length: Math.round((toS - fromS) * 10) }, (_, i) => {
    const at = Math.round((fromS + i / 10) * 48_000);
    return { trackId: audioTrack.id, dts: at, pts: at, duration: 4800, key: true, data };
  });

function cut(frames: readonly Frame[]) {
  const cutter = new Cutter([videoTrack, audioTrack], importLimits);
  cutter.push(frames);
  cutter.end();
  const count = (id: number) => cutter.take().reduce((sum, { frames: own }) => sum + (own.get(id)?.length ?? 0), 0);
  return { cutter, sounds: count(audioTrack.id) };
}

suite('cutting an original', () => {
  for (const earlyS of [0.15, 1, 5, 12, 600]) {
    test(`sound that begins ${earlyS} s before the picture is counted where it is left out`, () => {
      const { cutter } = cut([...sounds(1000 - earlyS, 1003), ...pictures(1000, 1003)]);
      assert.equal(cutter.originUs, 1_000_000_000);
      assert.ok(Math.abs(cutter.earlyUs / 1_000_000 - (earlyS < 0.2 ? 0 : earlyS)) < 0.001);
    });
  }

  test('the media clock shows as little as possible when the asset begins: what is decoded before is not before 0', () => {
    const first = (frames: readonly Frame[], track = videoTrack) => {
      const cutter = new Cutter([track, audioTrack], importLimits);
      cutter.push(frames);
      cutter.end();
      const [group] = cutter.take();
      const own = group!.frames.get(track.id)!;
      const dts = Math.min(...[...group!.frames.values()].flat().map((frame) => frame.dts));
      assert.ok(dts >= 0);
      assert.equal(group!.run.utcOffsetUs, -cutter.clockStartUs);
      assert.deepEqual([group!.startUs, ticksToUs(own[0]!.pts, track.timescale)], [0, cutter.clockStartUs]);
      return cutter.clockStartUs;
    };
    const later = (delayS: number) =>
      pictures(1000, 1003).map((frame) => ({ ...frame, pts: frame.pts + delayS * 90_000 }));
    assert.equal(first(later(0)), 200_000);
    assert.equal(first([...sounds(999.85, 1003), ...later(0)]), 200_000);
    assert.equal(first(later(0.5)), 500_000, 'pictures that are shown half a second after they are decoded');
    assert.equal(
      first(
        pictures(0, 30)
          .filter((_, i) => i % 10 === 0)
          .map((frame) => ({ ...frame, duration: 90_000 })),
      ),
      2_000_000,
    );
    assert.equal(first(later(9.5)), 9_500_000);
    assert.throws(() => first(later(10.5)), { message: /decoded long before it is shown/ });
    // Ticks that are no whole number of microseconds: the first picture is at 0 all the same.
    const film = { ...videoTrack, timescale: 24 };
    const slow = pictures(0, 3).map((frame, i) => ({ ...frame, dts: i, pts: i, duration: 1 }));
    assert.equal(first(slow, film), 208_333);
  });

  test('sound that continues behind the picture is kept to its end', () => {
    const { cutter, sounds: kept } = cut([...pictures(0, 3), ...sounds(0, 90)]);
    assert.deepEqual([kept, cutter.apartUs, Math.round(cutter.endUs / 1000)], [900, 0, 90_000]);
  });

  test('the distance between two clocks is no silence: sound that jumps away from the picture is counted and left out', () => {
    const { cutter, sounds: kept } = cut([...pictures(0, 3), ...sounds(0, 2), ...sounds(20_000, 20_001)]);
    assert.deepEqual([kept, Math.round(cutter.apartUs / 1000), cutter.endUs], [20, 1000, 3_000_000]);
    assert.equal(cutter.cuts.length, 1);
  });
});
