import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Viewers } from './viewers.ts';

function openViewers(limits?: { perStream: number; inAll: number }) {
  const clock = { ms: 1000 };
  let over = 0;
  const viewers = new Viewers({ nowMs: () => clock.ms, onOver: () => over++, ...(limits && { limits }) });
  return { viewers, clock, over: () => over };
}

suite('viewers', () => {
  test('are counted once for any number of requests, each stream on its own', () => {
    const { viewers } = openViewers();
    for (const player of ['a', 'b', 'a', 'a']) viewers.seen('door', player);
    viewers.seen('garden', 'a');
    assert.deepEqual([viewers.of('door'), viewers.of('garden'), viewers.of('none')], [2, 1, 0]);
  });

  test('without requests for 30 s are removed', () => {
    const { viewers, clock } = openViewers();
    viewers.seen('door', 'a');
    clock.ms += 20_000;
    viewers.seen('door', 'b');
    clock.ms += 10_000;
    assert.equal(viewers.of('door'), 2);
    clock.ms += 1;
    assert.equal(viewers.of('door'), 1);
    viewers.seen('door', 'b');
    clock.ms += 30_000;
    assert.equal(viewers.of('door'), 1, 'b was seen again');
    clock.ms += 1;
    assert.equal(viewers.of('door'), 0);
  });

  test('with a pending request count while it waits, and 30 s more', () => {
    const { viewers, clock } = openViewers();
    viewers.waits('door', 'stranger')();
    assert.equal(viewers.of('door'), 0, 'it has received nothing yet');
    viewers.seen('door', 'a');
    const stop = viewers.waits('door', 'a');
    clock.ms += 100_000;
    assert.equal(viewers.of('door'), 1);
    clock.ms += 20_000;
    stop();
    clock.ms += 30_000;
    assert.equal(viewers.of('door'), 1);
    clock.ms += 1;
    assert.equal(viewers.of('door'), 0);
  });

  test('beyond the limits are reported instead of counted; players that leave make room', () => {
    const { viewers, clock, over } = openViewers({ perStream: 2, inAll: 3 });
    for (const player of ['a', 'b', 'c']) viewers.seen('door', player);
    assert.deepEqual([viewers.of('door'), over()], [2, 1]);
    viewers.seen('garden', 'a');
    viewers.seen('garden', 'b');
    assert.deepEqual([viewers.of('garden'), over()], [1, 2]);
    clock.ms += 30_001;
    viewers.forgetOld();
    viewers.seen('garden', 'b');
    viewers.seen('door', 'c');
    assert.deepEqual([viewers.of('garden'), viewers.of('door'), over()], [1, 1, 2]);
  });
});
