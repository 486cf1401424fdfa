import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { GarbageWatch, startCollection } from './garbage-watch.ts';
import { letHeapGrow } from './heap.ts';

const MIB = 1024 * 1024;

/**
 * A watch over a figure that the test sets; `rest` is as long as two collections are apart at least, and as
 * growth has to last.
 */
function watchOver() {
  const state = { used: 40 * MIB, collections: 0 };
  const watch = new GarbageWatch({ everyMs: 0, used: () => state.used, collect: () => state.collections++ });
  const look = () => {
    watch.look();
    return state.collections;
  };
  const rest = () => {
    for (let looks = 0; looks < 4; looks++) look();
    return state.collections;
  };
  const grow = (bytes: number) => {
    state.used += bytes;
    return rest();
  };
  return { state, watch, look, grow, rest };
}

suite('garbage of a thread', () => {
  test('is collected at 72 MiB of heap and buffers, where most of that is live after it has grown by 12 MiB or 15 %', () => {
    const small = watchOver();
    assert.deepEqual([small.rest(), small.grow(31 * MIB), small.grow(2 * MIB)], [0, 0, 1]);
    const middle = watchOver();
    middle.state.used = 65 * MIB;
    assert.deepEqual([middle.rest(), middle.grow(11 * MIB), middle.grow(2 * MIB)], [0, 0, 1]);
    const large = watchOver();
    large.state.used = 400 * MIB;
    assert.deepEqual([large.rest(), large.grow(59 * MIB), large.grow(2 * MIB)], [0, 0, 1]);
  });

  test('is collected sooner in a thread of which little is expected', () => {
    let collections = 0;
    const state = { used: 10 * MIB };
    const watch = new GarbageWatch({ everyMs: 0, enough: 0, used: () => state.used, collect: () => collections++ });
    for (let look = 0; look < 4; look++) watch.look();
    state.used += 13 * MIB;
    for (let look = 0; look < 3; look++) watch.look();
    assert.equal(collections, 0);
    watch.look();
    assert.equal(collections, 1);
  });

  test('that comes slowly is collected once a minute, from 8 MiB on', () => {
    const { grow } = watchOver();
    for (let looks = 4; looks < 60; looks += 4) assert.equal(grow(0.6 * MIB), 0, `${looks} looks`);
    assert.equal(grow(0.6 * MIB), 1);
    const idle = watchOver();
    for (let looks = 0; looks < 1000; looks += 4) assert.equal(idle.grow(0.028 * MIB), 0);
    assert.equal(idle.grow(2 * MIB), 1);
  });

  test('that is left after a load is collected three minutes after the last collection, and what stays is in use', () => {
    const { state, grow, rest } = watchOver();
    rest();
    assert.equal(grow(90 * MIB), 1);
    state.used = 120 * MIB; // caches are full
    for (let looks = 0; looks < 176; looks += 4) assert.equal(rest(), 1, `${looks} looks`);
    assert.equal(rest(), 2, 'they are empty, and their garbage remains');
    state.used = 70 * MIB;
    for (let looks = 0; looks < 1000; looks += 4) assert.equal(rest(), 2);
    assert.equal(grow(20 * MIB), 3);
    for (let looks = 0; looks < 176; looks += 4) assert.equal(rest(), 3);
    assert.equal(rest(), 4, 'it is above its least use');
    for (let looks = 0; looks < 1000; looks += 4) assert.equal(rest(), 4, 'a collection does not help');
  });

  test('counts from what the last collection left, not from what was there when it began', () => {
    const { state, grow, rest } = watchOver();
    rest();
    assert.equal(grow(45 * MIB), 1);
    state.used = 65 * MIB;
    assert.equal(rest(), 1);
    assert.equal(grow(10 * MIB), 1);
    assert.equal(grow(5 * MIB), 2);
  });

  test('is left to V8 where that collects as often by itself', () => {
    const { state, look } = watchOver();
    const grow = () => {
      state.used += 25 * MIB;
      return look();
    };
    for (let round = 0; round < 20; round++) {
      state.used = 60 * MIB;
      for (let looks = 0; looks < 3; looks++) assert.equal(grow(), 0);
    }
    state.used = 60 * MIB;
    for (let looks = 0; looks < 6; looks++) grow();
    assert.equal(grow(), 1, 'V8 has stopped');
  });

  test('is no garbage that the next collection of young objects takes', () => {
    const { state, look } = watchOver();
    for (let looks = 0; looks < 600; looks++) {
      state.used = (80 + 3 * (looks % 6)) * MIB;
      look();
    }
    assert.equal(state.collections, 0);
  });

  test('has with it what another thread made', () => {
    const { watch, rest } = watchOver();
    rest();
    watch.count(20 * MIB);
    assert.equal(rest(), 0);
    watch.count(20 * MIB);
    assert.equal(rest(), 1);
    assert.equal(rest(), 1, 'it was counted once');
  });

  test('goes when a collection is started, shared buffers too, which V8 does not count', {
    timeout: 20_000,
  }, async () => {
    const gone = new Set<string>();
    // A WeakRef would not do: looking at one while V8 marks in steps keeps its target for this collection.
    const registry = new FinalizationRegistry<string>((name) => gone.add(name));
    registry.register(new Uint8Array(MIB), 'plain');
    registry.register(new SharedArrayBuffer(MIB), 'shared');
    await turn();
    startCollection();
    while (gone.size < 2) await turn();
  });

  test('goes too where the heap may grow, in which 65 MiB alone are no reason', { timeout: 20_000 }, async () => {
    using _growth = letHeapGrow();
    const kept = Array.from({ length: 300_000 }, (_, i) => ({ i, text: `${i}` }));
    let isGone = false;
    for (let round = 0; round < 2; round++) {
      isGone = false;
      const registry = new FinalizationRegistry(() => {
        isGone = true;
      });
      registry.register(new SharedArrayBuffer(MIB), undefined);
      await turn();
      startCollection();
      while (!isGone) await turn();
    }
    assert.ok(isGone && kept.length > 0);
  });
});
