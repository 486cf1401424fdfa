import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import { lazyCLibrary } from '@oxbow/wire/c-library';
import { collectGarbage } from './heap.ts';
import { returnUnusedPages } from './unused-pages.ts';

const canCall = lazyCLibrary({ malloc_trim: { arguments: ['uint64'], return: 'int32' } })() !== undefined;

/** Memory of this process that is not a file, bytes. */
function anonymousBytes(): number {
  return 1024 * Number(/RssAnon:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
}

/** Fills 64 MiB with blocks that the C library does not map apart; 4 MiB of them remain, spread over all. */
function leaveHoles(): Buffer[] {
  const blocks = Array.from({ length: 2048 }, () => Buffer.allocUnsafeSlow(32 * 1024).fill(1));
  return blocks.filter((_, n) => n % 16 === 0);
}

const MIB = 1024 * 1024;

const skip = !canCall && 'this Node cannot call the C library';

test('free pages in the middle of the heap go back to the system, after the start and after a load', { skip }, () => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  using _time = { [Symbol.dispose]: () => mock.timers.reset() };
  const process = { load: 0 };
  using _pages = returnUnusedPages({ bytes: anonymousBytes, load: () => process.load });
  const kept: Buffer[][] = [];
  const givenAfter = (ms: number) => {
    const before = anonymousBytes();
    mock.timers.tick(ms);
    return (before - anonymousBytes()) / MIB;
  };
  for (const afterMs of [6000, 60_000]) {
    kept.push(leaveHoles());
    collectGarbage();
    process.load = 0.11; // counts only after the start
    if (afterMs > 6000) {
      assert.ok(givenAfter(60_000) < 10, 'a busy process waits');
      process.load = 0.09;
    }
    const given = givenAfter(afterMs);
    assert.ok(given > 40, `${given} MiB were given back`);
  }
  assert.equal(kept.length, 2);
});

test('pages of the program that are not used go back to the system', { skip }, () => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  using _time = { [Symbol.dispose]: () => mock.timers.reset() };
  using _pages = returnUnusedPages({ bytes: () => 0, load: () => 1 });
  const fileKb = () => Number(/RssFile:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
  const before = fileKb();
  mock.timers.tick(6000);
  assert.ok(fileKb() < before * 0.8, `${before} KB of files before, ${fileKb()} after`);
});

test('a process that has not grown is left alone', { skip }, () => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  using _time = { [Symbol.dispose]: () => mock.timers.reset() };
  const process = { bytes: 100 * MIB };
  using _pages = returnUnusedPages({ bytes: () => process.bytes, load: () => 0 });
  mock.timers.tick(60_000); // after the start, and in the first quiet minute
  const kept = leaveHoles();
  collectGarbage();
  process.bytes += 23 * MIB;
  const before = anonymousBytes();
  mock.timers.tick(60_000);
  assert.ok(before - anonymousBytes() < 10 * MIB);
  process.bytes += MIB;
  mock.timers.tick(60_000);
  assert.ok(before - anonymousBytes() > 40 * MIB);
  assert.ok(kept.length > 0);
});
