import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hold, speedOfKey } from './hold.ts';

const left = { pan: -0.5, tilt: 0, zoom: 0 };
const turns = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function openRig() {
  const calls: string[] = [];
  const pauses: (() => void)[] = [];
  const failures: unknown[] = [];
  const rig = { calls, pauses, failures, refuses: false };
  const hold = new Hold({
    async move({ pan, tilt }) {
      calls.push(`move ${pan} ${tilt}`);
      if (rig.refuses) throw new Error('no');
    },
    async stop() {
      calls.push('stop');
    },
    failed: (error) => failures.push(error),
    pause: (_, signal) =>
      new Promise((resolve) => {
        pauses.push(resolve);
        signal.addEventListener('abort', () => resolve());
      }),
  });
  return { ...rig, rig, hold };
}

test('a movement is repeated while it is held, and stopped once when it is released', async () => {
  const { hold, calls, pauses } = openRig();
  hold.press(left);
  await turns();
  pauses.shift()?.();
  await turns();
  assert.deepEqual(calls, ['move -0.5 0', 'move -0.5 0']);
  hold.release();
  hold.release();
  hold.close();
  await turns();
  assert.deepEqual(calls.slice(2), ['stop']);
  assert.ok(!hold.isHeld);
});

test('what is pressed right after a release is not stopped by it', async () => {
  const { hold, calls } = openRig();
  hold.press(left);
  await turns();
  hold.release();
  hold.press(speedOfKey('ArrowUp')!);
  await turns();
  assert.deepEqual(calls, ['move -0.5 0', 'move 0 0.5']);
  hold.release();
  await turns();
  assert.equal(calls.at(-1), 'stop');
});

test('another key takes the place of the first one, and a failure ends the repetition', async () => {
  const { hold, calls, rig, failures } = openRig();
  hold.press(left);
  await turns();
  hold.press(speedOfKey('ArrowUp')!);
  await turns();
  assert.deepEqual(calls, ['move -0.5 0', 'move 0 0.5']);
  rig.refuses = true;
  hold.press(left);
  await turns();
  assert.equal(failures.length, 1);
  hold.release();
  await turns();
  assert.equal(calls.at(-1), 'stop');
  assert.equal(speedOfKey('a'), null);
});
