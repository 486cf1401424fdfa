import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageLimits, messageRates, misuseRate } from './message-limits.ts';

test('each type has its own bucket, which fills again', () => {
  const limits = new MessageLimits(0);
  const { burst, perSecond } = messageRates.chat;
  for (let i = 0; i < burst; i++) assert.equal(limits.take('chat', 0), 0);
  assert.equal(limits.take('chat', 0), 1000 / perSecond);
  assert.equal(limits.take('danmaku', 0), 0);
  assert.equal(limits.take('chat', 1000 / perSecond), 0);
  for (let i = 0; i < burst; i++) assert.equal(limits.take('chat', 1e9), 0);
  assert.ok(limits.take('chat', 1e9) > 0, 'it holds no more than its burst');
});

test('refused messages are tolerated up to a number', () => {
  const limits = new MessageLimits(0);
  for (let i = 0; i < misuseRate.burst; i++) assert.ok(limits.tolerates(0));
  assert.ok(!limits.tolerates(0));
});

test('what a player sends is never too much: five questions for the time every 5 s, a report every second', () => {
  const limits = new MessageLimits(0);
  for (let ms = 0; ms < 600_000; ms += 1000) {
    if (ms % 5000 === 0) for (let i = 0; i < 5; i++) assert.equal(limits.take('clock', ms), 0);
    assert.equal(limits.take('report', ms), 0);
  }
});
