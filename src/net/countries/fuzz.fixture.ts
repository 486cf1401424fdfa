/**
 * Damaged files in the MaxMind DB format; for tests and for `npm run fuzz`.
 * In: a seed. Out: how many were opened and refused, or an assertion: only a FormatError is thrown, and only
 * by opening and checking.
 */
import assert from 'node:assert/strict';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { parseIp } from '../address.ts';
import { countryRecord, writeMmdb } from './mmdb.fixture.ts';
import { Mmdb } from './mmdb.ts';

/** Networks with records of all forms that are read. */
export const networks = {
  '10.0.0.0/8': countryRecord('DE'),
  '10.1.0.0/16': countryRecord('AT'),
  '192.0.2.7/32': { country_code: 'fr' },
  '198.51.100.0/24': { country: 'US', asn: 'AS64500' },
  '203.0.113.0/24': { registered_country: { iso_code: 'DE' } },
  '2001:db8::/32': countryRecord('CH'),
  '2001:db8:1::/48': { country: { iso_code: 'XX' } },
};

const addresses = ['10.1.2.3', '192.0.2.7', '255.255.255.255', '2001:db8::1', 'ffff::1'].map((text) => parseIp(text)!);

/** Damages `count` files. */
export async function fuzzMmdb(seed: number, count: number): Promise<{ opened: number; refused: number }> {
  const random = seeded(seed);
  const { signal } = new AbortController();
  const whole = ([24, 28, 32] as const).map((recordBits) =>
    writeMmdb(networks, { recordBits, hasPointers: recordBits === 28 }),
  );
  let [opened, refused] = [0, 0];
  for (let round = 0; round < count; round++) {
    const bytes = Buffer.from(whole[random(3)]!.subarray(0, random(8) === 0 ? random(2000) : undefined));
    const near = random(3) === 0 ? Math.max(0, bytes.length - 300) : 0; // the metadata
    for (let change = random(6); change >= 0 && bytes.length > 0; change--) {
      bytes[near + random(bytes.length - near)] = random(2) === 0 ? random(256) : [0, 0xff, 0x20, 0xe0][random(4)]!;
    }
    try {
      const file = new Mmdb(bytes);
      opened++;
      for (const address of addresses) {
        const country = file.find(address);
        assert.ok(country === undefined || country.length === 2);
      }
      await file.check({ signal });
    } catch (error) {
      assert.ok(error instanceof FormatError, `seed ${seed}, round ${round}: ${String(error)}`);
      refused++;
    }
  }
  return { opened, refused };
}
