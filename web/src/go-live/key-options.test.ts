import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiryOf, isPassphrase, rangesOf, withSecrets, wrongRange } from './key-options.ts';

test('addresses are separated by commas, spaces or lines', () => {
  assert.deepEqual(rangesOf(' 203.0.113.7, 10.0.0.0/8\n2001:db8::/32 '), [
    '203.0.113.7',
    '10.0.0.0/8',
    '2001:db8::/32',
  ]);
  assert.deepEqual(rangesOf('  '), []);
});

test('the first entry that is no address and no range is found', () => {
  assert.equal(wrongRange(['203.0.113.7', '10.0.0.0/8', '::1', '2001:db8::/32', '0.0.0.0/0']), undefined);
  for (const wrong of [
    'example.com',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    ':',
  ]) {
    assert.equal(wrongRange(['10.0.0.1', wrong]), wrong);
  }
});

test('an expiry is in the future', () => {
  const nowMs = Date.parse('2026-11-22T12:00');
  assert.equal(expiryOf('2026-11-22T12:01', nowMs), new Date(nowMs + 60_000).toISOString());
  for (const wrong of ['2026-11-22T11:59', '', 'soon']) assert.equal(expiryOf(wrong, nowMs), undefined);
});

test('a passphrase has 10 to 79 characters that need no encoding in an address', () => {
  assert.ok(isPassphrase('correct-horse'));
  for (const wrong of ['short', 'correct horse', 'a'.repeat(80), 'käse-und-brot', 'a&b=c+d%20e'])
    assert.ok(!isPassphrase(wrong));
});

test('the words KEY and PASSPHRASE of an address are replaced once they are known', () => {
  const address = 'srt://tv.example:8890?streamid=publish:studio:KEY&latency=120000&passphrase=PASSPHRASE';
  assert.equal(withSecrets(address, { key: '', passphrase: '' }), address);
  assert.equal(
    withSecrets(address, { key: 'ok_KEY', passphrase: 'correct-horse' }),
    'srt://tv.example:8890?streamid=publish:studio:ok_KEY&latency=120000&passphrase=correct-horse',
  );
});
