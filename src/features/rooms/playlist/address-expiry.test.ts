import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADDRESSES_EACH_MS, addressExpiry } from './address-expiry.ts';

test('an address is valid until long after it is sent again, and for ten minutes at most', () => {
  for (let nowMs = 1_795_000_000_000; nowMs < 1_795_000_900_000; nowMs += 997) {
    const validMs = addressExpiry(nowMs) - nowMs;
    assert.ok(validMs <= 10 * 60_000, 'a person who was sent out soon sees nothing');
    assert.ok(validMs >= 2 * ADDRESSES_EACH_MS, 'a lost message does not end the picture');
  }
});

test('an address is the same for everyone during five minutes: caches hold', () => {
  assert.equal(addressExpiry(1_795_000_200_000), addressExpiry(1_795_000_499_999));
});
