import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SingleFlight } from './single-flight.ts';

const never = { signal: new AbortController().signal };

suite('shared work', () => {
  test('runs once for concurrent callers, and its result is cached while there is room', async () => {
    const work = new SingleFlight({ bounds: { maxBytes: 10 }, ...never });
    const made: string[] = [];
    const make = (name: string) => async () => {
      made.push(name);
      return new Uint8Array(5);
    };
    const get = (name: string) => work.get(name, make(name), never).then(({ length }) => length);
    assert.deepEqual(await Promise.all([get('a'), get('a'), get('b')]), [5, 5, 5]);
    await get('a');
    assert.deepEqual(made, ['a', 'b']);
    await get('c');
    await get('a');
    assert.deepEqual(made, ['a', 'b', 'c'], 'a was requested last');
    await get('b');
    assert.deepEqual(made, ['a', 'b', 'c', 'b']);
  });

  test('fails for all waiting callers, and the next call tries again', async () => {
    const work = new SingleFlight({ bounds: { maxBytes: 10 }, ...never });
    const fail = () => Promise.reject(new Error('no'));
    const both = await Promise.allSettled([work.get('a', fail, never), work.get('a', fail, never)]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal((await work.get('a', async () => Uint8Array.of(1), never)).length, 1);
  });

  test('does not start for a caller that has left, and ends at shutdown', async () => {
    const closing = new AbortController();
    const work = new SingleFlight({ bounds: { maxBytes: 10 }, signal: closing.signal });
    const gone = AbortSignal.abort(new Error('left'));
    await assert.rejects(
      work.get('a', () => assert.fail(), { signal: gone }),
      /left/,
    );
    const waiting = work.get(
      'a',
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      never,
    );
    closing.abort(new Error('the end'));
    await assert.rejects(waiting, /the end/);
  });
});
