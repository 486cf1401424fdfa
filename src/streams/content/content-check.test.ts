import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { groupsFrom, START_US } from '../../recording/recording.fixture.ts';
import { StoryboardQueue } from '../record/storyboard-queue.ts';
import { ContentCheck, type ContentSample } from './content-check.ts';

function openCheck(change: { off?: string; measureSound?: () => Promise<never> } = {}) {
  const failures: unknown[] = [];
  const counted: string[] = [];
  const samples: ContentSample[] = [];
  const queue = new StoryboardQueue({ monotonicMs: () => 0, failed: (error) => failures.push(error) });
  const mode = { everyUs: { picture: 2_000_000, sound: 10_000_000 }, off: change.off ?? '' };
  const check = new ContentCheck({
    mode,
    queue,
    counted: (kind, result) => counted.push(`${kind} ${result}`),
    readLuma: async () => new Uint8Array(64).fill(100),
    measureSound: change.measureSound ?? (async () => ({ rms: 0.1, peak: 0.5, clipped: 0, seconds: 1 })),
  });
  check.onSample((sample) => samples.push(sample));
  return {
    failures,
    counted,
    samples,
    check,
    mode,
    async feed(seconds: number) {
      for (const group of groupsFrom({ msn: 1, startUs: START_US }, seconds / 2)) {
        check.take(group);
        await queue.idle();
      }
    },
  };
}

suite('the check of pictures and sound', () => {
  test('takes a picture in two seconds and a piece of sound in ten, and compares each picture with the one before', async () => {
    const { feed, samples, check } = openCheck();
    await feed(40);
    const pictures = samples.filter((sample) => sample.kind === 'picture');
    const sounds = samples.filter((sample) => sample.kind === 'sound');
    assert.deepEqual([pictures.length, sounds.length], [20, 4]);
    assert.deepEqual([pictures[0]!.change, pictures[1]!.change], [undefined, 0]);
    assert.equal(sounds[0]!.levelDb, -20);
    await check.close();
  });

  test('while it is off nothing is decoded, and it says why', async () => {
    const { feed, samples, check } = openCheck({ off: 'too many streams' });
    await feed(20);
    assert.deepEqual([samples, check.absent], [[], 'too many streams']);
  });

  test('sound that cannot be decoded is reported once, tried rarely, and does not stop the pictures', async () => {
    const { feed, failures, counted, check } = openCheck({
      measureSound: () => Promise.reject(new Error('no decoder')),
    });
    await feed(80);
    assert.equal(counted.filter((each) => each === 'picture checked').length, 40);
    assert.equal(counted.filter((each) => each === 'sound failed').length, 2);
    assert.ok(failures.length <= 2, `${failures.length} failures`);
    assert.equal(check.absent, '');
  });
});
