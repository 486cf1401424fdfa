import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OxbowError } from '../lib/errors.ts';
import { policies, RateLimits } from './rate-limit.ts';

const at = (address: string) => ({ address, isLocal: false });
const here = { address: '127.0.0.1', isLocal: true };

suite('limits', () => {
  test('a bucket allows so many requests and fills steadily; each client has its own', () => {
    let nowMs = 0;
    const limits = new RateLimits(() => nowMs);
    for (let turn = 4; turn >= 0; turn--) {
      assert.equal(limits.take('sign-in', at('192.0.2.1')).ratelimit, `"sign-in";r=${turn};t=${(5 - turn) * 12}`);
    }
    assert.throws(
      () => limits.take('sign-in', at('192.0.2.1')),
      ({ code, extra }: OxbowError) => code === 'too-many-requests' && extra.retryAfterSeconds === 12,
    );
    limits.take('sign-in', at('192.0.2.2'));
    nowMs = 12_000;
    limits.take('sign-in', at('192.0.2.1'));
    assert.throws(() => limits.take('sign-in', at('192.0.2.1')));
    limits.giveBack('sign-in', at('192.0.2.1'));
    limits.take('sign-in', at('192.0.2.1'));
  });

  test('a /64 of IPv6 is one client, in any notation', () => {
    const limits = new RateLimits(() => 0);
    for (const last of [
      '2001:db8::1',
      '2001:DB8:0:0:1::2',
      '2001:db8:0:0::',
      '2001:0db8::ffff:1',
      '2001:db8::192.0.2.1',
    ])
      limits.take('sign-in', at(last));
    assert.throws(() => limits.take('sign-in', at('2001:db8::9%eth0')));
    limits.take('sign-in', at('2001:db8:0:1::1'));
    limits.take('sign-in', at('::1'));
    assert.equal(limits.size, 3);
  });

  test('this computer is limited only for sign-in', () => {
    const limits = new RateLimits(() => 0);
    for (let turn = 0; turn <= policies.probe.turns; turn++) assert.deepEqual(limits.take('probe', here), {});
  });

  test('a forwarded request is limited whatever address it names, and does not use the bucket of this computer', () => {
    const limits = new RateLimits(() => 0);
    for (let turn = 0; turn < policies.probe.turns; turn++) limits.take('probe', at('127.0.0.1'));
    assert.throws(() => limits.take('probe', at('127.0.0.1')));
    for (let turn = 0; turn < policies['sign-in'].turns; turn++) limits.take('sign-in', at('127.0.0.1'));
    limits.take('sign-in', here);
  });

  test('a flood of addresses does not refill the bucket of a name', () => {
    const limits = new RateLimits(() => 0);
    const name = { address: 'name ada', isLocal: false };
    for (let turn = 0; turn < policies.names.turns; turn++) limits.take('names', name);
    for (let i = 0; i < 10_050; i++) limits.take('writes', at(`10.0.${i >> 8}.${i & 255}`));
    assert.throws(() => limits.take('names', name), { code: 'too-many-requests' });
  });

  test('a flood of addresses uses no more than ten thousand buckets of its limit', () => {
    const limits = new RateLimits(() => 0);
    for (let i = 0; i < 10_050; i++) limits.take('writes', at(`10.0.${i >> 8}.${i & 255}`));
    assert.equal(limits.size, 10_000);
  });
});
