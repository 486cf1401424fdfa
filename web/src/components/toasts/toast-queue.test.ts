import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_TOASTS, type Toast, ToastQueue } from './toast-queue.ts';

/** A queue whose timers are controlled by the test. */
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

test('a toast disappears after six seconds, with an action after twelve', () => {
  const { queue, pass, texts, timers } = openQueue();
  queue.add({ text: 'copied' });
  queue.add({ text: 'saved', action: { text: 'Open', href: '/clips' } });
  pass(6_000);
  assert.deepEqual(texts(), ['saved']);
  pass(6_000);
  assert.deepEqual(texts(), []);
  assert.equal(timers(), 0);
});

test('a failure stays until it is dismissed', () => {
  const { queue, pass, texts } = openQueue();
  const id = queue.add({ text: 'no disk', tone: 'bad' });
  pass(3_600_000);
  assert.deepEqual(texts(), ['no disk']);
  queue.dismiss(id);
  assert.deepEqual(texts(), []);
});

test('a fifth toast removes the oldest, with its timer', () => {
  const { queue, texts, timers } = openQueue();
  for (let i = 0; i < 9; i++) queue.add({ text: `word ${i}` });
  assert.equal(texts().length, MOST_TOASTS);
  assert.deepEqual([texts()[0], texts().at(-1)], ['word 5', 'word 8']);
  assert.equal(timers(), MOST_TOASTS);
});

test('the same text again is shown once, with a new timeout', () => {
  const { queue, pass, texts } = openQueue();
  queue.add({ text: 'copied' });
  pass(5_000);
  queue.add({ text: 'copied' });
  assert.deepEqual(texts(), ['copied']);
  pass(5_000);
  assert.deepEqual(texts(), ['copied']);
});

test('no toast disappears while the viewer reads', () => {
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

test('dismiss removes the newest first', () => {
  const { queue, texts } = openQueue();
  queue.add({ text: 'one' });
  queue.add({ text: 'two' });
  queue.dismiss();
  assert.deepEqual(texts(), ['one']);
  queue.dismiss();
  queue.dismiss();
  assert.deepEqual(texts(), []);
});

test('dismissing the last toast under the pointer does not hold later ones', () => {
  const { queue, pass, texts } = openQueue();
  queue.add({ text: 'copied' });
  queue.hold(true);
  queue.dismiss();
  queue.add({ text: 'saved' });
  pass(6_000);
  assert.deepEqual(texts(), []);
});
