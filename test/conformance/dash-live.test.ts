import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { encode } from './harness/encoded-media.ts';
import { STREAM, StreamHarness } from './harness/stream-harness.ts';
import { ManifestFollower } from './live-mpd.ts';
import { named, parseXml } from './mpd.ts';

const MANIFEST = `/live/${STREAM}/index.mpd`;

/** Follows the manifest of a harness. */
function follow(harness: StreamHarness, path = MANIFEST): ManifestFollower {
  const follower = new ManifestFollower(harness.fetch, path, () => harness.nowMs);
  harness.onChange.push(() => follower.look());
  return follower;
}

/** Numbers that the live playlist of HLS has. */
async function numbersOfHls(harness: StreamHarness): Promise<string[]> {
  const index = (await harness.fetch(`/live/${STREAM}/index.m3u8`)).text;
  const [list] = /^a?v0\/g\d+\.m3u8$/m.exec(index)!;
  const { text } = await harness.fetch(`/live/${STREAM}/${list.replace('av0', 'v0')}`);
  return [...text.matchAll(/^(\d+)\.m4s$/gm)].map(([, number]) => number!);
}

async function firstNumber(harness: StreamHarness): Promise<string | undefined> {
  const root = parseXml((await harness.fetch(MANIFEST)).text);
  const [set] = named(named(root, 'Period')[0]!, 'AdaptationSet');
  return named(named(set!, 'Representation')[0]!, 'SegmentTemplate')[0]!.attributes.startNumber;
}

suite('DASH manifests of live streams (ISO 23009-1)', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  test('each update keeps what was listed; the open segment is listed with the times that it has later', async () => {
    await using harness = await StreamHarness.open({ players: false });
    const follower = follow(harness);
    await harness.play(await encode({ seconds: 40, rate: '25', gopS: 2, bFrames: 2 }));
    assert.equal(await firstNumber(harness), (await numbersOfHls(harness))[0], 'startNumber is the MSN of HLS');
    assert.deepEqual([...follower.problems, ...follower.missed], []);
    assert.ok(follower.openListed >= 8 && follower.checked >= 30, `${follower.openListed}, ${follower.checked}`);
    await harness.end();
    await follower.look();
    assert.deepEqual([follower.type, follower.isEnding], ['dynamic', true], 'first it has a duration');
    await harness.pause(10_000);
    await follower.look();
    assert.deepEqual(follower.problems, []);
    assert.equal(follower.type, 'static');
  });

  test('where key frames are irregular, no open segment is listed, and one wrong prediction is the last', async () => {
    await using harness = await StreamHarness.open({ players: false });
    const follower = follow(harness);
    const keys = [...Array.from({ length: 12 }, (_, i) => 2 * i), 25, 27.4, 29.6, 32, 35];
    await harness.play(await encode({ seconds: 38, rate: '25', gopS: keys }));
    assert.deepEqual(follower.problems, []);
    assert.deepEqual(new Set(follower.missed.map((uri) => /\d+\.m4s/.exec(uri)![0])).size, 1);
    assert.ok(follower.openListed > 0);
    assert.doesNotMatch((await harness.fetch(MANIFEST)).text, /availabilityTimeOffset/);
  });

  test('a run that follows a gap, and one that follows a restart of the source, are Periods of their own', async () => {
    await using harness = await StreamHarness.open({ players: false });
    const follower = follow(harness);
    const farBack = follow(harness, `/live/${STREAM}/dvr-30m/index.mpd`);
    const media = await encode({ seconds: 8, rate: '25', gopS: 2 });
    await harness.play(media);
    await harness.down(5_000);
    await harness.play(media);
    await harness.play(await encode({ seconds: 8, rate: '30000/1001', gopS: 1, codec: 'hevc' }));
    assert.deepEqual([...follower.problems, ...farBack.problems], []);
    assert.deepEqual([follower.periods.length, farBack.periods.length], [3, 3]);
    assert.ok(farBack.checked >= 18, `${farBack.checked} segments of the long manifest were checked`);
  });

  test('a source in bursts, audio in two languages and audio alone have manifests without open segments', async () => {
    const audio = [{ language: 'deu' }, { language: 'eng', sampleRate: 44_100 }];
    const plans = [
      { plan: { seconds: 30, rate: '25', gopS: 2 }, burstS: 6 },
      { plan: { seconds: 8, rate: '25', gopS: 2, audio } },
      { plan: { seconds: 8, audio: [{}] } },
    ];
    for (const { plan, ...burst } of plans) {
      await using harness = await StreamHarness.open({ players: false });
      const follower = follow(harness);
      await harness.play(await encode(plan), burst);
      assert.deepEqual(follower.problems, []);
      assert.equal(follower.openListed, 0);
      assert.ok(follower.updates >= 2, String(follower.updates));
    }
  });
});
