import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PictureDistance, PictureShares } from './picture-distance.ts';

const distanceS = (...cpuMs: readonly number[]) => {
  const distance = new PictureDistance();
  for (const ms of cpuMs) distance.add(ms * 1000);
  return distance.us / 1e6;
};

test('pictures are as far apart as 0.05 % of a core pays for, in whole slots of ten seconds', () => {
  assert.equal(distanceS(), 10);
  assert.deepEqual(
    [0, 1, 5].map((ms) => distanceS(ms)),
    [10, 10, 10],
  );
  assert.deepEqual(
    [5.001, 8.6, 10, 10.001, 14].map((ms) => distanceS(ms)),
    [20, 20, 20, 30, 30],
  );
  assert.deepEqual(
    [60, 61, 5000].map((ms) => distanceS(ms)),
    [120, 120, 120],
    'two minutes at most',
  );
});

test('one slow picture does not move them far, a few do', () => {
  assert.equal(distanceS(8, 8, 8, 30), 30);
  assert.equal(distanceS(8, 8, 8, 30, 8, 8, 8, 8), 20);
  assert.equal(distanceS(8, ...Array<number>(20).fill(30)), 60);
});

test('the pictures of more than 20 streams take at most 0.5 % of a core, so they are farther apart', () => {
  const shares = new PictureShares();
  const shareOf = (streams: number, nowMs: number) => {
    let share = 0;
    for (let i = 0; i < streams; i++) share = shares.made(`s${i}`, nowMs);
    return share;
  };
  assert.equal(shareOf(20, 0), 0.0005);
  assert.equal(shareOf(20, 1000), 0.0005, 'the same streams');
  assert.equal(shareOf(32, 2000), 0.005 / 32);
  const distance = new PictureDistance();
  distance.add(10_000, 0.005 / 32);
  assert.equal(distance.us, 70_000_000, '10 ms each 70 s instead of 20 s');
  assert.equal(shares.made('s0', 182_001), 0.0005, 'streams that have none any more do not count');
});

test('the processes of a server share what pictures may take: each counts the streams of the others as its own', () => {
  const shareOf = (processes: number, streams: number) => {
    const shares = new PictureShares(processes);
    return Array.from({ length: streams }, (_, i) => shares.made(`s${i}`, 0)).at(-1)!;
  };
  assert.equal(shareOf(2, 16), shareOf(1, 32));
  assert.equal(shareOf(4, 5), 0.0005);
});
