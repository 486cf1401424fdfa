import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { PlayerReport } from './player-report.ts';
import { type ViewerLimits, Viewers } from './viewers.ts';

function openViewers(limits?: ViewerLimits) {
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

  test('with a connection of their own count until it ends, without any request', () => {
    const { viewers, clock } = openViewers();
    const leave = viewers.connected('door', 'a.x');
    clock.ms += 100_000;
    assert.equal(viewers.of('door'), 1);
    assert.deepEqual(
      viewers.sessions('door').map(({ id, startedAgoMs, seenAgoMs }) => [id, startedAgoMs, seenAgoMs]),
      [['a', 100_000, 0]],
    );
    leave();
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
    const { viewers, clock, over } = openViewers({ perStream: 2, inAll: 3, perClient: 9 });
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

  const playing: PlayerReport = {
    hasLeft: false,
    state: 'playing',
    isLive: true,
    latencyMs: 450,
    bufferMs: 800,
    bitrateKbps: 3200,
    rendition: 'av0',
  };
  const goodbye: PlayerReport = { ...playing, hasLeft: true };

  test('are the same by their reports and by their requests, and leave at once when they say goodbye', () => {
    const { viewers, clock } = openViewers();
    viewers.seen('door', 'a.x');
    viewers.reported('door', 'a.y', playing);
    viewers.reported('door', 'b.x', playing);
    assert.equal(viewers.of('door'), 2);
    viewers.reported('door', 'a.x', goodbye);
    assert.equal(viewers.of('door'), 1);
    viewers.seen('door', 'a.x');
    assert.equal(viewers.of('door'), 1, 'the request was under way');
    viewers.reported('door', 'a.x', playing);
    assert.equal(viewers.of('door'), 2, 'the page is shown again');
    viewers.reported('door', 'a.x', goodbye);
    clock.ms += 2000;
    viewers.seen('door', 'a.x');
    assert.equal(viewers.of('door'), 2, 'it plays again');
    viewers.reported('door', 'stranger', goodbye);
    assert.equal(viewers.of('door'), 2);
  });

  test('that only report are removed 30 s after their last report', () => {
    const { viewers, clock } = openViewers();
    viewers.reported('door', 'a', playing);
    clock.ms += 20_000;
    viewers.reported('door', 'a', playing);
    clock.ms += 30_000;
    assert.equal(viewers.of('door'), 1);
    clock.ms += 1;
    assert.equal(viewers.of('door'), 0);
  });

  test('of one client are limited in each stream; those that leave make room', () => {
    const { viewers, over } = openViewers({ perStream: 99, inAll: 99, perClient: 2 });
    for (let i = 0; i < 5; i++) viewers.reported('door', `forged${i}.x`, playing);
    for (let i = 0; i < 5; i++) viewers.seen('door', `forged${i + 10}.x`);
    assert.deepEqual([viewers.of('door'), over()], [2, 8]);
    viewers.reported('door', 'honest.y', playing);
    viewers.reported('garden', 'a.x', playing);
    assert.deepEqual([viewers.of('door'), viewers.of('garden'), over()], [3, 1, 8]);
    viewers.reported('door', 'forged0.x', goodbye);
    viewers.reported('door', 'other.x', playing);
    assert.deepEqual([viewers.of('door'), over()], [3, 8]);
    for (let i = 0; i < 9; i++) viewers.seen('door', `here${i}`);
    assert.equal(viewers.of('door'), 12, 'programs on this computer are not');
  });

  test('have sessions: when they began, were last seen, and what they reported', () => {
    const { viewers, clock } = openViewers();
    viewers.seen('door', 'a');
    clock.ms += 5000;
    viewers.reported('door', 'b.x', playing);
    clock.ms += 2000;
    viewers.seen('door', 'b.x');
    assert.deepEqual(viewers.sessions('door'), [
      { id: 'a', startedAgoMs: 7000, seenAgoMs: 7000, report: undefined, reportedAgoMs: 7000 },
      { id: 'b', startedAgoMs: 2000, seenAgoMs: 0, report: playing, reportedAgoMs: 2000 },
    ]);
    assert.deepEqual(viewers.sessions('none'), []);
  });
});
