/**
 * The matrix of media, first side: frame rates, GOPs, codecs, each through packager, recorder and delivery.
 * docs/media.md 6 to 13.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { isFull } from '../full.ts';
import { assertLive, lastList, playerOf } from './harness/assertions.ts';
import { encode, inMilliseconds, type Media } from './harness/encoded-media.ts';
import { StreamHarness } from './harness/stream-harness.ts';

/** The first tier has a rate of each kind: of film, whole, and doubled with a remainder. */
const FIRST: ReadonlySet<string> = new Set(['23.976', '25', '59.94']);

/**
 * PART-TARGET of lists with pictures, of the list of audio alone, and PART-HOLD-BACK: three of the longer.
 * docs/media.md 8.
 */
const rates = [
  { name: '23.976', rate: '24000/1001', partTargetS: 0.20954, audioS: 0.23088, holdBackS: 0.69264 },
  { name: '24', rate: '24', partTargetS: 0.20933, audioS: 0.23067, holdBackS: 0.69201 },
  { name: '25', rate: '25', partTargetS: 0.201, audioS: 0.22233, holdBackS: 0.66699 },
  { name: '29.97', rate: '30000/1001', partTargetS: 0.2012, audioS: 0.22253, holdBackS: 0.66759 },
  { name: '30', rate: '30', partTargetS: 0.201, audioS: 0.22233, holdBackS: 0.66699 },
  { name: '50', rate: '50', partTargetS: 0.201, audioS: 0.22233, holdBackS: 0.66699 },
  { name: '59.94', rate: '60000/1001', partTargetS: 0.2012, audioS: 0.22253, holdBackS: 0.66759 },
] as const;

suite('frame rates', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  for (const { name, rate, partTargetS, audioS, holdBackS } of rates.filter(({ name }) => isFull || FIRST.has(name))) {
    for (const [protocol, change] of [
      ['MPEG-TS', (media: Media) => media],
      ['RTMP', inMilliseconds],
    ] as const) {
      test(`${name} frames per second over ${protocol}`, async () => {
        await using harness = await StreamHarness.open();
        await harness.play(change(await encode({ seconds: 7, rate, gopS: 2 })), { clock: 'arrival' });
        for (const rendition of ['av0', 'v0']) {
          const { list } = lastList(playerOf(harness, rendition));
          assert.deepEqual(
            [list.targetDurationS, list.partTargetS, list.serverControl],
            [
              4,
              partTargetS,
              {
                canBlockReload: true,
                canSkipUntilS: 24,
                holdBackS: 12,
                partHoldBackS: holdBackS,
              },
            ],
          );
        }
        assert.equal(lastList(playerOf(harness, 'a0')).list.partTargetS, audioS, 'one AAC frame more');
        await harness.end();
        await assertLive(harness);
      });
    }
  }
});
