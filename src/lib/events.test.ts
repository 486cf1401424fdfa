import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Emitter } from './events.ts';

suite('events', () => {
  test('listeners are called in the order in which they subscribed, until they unsubscribe', () => {
    const emitter = new Emitter<number>();
    const heard: string[] = [];
    const leave = emitter.subscribe((n) => heard.push(`a${n}`));
    emitter.subscribe((n) => heard.push(`b${n}`));
    emitter.emit(1);
    leave();
    leave();
    emitter.emit(2);
    assert.deepEqual([heard, emitter.size], [['a1', 'b1', 'b2'], 1]);
  });

  test('a function that subscribes twice is called twice, and unsubscribes twice', () => {
    const emitter = new Emitter<void>();
    let calls = 0;
    const listener = () => void calls++;
    const leave = emitter.subscribe(listener);
    emitter.subscribe(listener);
    emitter.emit();
    leave();
    emitter.emit();
    assert.equal(calls, 3);
  });

  test('a listener removed during an event is not called; one added gets the next event', () => {
    const emitter = new Emitter<void>();
    const heard: string[] = [];
    emitter.subscribe(() => {
      leave();
      if (heard.length === 0) emitter.subscribe(() => heard.push('late'));
    });
    const leave = emitter.subscribe(() => heard.push('left'));
    emitter.emit();
    assert.equal(heard.length, 0);
    emitter.emit();
    assert.ok(heard.includes('late'));
  });

  test('after a listener throws the others are still called; the first error is rethrown', () => {
    const emitter = new Emitter<void>();
    let heard = 0;
    for (const name of ['one', 'two']) {
      emitter.subscribe(() => {
        throw new Error(name);
      });
    }
    emitter.subscribe(() => void heard++);
    assert.throws(() => emitter.emit(), { message: 'one' });
    assert.equal(heard, 1);
  });
});
