/**
 * The matrix of media, second side: what is not the usual camera, each through packager, recorder and
 * delivery. docs/media.md 6 to 13, 15a.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { assertLive, lastList, playerOf } from './harness/assertions.ts';
import { encode, type Media, withVariableRate } from './harness/encoded-media.ts';
import { type PlayOptions, StreamHarness } from './harness/stream-harness.ts';

/** Plays media to its end, and asserts all that is true of any. */
async function played(media: Media, options: PlayOptions = {}): Promise<StreamHarness> {
  const harness = await StreamHarness.open();
  try {
    await harness.play(media, options);
    await harness.end();
    await assertLive(harness);
    return harness;
  } catch (error) {
    await harness[Symbol.asyncDispose]();
    throw error;
  }
}

/** TARGETDURATION, PART-TARGET, HOLD-BACK and PART-HOLD-BACK of a rendition. */
function promises(harness: StreamHarness, rendition: string) {
  const { targetDurationS, partTargetS, serverControl } = lastList(playerOf(harness, rendition)).list;
  return [targetDurationS, partTargetS, serverControl?.holdBackS, serverControl?.partHoldBackS];
}

/** Renditions that were followed. */
const renditions = (harness: StreamHarness) => [...harness.players.keys()].map((path) => path.split('/')[3]);

/** EXTINF of all segments of a rendition. */
const durations = (harness: StreamHarness, rendition: string) =>
  lastList(playerOf(harness, rendition)).list.segments.map(({ durationS }) => durationS);

suite('shapes of media', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  test('a variable frame rate gives no parts', async () => {
    await using harness = await played(withVariableRate(await encode({ seconds: 9, rate: '30', gopS: 1 })));
    assert.deepEqual(promises(harness, 'av0').slice(1), [
      undefined,
      3 * (promises(harness, 'av0')[0] as number),
      undefined,
    ]);
  });

  test('5 frames per second give no parts', async () => {
    await using harness = await played(await encode({ seconds: 9, rate: '5', gopS: 2 }));
    assert.deepEqual(promises(harness, 'av0'), [2, undefined, 6, undefined]);
    assert.equal(lastList(playerOf(harness, 'av0')).list.serverControl?.canBlockReload, false);
  });

  test('audio only is cut at complete frames, nine per part', async () => {
    await using harness = await played(await encode({ seconds: 9 }));
    assert.deepEqual(renditions(harness), ['a0']);
    assert.deepEqual(promises(harness, 'a0'), [2, 0.193, 6, 0.64299]);
  });

  test('video only', async () => {
    await using harness = await played(await encode({ seconds: 9, rate: '25', audio: [] }));
    assert.deepEqual(renditions(harness), ['v0']);
    assert.deepEqual(promises(harness, 'v0'), [2, 0.201, 6, 0.603]);
  });

  for (const { gopS, targetS, extinfS } of [
    { gopS: 0.48, targetS: 2, extinfS: 2.4 },
    { gopS: 0.5, targetS: 2, extinfS: 2 },
    { gopS: 1, targetS: 2, extinfS: 2 },
    { gopS: 3, targetS: 3, extinfS: 3 },
  ]) {
    test(`GOPs of ${gopS} s`, async () => {
      await using harness = await played(await encode({ seconds: 9, rate: gopS === 0.5 ? '24' : '25', gopS }));
      assert.equal(promises(harness, 'av0')[0], targetS);
      for (const s of durations(harness, 'v0').slice(0, -1)) assert.ok(Math.abs(s - extinfS) < 0.002, `EXTINF ${s}`);
    });
  }

  test('GOPs of 10 s are cut without a key frame, and only parts with one are INDEPENDENT', async () => {
    await using harness = await played(await encode({ seconds: 22, rate: '25', gopS: 10 }));
    assert.equal(promises(harness, 'av0')[0], 4);
    const { received } = playerOf(harness, 'v0');
    const parts = new Map(
      received.flatMap(({ list }) =>
        list.segments.flatMap((own) => own.parts.map((part) => [part.uri, part.independent])),
      ),
    );
    // The first segments have left their parts behind when the list begins.
    assert.ok([...parts.values()].filter((independent) => independent).length <= 3);
  });

  test('irregular GOPs, as with scene cuts', async () => {
    const gopS = [0, 1.5, 1.8, 3.9, 6.1, 6.5, 8.4, 10.7, 11, 11.2, 13.2];
    await using harness = await played(await encode({ seconds: 14, rate: '25', gopS }));
    assert.equal(promises(harness, 'av0')[0], 2);
  });

  test('B-frames: no pts is before the start of its segment', async () => {
    await using harness = await played(await encode({ seconds: 9, rate: '25', gopS: 2, bFrames: 2 }));
    assert.deepEqual(promises(harness, 'v0'), [2, 0.201, 6, 0.66699]);
  });

  test('HEVC with B-frames', async () => {
    const plan = { seconds: 9, rate: '25', gopS: 2, codec: 'hevc', bFrames: 2 } as const;
    await using harness = await played(await encode(plan));
    assert.deepEqual(promises(harness, 'v0'), [2, 0.201, 6, 0.66699]);
  });

  for (const gopS of [2, 6]) {
    test(`a pulled list of 6 s segments with GOPs of ${gopS} s has no parts, and is held back by its bursts`, async () => {
      const media = await encode({ seconds: 30, rate: '25', gopS });
      await using harness = await played(media, { clock: 'source', burstS: 6 });
      assert.deepEqual(promises(harness, 'av0'), [gopS, undefined, Math.max(3 * gopS, 9 + gopS), undefined]);
      const { serverControl, preloadHint } = lastList(playerOf(harness, 'av0')).list;
      assert.deepEqual([serverControl?.canBlockReload, preloadHint], [false, undefined]);
    });
  }

  test('each audio language is a rendition', async () => {
    const audio = [{ language: 'eng' }, { language: 'deu', channels: 1 }];
    await using harness = await played(await encode({ seconds: 9, rate: '25', audio }));
    assert.deepEqual(renditions(harness), ['v0', 'a0-eng', 'a1-deu']);
    assert.deepEqual(promises(harness, 'a1-deu'), [2, 0.22233, 6, 0.66699]);
  });

  test('timestamps continue after 2^33', async () => {
    await using harness = await played(await encode({ seconds: 9, rate: '25', offsetS: 95_437 }));
    const { segments, discontinuitySequence } = lastList(playerOf(harness, 'av0')).list;
    assert.ok(segments.every(({ discontinuity }) => !discontinuity));
    assert.equal(discontinuitySequence, 0);
  });

  test('a truncated first GOP does not increase the target duration', async () => {
    for (const [firstS, restS] of [
      [0.9, 1],
      [1.4, 2],
    ] as const) {
      const gopS = [0, ...Array.from({ length: 10 }, (_, i) => firstS + i * restS)];
      await using harness = await played(await encode({ seconds: 6, rate: '25', gopS }));
      assert.equal(promises(harness, 'av0')[0], 2, `${firstS} s, then ${restS} s`);
    }
  });
});
