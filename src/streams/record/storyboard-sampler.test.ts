import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { audioTrack } from '../../media/isobmff/media.fixture.ts';
import { groupAt, groupsFrom, initOf } from '../../recording/recording.fixture.ts';
import type { StoryboardPicture } from '../../recording/storyboard/storyboard-file.ts';
import { StoryboardQueue } from './storyboard-queue.ts';
import { type PictureResult, StoryboardSampler } from './storyboard-sampler.ts';

/** A multiple of ten seconds. */
const START_US = 1_795_000_200_000_000;
const SECOND = 1_000_000;

function openSampler(change: { mayMake?: () => boolean; maxTasks?: number; maxBytes?: number } = {}) {
  let nowMs = 0;
  const stored: StoryboardPicture[] = [];
  const counted: PictureResult[] = [];
  const failures: unknown[] = [];
  const { mayMake = () => true, ...bounds } = change;
  const rig = {
    stored,
    counted,
    failures,
    /** What a picture waits for. */
    before: (): Promise<void> => Promise.resolve(),
    pass: (ms: number) => {
      nowMs += ms;
    },
    queue: new StoryboardQueue({ monotonicMs: () => nowMs, failed: (error) => failures.push(error), ...bounds }),
    open: (streamId = 's') =>
      new StoryboardSampler({
        ...{ streamId, queue: rig.queue, mayMake, counted: (result) => counted.push(result) },
        storyboards: {
          async append(_, picture) {
            stored.push(picture);
            return true;
          },
        },
        async makePicture({ bytes }) {
          await rig.before();
          return bytes.slice(0, 4);
        },
      }),
    seconds: () => stored.map(({ atUs }) => (atUs - START_US) / SECOND),
  };
  return rig;
}

suite('the storyboard of a stream', () => {
  test('has the first key frame of every ten seconds, and reaches over one distance of key frames more', async () => {
    const rig = openSampler();
    const sampler = rig.open();
    for (const group of groupsFrom({ msn: 1, startUs: START_US + 3 * SECOND, durationUs: 4 * SECOND }, 8)) {
      sampler.take(group);
    }
    await rig.queue.idle();
    assert.deepEqual(rig.seconds(), [3, 11, 23, 31]);
    assert.deepEqual(
      rig.stored.map(({ reachMs }) => reachMs),
      [20_000, 14_000, 14_000, 14_000],
    );
    assert.deepEqual(rig.counted, ['stored', 'stored', 'stored', 'stored']);
  });

  test('takes what key frames there are', async () => {
    const rig = openSampler();
    const sampler = rig.open();
    for (let i = 0; i < 20; i++) {
      sampler.take(groupAt({ msn: i, startUs: START_US + i * 2 * SECOND, key: i % 10 === 0 }));
    }
    await rig.queue.idle();
    assert.deepEqual(rig.seconds(), [0, 20]);
    assert.equal(rig.stored[1]!.reachMs, 30_000);
  });

  test('has no pictures of a stream without video, or while it is off', async () => {
    let isOn = false;
    const rig = openSampler({ mayMake: () => isOn });
    const sampler = rig.open();
    const [first, later] = groupsFrom({ msn: 1, startUs: START_US, durationUs: 10 * SECOND }, 2);
    sampler.take(first!);
    isOn = true;
    sampler.take(groupAt({ msn: 1, startUs: START_US, init: initOf([audioTrack]) }));
    assert.equal(rig.queue.length, 0);
    sampler.take(later!);
    await rig.queue.idle();
    assert.deepEqual(rig.seconds(), [10]);
  });

  test('a full queue refuses and counts a picture; the next key frame takes its place', async () => {
    for (const bounds of [{ maxTasks: 1 }, { maxBytes: 2000 }]) {
      const rig = openSampler(bounds);
      const { promise: held, resolve: release } = Promise.withResolvers<void>();
      rig.before = () => held;
      const [one, other] = [rig.open('one'), rig.open('other')];
      const groups = groupsFrom({ msn: 1, startUs: START_US }, 2);
      one.take(groups[0]!);
      other.take(groups[0]!);
      assert.deepEqual([rig.counted, rig.queue.length], [['dropped'], 1]);
      release();
      await rig.queue.idle();
      other.take(groups[1]!);
      await rig.queue.idle();
      assert.deepEqual(rig.seconds(), [0, 2]);
      assert.deepEqual(rig.counted, ['dropped', 'stored', 'stored']);
    }
  });

  test('failures are counted; after three in a row the engine is left alone for a while', async () => {
    const rig = openSampler();
    rig.before = () => Promise.reject(new Error('no engine'));
    const sampler = rig.open();
    const groups = groupsFrom({ msn: 1, startUs: START_US, durationUs: 10 * SECOND }, 6);
    for (const group of groups.slice(0, 5)) {
      sampler.take(group);
      await rig.queue.idle();
    }
    assert.deepEqual(rig.counted, ['failed', 'failed', 'failed', 'dropped', 'dropped']);
    assert.equal(rig.failures.length, 3);
    rig.before = () => Promise.resolve();
    rig.pass(5_000);
    sampler.take(groups[5]!);
    await rig.queue.idle();
    assert.deepEqual(rig.seconds(), [50]);
  });

  test('nothing is written after it was closed', async () => {
    const rig = openSampler();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    rig.before = () => held;
    const [one, other] = [rig.open('one'), rig.open('other')];
    const [first, later] = groupsFrom({ msn: 1, startUs: START_US, durationUs: 10 * SECOND }, 2);
    one.take(first!);
    other.take(first!);
    const closed = other.close();
    other.take(later!);
    release();
    await closed;
    await rig.queue.idle();
    assert.equal(rig.stored.length, 1);
  });
});
