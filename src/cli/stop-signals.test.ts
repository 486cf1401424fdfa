import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, mock, test } from 'node:test';
import tty from 'node:tty';
import { onStopSignal } from './stop-signals.ts';

afterEach(() => mock.restoreAll());

/** Lets a test move the clock that tells one wish from two. */
function clock(): { ms: number } {
  const time = { ms: 1000 };
  mock.method(performance, 'now', () => time.ms);
  return time;
}

/** Listens for reasons to stop, and to end at once. */
function listen() {
  const heard: string[] = [];
  const listening = onStopSignal(
    (reason) => heard.push(reason),
    () => heard.push('at once'),
  );
  return { heard, [Symbol.dispose]: () => listening[Symbol.dispose]() };
}

test('the first signal stops once, a later second one ends the process at once', () => {
  const time = clock();
  using listening = listen();
  process.emit('SIGTERM');
  time.ms += 600;
  process.emit('SIGINT');
  assert.deepEqual(listening.heard, ['SIGTERM', 'at once']);
});

test('Ctrl-C that comes from the terminal and again from the launcher is one wish', () => {
  const time = clock();
  using listening = listen();
  process.emit('SIGINT');
  time.ms += 20;
  process.emit('SIGINT');
  assert.deepEqual(listening.heard, ['SIGINT']);
});

test('a launcher that is gone stops oxbow, and never ends a close that is under way', () => {
  const time = clock();
  using listening = listen();
  process.emit('disconnect');
  time.ms += 5000;
  process.emit('disconnect');
  assert.deepEqual(listening.heard, ['launcher-gone']);
});

test('SIGHUP has the settings read again where somebody listens for that, and stops oxbow elsewhere', () => {
  clock();
  const heard: string[] = [];
  const stop = (reason: string) => heard.push(reason);
  {
    using _listening = onStopSignal(stop, undefined, () => heard.push('reload'));
    process.emit('SIGHUP');
    process.emit('SIGHUP');
  }
  using _listening = onStopSignal(stop);
  process.emit('SIGHUP');
  assert.deepEqual(heard, ['reload', 'reload', 'SIGHUP']);
});

test('SIGHUP stops oxbow when the terminal that it was started on is gone', () => {
  clock();
  let onTerminal = true;
  mock.method(tty, 'isatty', () => onTerminal);
  syncBuiltinESMExports();
  const heard: string[] = [];
  try {
    using _listening = onStopSignal(
      (reason) => heard.push(reason),
      undefined,
      () => heard.push('reload'),
    );
    process.emit('SIGHUP');
    onTerminal = false;
    process.emit('SIGHUP');
  } finally {
    mock.restoreAll();
    syncBuiltinESMExports();
  }
  assert.deepEqual(heard, ['reload', 'SIGHUP']);
});

test('after dispose nothing listens', () => {
  const before = process.listenerCount('SIGINT');
  onStopSignal(() => assert.fail('not called'))[Symbol.dispose]();
  assert.equal(process.listenerCount('SIGINT'), before);
});
