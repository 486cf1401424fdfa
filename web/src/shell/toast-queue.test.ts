import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_TOASTS, type Toast, ToastQueue } from './toast-queue.ts';

/** A queue whose time stands still until it is told to go on. */
function openQueue() {
  let shown: readonly Toast[] = [];
  let nowMs = 0;
  const waiting = new Set<{ atMs: number; work: () => void }>();
  const queue = new ToastQueue(
    (work, ms) => {
      const timer = { atMs: nowMs + ms, work };
      waiting.add(timer);
      return () => waiting.delete(timer);
    },
    (toasts) => {
      shown = toasts;
    },
  );
  const pass = (ms: number) => {
    nowMs += ms;
    for (const timer of [...waiting]) {
      if (timer.atMs > nowMs) continue;
      waiting.delete(timer);
      timer.work();
    }
  };
  return { queue, pass, texts: () => shown.map(({ text }) => text), timers: () => waiting.size };
}

test('words go by themselves after six seconds, with an action after twelve', () => {
  const { queue, pass, texts, timers } = openQueue();
  queue.add({ text: 'copied' });
  queue.add({ text: 'saved', action: { text: 'Open', href: '/clips' } });
  pass(6_000);
  assert.deepEqual(texts(), ['saved']);
  pass(6_000);
  assert.deepEqual(texts(), []);
  assert.equal(timers(), 0);
});

test('a failure stays until it is sent away', () => {
  const { queue, pass, texts } = openQueue();
  const id = queue.add({ text: 'no disk', tone: 'bad' });
  pass(3_600_000);
  assert.deepEqual(texts(), ['no disk']);
  queue.dismiss(id);
  assert.deepEqual(texts(), []);
});

test('more than four push the oldest out, and leave no timer behind', () => {
  const { queue, texts, timers } = openQueue();
  for (let i = 0; i < 9; i++) queue.add({ text: `word ${i}` });
  assert.equal(texts().length, MOST_TOASTS);
  assert.deepEqual([texts()[0], texts().at(-1)], ['word 5', 'word 8']);
  assert.equal(timers(), MOST_TOASTS);
});

test('the same words again are shown once, with their time anew', () => {
  const { queue, pass, texts } = openQueue();
  queue.add({ text: 'copied' });
  pass(5_000);
  queue.add({ text: 'copied' });
  assert.deepEqual(texts(), ['copied']);
  pass(5_000);
  assert.deepEqual(texts(), ['copied']);
});

test('nothing goes while somebody reads', () => {
  const { queue, pass, texts } = openQueue();
  queue.add({ text: 'copied' });
  queue.hold(true);
  queue.add({ text: 'saved' });
  pass(60_000);
  assert.deepEqual(texts(), ['copied', 'saved']);
  queue.hold(false);
  pass(6_000);
  assert.deepEqual(texts(), []);
});

test('sending away takes the newest first', () => {
  const { queue, texts } = openQueue();
  queue.add({ text: 'one' });
  queue.add({ text: 'two' });
  queue.dismiss();
  assert.deepEqual(texts(), ['one']);
  queue.dismiss();
  queue.dismiss();
  assert.deepEqual(texts(), []);
});

test('whoever sent the last one away from under their pointer does not hold those that come later', () => {
  const { queue, pass, texts } = openQueue();
  queue.add({ text: 'copied' });
  queue.hold(true);
  queue.dismiss();
  queue.add({ text: 'saved' });
  pass(6_000);
  assert.deepEqual(texts(), []);
});
