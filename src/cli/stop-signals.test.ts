import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, mock, test } from 'node:test';
import tty from 'node:tty';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { onStopSignal } from './stop-signals.ts';

afterEach(() => mock.restoreAll());

/** Lets a test advance the clock that separates two signals. */
function clock(): { ms: number } {
  const time = { ms: 1000 };
  mock.method(performance, 'now', () => time.ms);
  return time;
}

/** Listens for reasons to stop, and to end at once. */
function listen() {
  const heard: string[] = [];
  const listening = onStopSignal((reason) => heard.push(reason), { atOnce: () => heard.push('at once') });
  return { heard, [Symbol.dispose]: () => listening[Symbol.dispose]() };
}

test('the first signal stops; a second one ends the process at once', () => {
  const time = clock();
  using listening = listen();
  process.emit('SIGTERM');
  time.ms += 600;
  process.emit('SIGINT');
  assert.deepEqual(listening.heard, ['SIGTERM', 'at once']);
});

test('Ctrl-C of the terminal and its copy from the launcher count once', () => {
  const time = clock();
  using listening = listen();
  process.emit('SIGINT');
  time.ms += 20;
  process.emit('SIGINT');
  assert.deepEqual(listening.heard, ['SIGINT']);
});

test('the end of the launcher stops oxbow, and does not abort a shutdown', () => {
  const time = clock();
  using listening = listen();
  process.emit('disconnect');
  time.ms += 5000;
  process.emit('disconnect');
  assert.deepEqual(listening.heard, ['launcher-gone']);
});

test('SIGHUP reloads the settings with a reload callback, and stops oxbow without one', () => {
  clock();
  const heard: string[] = [];
  const stop = (reason: string) => heard.push(reason);
  {
    using _listening = onStopSignal(stop, { reload: () => heard.push('reload') });
    process.emit('SIGHUP');
    process.emit('SIGHUP');
  }
  using _listening = onStopSignal(stop);
  process.emit('SIGHUP');
  assert.deepEqual(heard, ['reload', 'reload', 'SIGHUP']);
});

test('SIGHUP stops oxbow after its terminal was closed', () => {
  clock();
  let onTerminal = true;
  mock.method(tty, 'isatty', () => onTerminal);
  syncBuiltinESMExports();
  const heard: string[] = [];
  try {
    using _listening = onStopSignal((reason) => heard.push(reason), { reload: () => heard.push('reload') });
    process.emit('SIGHUP');
    onTerminal = false;
    process.emit('SIGHUP');
  } finally {
    mock.restoreAll();
    syncBuiltinESMExports();
  }
  assert.deepEqual(heard, ['reload', 'SIGHUP']);
});

test('a verb that does not end by itself is ended within ten seconds of the signal; one that has ended is not', async () => {
  using time = openVirtualTime();
  const late: string[] = [];
  {
    using _listening = onStopSignal(() => undefined, { late: (reason) => late.push(reason) });
    await time.runFor(60_000);
    process.emit('SIGTERM');
    await time.runFor(9400);
    assert.equal(late.length, 0);
    await time.runFor(100);
    assert.deepEqual(late, ['SIGTERM']);
  }
  {
    using _listening = onStopSignal(() => undefined, { late: (reason) => late.push(reason) });
    process.emit('SIGTERM');
    await time.runFor(5000);
  }
  await time.runFor(10_000);
  assert.deepEqual(late, ['SIGTERM']);
});

test('disposing removes all listeners', () => {
  const before = process.listenerCount('SIGINT');
  onStopSignal(() => assert.fail('not called'))[Symbol.dispose]();
  assert.equal(process.listenerCount('SIGINT'), before);
});
