import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { groupsFrom, START_US } from '../../recording/recording.fixture.ts';
import { StoryboardQueue } from '../record/storyboard-queue.ts';
import { ContentCheck } from './content-check.ts';
import { ContentMode } from './content-mode.ts';
import type { ContentSample } from './content-sample.ts';

function openCheck(change: { liveStreams?: number; measureSound?: () => Promise<never> } = {}) {
  const failures: unknown[] = [];
  const counted: string[] = [];
  const samples: ContentSample[] = [];
  const queue = new StoryboardQueue({ monotonicMs: () => 0, failed: (error) => failures.push(error) });
  const contentCheck = { mode: 'auto' as 'auto' | 'on' | 'off', pictureEvery: 2_000, soundEvery: 10_000 };
  const alarms = { rules: '', mail: [], mailLanguage: 'en', keep: 1 } as const;
  const settings = { now: { contentCheck, alarms: { ...alarms, rules: '' } } };
  const mode = new ContentMode(settings);
  if (change.liveStreams) mode.liveStreams = change.liveStreams;
  const check = new ContentCheck({
    mode,
    queue,
    counted: (kind, result) => counted.push(`${kind} ${result}`),
    readLuma: async () => ({ luma: new Uint8Array(64).fill(100), cpuUs: 0 }),
    measureSound:
      change.measureSound ?? (async () => ({ level: { rms: 0.1, peak: 0.5, clipped: 0, seconds: 1 }, cpuUs: 0 })),
  });
  check.onSample((sample) => samples.push(sample));
  return {
    failures,
    counted,
    samples,
    check,
    settings,
    async feed(seconds: number, rules = '') {
      for (const group of groupsFrom({ msn: 1, startUs: START_US }, seconds / 2)) {
        check.take(group, rules);
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
    const { feed, samples, check } = openCheck({ liveStreams: 17 });
    await feed(20);
    assert.deepEqual(samples, []);
    assert.match(check.absent, /^more than 16 streams/);
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

  test('what no rule of an alarm is about is not decoded, and it says so', async () => {
    const kinds = (samples: readonly ContentSample[]) => [...new Set(samples.map(({ kind }) => kind))].sort();
    const unheard = openCheck();
    await unheard.feed(20, 'silence off, clipping off');
    assert.deepEqual([kinds(unheard.samples), unheard.check.absent], [['picture'], '']);

    const unseen = openCheck();
    unseen.settings.now.alarms.rules = 'black off, freeze off';
    await unseen.feed(20);
    assert.deepEqual([kinds(unseen.samples), unseen.check.absent], [['sound'], '']);

    const none = 'black off, freeze off, silence off, clipping off';
    const { check, counted, feed, samples, settings } = openCheck();
    await feed(20, none);
    assert.deepEqual([counted, check.absent], [[], 'no rule of an alarm is about pictures or sound']);
    await feed(20, `${none}, black on`);
    assert.deepEqual([kinds(samples), check.absent], [['picture'], '']);
    settings.now.contentCheck.mode = 'on';
    await feed(20, none);
    assert.deepEqual(kinds(samples), ['picture', 'sound'], 'contentCheck.mode: on is stronger');
  });
});
