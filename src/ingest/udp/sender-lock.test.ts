import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOCK_MS, SenderLock } from './sender-lock.ts';

test('the first sender is taken, and another one only after it has been silent', () => {
  const lock = new SenderLock([]);
  assert.equal(lock.sender, undefined);
  assert.equal(lock.admit('192.0.2.1', 5000, 0), 'first');
  assert.equal(lock.admit('192.0.2.2', 5000, 1), 'ignored');
  assert.equal(lock.admit('192.0.2.1', 5001, 1), 'ignored', 'another port is another program');
  assert.equal(lock.admit('192.0.2.1', 5000, 1000), 'next');
  assert.equal(lock.admit('192.0.2.2', 5000, 1000 + LOCK_MS - 1), 'ignored');
  assert.equal(lock.sender, '192.0.2.1:5000');
  assert.equal(lock.admit('192.0.2.2', 5000, 1000 + LOCK_MS), 'first');
  assert.equal(lock.sender, '192.0.2.2:5000');
});

test('with configured networks, senders outside of them are never taken', () => {
  const lock = new SenderLock(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);
  assert.equal(lock.admit('192.0.2.8', 5000, 0), 'ignored');
  assert.equal(lock.admit('192.0.2.7', 5000, 0), 'first');
  assert.equal(lock.admit('10.9.8.7', 5000, LOCK_MS), 'first');
  assert.equal(lock.admit('2001:db8::5', 5000, 2 * LOCK_MS), 'first');
  assert.equal(lock.sender, '[2001:db8::5]:5000');
  assert.equal(lock.admit('2001:db9::5', 5000, 9 * LOCK_MS), 'ignored');
});

test('a datagram that may not begin is taken from the locked sender alone', () => {
  const lock = new SenderLock([]);
  assert.equal(lock.admit('192.0.2.1', 5001, 0, false), 'ignored');
  assert.equal(lock.admit('192.0.2.1', 5000, 1), 'first');
  assert.equal(lock.admit('192.0.2.1', 5000, 2, false), 'next');
  assert.equal(lock.admit('192.0.2.1', 5001, 2 + LOCK_MS, false), 'ignored');
});
