import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../lib/clock.ts';
import {
  audioFrameAt,
  createSteadyUtc,
  framesDue,
  numberAfter,
  pictureAt,
  pictureMs,
  picturesDue,
  pictureTicks,
} from './pacing.ts';

const rates = [
  { num: 24_000, den: 1_001 },
  { num: 25, den: 1 },
  { num: 30, den: 1 },
  { num: 30_000, den: 1_001 },
  { num: 60_000, den: 1_001 },
];

test('the numbers of frames follow from their timestamps, also at fractional rates', () => {
  for (const rate of [...rates, { num: 7, den: 3 }]) {
    const first = pictureAt(1_795_000_000_123.4, rate);
    for (let number = first; number < first + 200; number++) {
      const after = { video: pictureTicks(number, rate), audio: number * 1024 };
      assert.deepEqual(numberAfter(after, rate), { picture: number, audio: number });
    }
  }
  assert.deepEqual(numberAfter({}, rates[0]!), { picture: undefined, audio: undefined });
});

test('pictures are on multiples of the frame duration since 1970, also at fractional rates', () => {
  for (const rate of rates) {
    const first = pictureAt(1_795_000_000_123.4, rate);
    for (let number = first; number < first + 200; number++) {
      const exact = Number(
        (BigInt(number) * 90_000n * BigInt(rate.den) * 2n + BigInt(rate.num)) / (2n * BigInt(rate.num)),
      );
      assert.equal(pictureTicks(number, rate), exact);
      assert.ok(Math.abs(pictureMs(number, rate) - exact / 90) < 0.01);
      assert.equal(pictureAt(pictureMs(number, rate), rate), number, 'it is due');
      assert.equal(pictureAt(pictureMs(number, rate) - 0.1, rate), number - 1, 'it is not due yet');
    }
  }
});

test('late frames come once and in order of time, audio interleaved with pictures', () => {
  const rate = { num: 25, den: 1 };
  const at = 1_795_000_000_000;
  const last = { picture: pictureAt(at, rate), audio: audioFrameAt(at + 40) + 2 };
  const due = framesDue(at + 2_500, last, rate);
  const numbers = (wanted: string) => due.flatMap(({ kind, number }) => (kind === wanted ? [number] : []));
  assert.deepEqual(
    numbers('picture'),
    Array.from({ length: 62 }, (_, i) => last.picture + 1 + i),
  );
  assert.deepEqual(
    numbers('audio'),
    Array.from({ length: audioFrameAt(at + 2_520) + 2 - last.audio }, (_, i) => last.audio + 1 + i),
  );
  let pictureAtMs = at;
  let audioAtMs = at;
  for (const { kind, number } of due) {
    if (kind === 'picture') pictureAtMs = pictureMs(number, rate);
    else audioAtMs = (number * 1024) / 48;
    assert.ok(Math.abs(pictureAtMs - audioAtMs) < 100, `${kind} ${number}`);
  }
  assert.deepEqual(framesDue(at, last, rate), []);
});

test('a picture brings the sound until the next one, at most 100 ms, and what the encoder keeps back', () => {
  for (const rate of [...rates, { num: 7, den: 3 }]) {
    const first = pictureAt(1_795_000_000_123.4, rate);
    let last = { picture: first - 1, audio: audioFrameAt(pictureMs(first, rate)) };
    for (let number = first; number < first + 50; number++) {
      const sounds = framesDue(pictureMs(number, rate), last, rate).slice(1);
      const untilMs = pictureMs(number, rate) + Math.min(100, (1000 * rate.den) / rate.num);
      const newest = sounds.at(-1)?.number ?? last.audio;
      assert.equal(newest, audioFrameAt(untilMs) + 2, `picture ${number} of ${rate.num}/${rate.den}`);
      last = { picture: number, audio: newest };
    }
  }
});

test('after a long pause sound begins with the picture, like at the start', () => {
  const rate = { num: 25, den: 1 };
  const at = 1_795_000_000_000;
  const before = { picture: pictureAt(at, rate), audio: audioFrameAt(at) };
  assert.deepEqual(
    framesDue(at + 10_000, before, rate),
    framesDue(at + 10_000, { picture: undefined, audio: undefined }, rate),
  );
  const ahead = framesDue(at + 3_040, { ...before, audio: audioFrameAt(at + 3_040) }, rate);
  assert.deepEqual(ahead[1], { kind: 'audio', number: audioFrameAt(at + 3_040) + 1 }, 'nothing is made twice');
});

test('at the start audio begins with the picture', () => {
  for (const rate of rates) {
    for (let at = 1_795_000_000_000; at < 1_795_000_000_200; at += 7) {
      const [picture, ...sounds] = framesDue(at, { picture: undefined, audio: undefined }, rate);
      assert.deepEqual(picture, { kind: 'picture', number: pictureAt(at, rate) });
      const startMs = pictureMs(picture.number, rate);
      assert.ok(sounds.length > 0 && sounds.every(({ kind }) => kind === 'audio'));
      assert.equal(sounds[0]!.number, audioFrameAt(startMs));
    }
  }
});

test('after the system clock is set back UTC never decreases and converges', () => {
  const clock = createManualClock(10_000_000);
  const utcMs = createSteadyUtc(clock);
  clock.advance(1_000);
  assert.equal(utcMs(), 10_001_000);
  clock.step(-100);
  let last = utcMs();
  for (let second = 0; second < 30; second++) {
    clock.advance(1_000);
    const now = utcMs();
    assert.ok(now > last + 990 && now <= last + 1_000);
    last = now;
  }
  assert.equal(last, clock.nowMs());
  clock.step(5_000);
  assert.equal(utcMs(), clock.nowMs());
});

test('slightly late pictures are all produced; after a long pause only the newest is', () => {
  const rate = { num: 25, den: 1 };
  const at = 1_795_000_000_000;
  const last = pictureAt(at, rate);
  assert.deepEqual(picturesDue(at, last, rate), [last + 1, last + 1]);
  assert.deepEqual(picturesDue(at + 160, last, rate), [last + 1, last + 5]);
  assert.deepEqual(picturesDue(at + 3_000, last, rate), [last + 1, last + 76]);
  assert.deepEqual(picturesDue(at + 3_040, last, rate), [last + 76, last + 77]);
  assert.deepEqual(picturesDue(at, undefined, rate), [last, last + 1]);
});
