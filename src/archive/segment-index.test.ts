import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import type { CommittedGroup } from '@oxbow/media/isobmff/commit-box';
import { seeded } from '@oxbow/media/random.fixture';
import { copyGroup, packSegments, SegmentWalker } from './segment-index.ts';

function unpackSegments(blob: Uint8Array): CommittedGroup[] {
  const walker = new SegmentWalker(blob);
  const groups: CommittedGroup[] = [];
  while (walker.next()) groups.push(copyGroup(walker.group));
  return groups;
}

/** A minute of 2 s segments as a camera gives them: sizes vary, audio has 93 or 94 frames. */
function minute(random = seeded(3)): CommittedGroup[] {
  let at = 2211;
  let audioTfdt = 4_800_000_000;
  return Array.from({ length: 30 }, (_, i) => {
    const videoLength = 1_000_000 + random(500_000);
    const audioFrames = 93 + random(2);
    const tracks = [
      { trackId: 1, offset: at, length: videoLength, tfdt: 9_000_000_000 + i * 180_000, duration: 180_000 },
      {
        trackId: 2,
        offset: at + videoLength,
        length: 32_000 + random(2000),
        tfdt: audioTfdt,
        duration: audioFrames * 1024,
      },
    ].map((track, k) => ({
      ...track,
      firstPtsOffset: k === 0 ? 7200 : 0,
      samples: k === 0 ? 50 : audioFrames,
      flags: 1,
      crc: random(2 ** 31) * 2,
    }));
    at = tracks[1]!.offset + tracks[1]!.length + 212;
    audioTfdt += audioFrames * 1024;
    return {
      msn: 868_000_000 + i,
      run: 12,
      utcOffsetUs: 1_700_000_000_123_456,
      clock: 'arrival' as const,
      startUs: 1_795_000_000_021_000 + i * 2_000_000,
      durationUs: 2_000_000,
      discontinuity: false,
      discontinuitySequence: 5,
      gaps: [],
      tracks,
    };
  });
}

suite('the packed segment index', () => {
  test('takes at most 18 bytes a segment and track, and comes back exactly', () => {
    const groups = minute();
    const blob = packSegments(groups);
    assert.deepEqual(unpackSegments(blob), groups);
    assert.ok(blob.length / 60 <= 18, `${blob.length / 60} bytes`);
  });

  test('nothing that is not as predicted is lost', () => {
    const random = seeded(11);
    const big = () => random(2 ** 31) * (random(3) === 0 ? 2 ** 20 : 1);
    const causes = ['offline', 'source-down', 'clock', 'crash'] as const;
    for (let round = 0; round < 300; round++) {
      const groups: CommittedGroup[] = Array.from({ length: random(6) }, () => ({
        msn: big(),
        run: big(),
        utcOffsetUs: big() - 2 ** 50,
        clock: random(2) ? 'source' : 'arrival',
        startUs: big() - 1000,
        durationUs: big(),
        discontinuity: random(2) === 1,
        discontinuitySequence: random(1000),
        gaps: Array.from({ length: random(3) }, () => ({
          fromUs: big(),
          toUs: big(),
          cause: causes[random(4)]!,
          detail: random(2) ? 'HTTP 404 – ü' : '',
        })),
        tracks: Array.from({ length: random(4) }, (_, k) => ({
          trackId: k + random(2) * 5 + 1,
          offset: big(),
          length: random(2 ** 31),
          tfdt: big(),
          duration: random(2 ** 31),
          firstPtsOffset: random(1000) - 500,
          samples: random(5000),
          flags: random(9),
          crc: random(2 ** 31) * 2 + 1,
        })).filter((track, i, all) => all.findIndex((other) => other.trackId === track.trackId) === i),
      }));
      assert.deepEqual(unpackSegments(packSegments(groups)), groups);
    }
  });

  test('damaged blobs are refused with FormatError and nothing else', () => {
    const random = seeded(7);
    const blob = packSegments(minute());
    for (let round = 0; round < 2000; round++) {
      const broken = new Uint8Array(blob.subarray(0, 1 + random(blob.length)));
      for (let i = random(8); i > 0; i--) broken[random(broken.length)] = random(256);
      try {
        unpackSegments(broken);
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
      }
    }
    assert.throws(() => unpackSegments(Uint8Array.of(2, 0)), { name: 'FormatError', offset: 0 });
    assert.throws(() => unpackSegments(new Uint8Array(0)), { name: 'FormatError', offset: 0 });
    assert.throws(() => unpackSegments(Uint8Array.of(1, 0, 0)), { name: 'FormatError', offset: 2 });
  });
});
