import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Recent } from './recent.ts';

const names = (recent: Recent<string>) => recent.entries().map(([name]) => name);

suite('a cache of recent values', () => {
  test('evicts in order of use, and reports its bytes', () => {
    const reported: number[] = [];
    using recent = new Recent<string>({ maxBytes: 10, changed: (bytes) => reported.push(bytes) });
    recent.set('a', 'A', 4);
    recent.set('b', 'B', 4);
    assert.equal(recent.get('a'), 'A');
    recent.set('c', 'C', 4);
    assert.deepEqual(names(recent), ['a', 'c']);
    assert.equal(recent.peek('b'), undefined);
    recent.set('a', 'AA', 6);
    assert.deepEqual([recent.peek('a'), recent.bytes], ['AA', 10]);
    recent.delete('c');
    assert.equal(reported.at(-1), 6);
    recent.set('d', 'too large', 11);
    assert.deepEqual([names(recent), recent.bytes], [[], 0]);
  });

  test('the second sweep after the last request evicts a value', () => {
    using recent = new Recent<string>({ maxBytes: 10 });
    recent.set('a', 'A', 1);
    recent.set('b', 'B', 1);
    recent.sweep();
    assert.equal(recent.get('b'), 'B');
    recent.peek('a');
    recent.sweep();
    assert.deepEqual(names(recent), ['b']);
    recent.sweep();
    assert.deepEqual([names(recent), recent.bytes], [[], 0]);
  });

  test('grows while evicted values are soon requested again, and shrinks when they are not', (t) => {
    let nowMs = 0;
    t.mock.method(performance, 'now', () => nowMs);
    using recent = new Recent<string>({ maxBytes: 10, grows: { mostBytes: 30, againMs: 500 } });
    const request = (all: string) => {
      for (const name of all) {
        nowMs += 100;
        if (!recent.get(name)) recent.set(name, name, 5);
      }
    };
    request('abcdefg');
    assert.equal(recent.bytes, 10, 'each was requested once');
    request('wxyz'.repeat(4));
    assert.deepEqual([names(recent), recent.bytes], [['w', 'x', 'y', 'z'], 20], 'as large as what is requested');
    request('abcdefgh'.repeat(4));
    assert.equal(recent.bytes, 30, 'and no larger than it may be');
    recent.sweep();
    recent.sweep();
    request('abcdefgh'.repeat(4));
    assert.equal(recent.bytes, 10, 'each comes again 600 ms after it was dropped');
  });

  test('has a timer only while it has values', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let changes = 0;
    const recent = new Recent<string>({ maxBytes: 10, changed: () => changes++ });
    recent.set('a', 'A', 1);
    t.mock.timers.tick(119_999);
    assert.equal(recent.bytes, 1);
    t.mock.timers.tick(1);
    assert.equal(recent.bytes, 0);
    recent.set('a', 'A', 1);
    recent[Symbol.dispose]();
    const before = changes;
    t.mock.timers.tick(1_000_000);
    assert.equal(changes, before);
  });
});
