import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { parseIp } from '../address.ts';
import { fuzzMmdb, networks } from './fuzz.fixture.ts';
import { countryRecord, writeMmdb } from './mmdb.fixture.ts';
import { Mmdb } from './mmdb.ts';

const { signal } = new AbortController();
const countryIn = (file: Mmdb, address: string) => file.find(parseIp(address)!);

for (const recordBits of [24, 28, 32] as const) {
  test(`addresses get the country of the smallest network that has them (records of ${recordBits} bits)`, async () => {
    const file = new Mmdb(writeMmdb(networks, { recordBits }));
    await file.check({ signal });
    const expected = {
      '10.9.9.9': 'DE',
      '10.1.255.255': 'AT',
      '10.2.0.0': 'DE',
      '192.0.2.7': 'FR',
      '192.0.2.8': undefined,
      '198.51.100.255': 'US',
      '203.0.113.1': undefined, // where it is registered says nothing about its users
      '2001:db8:2::1': 'CH',
      '2001:db8:1::1': undefined, // the code of no country
      '2001:db9::1': undefined,
    };
    for (const [address, country] of Object.entries(expected)) assert.equal(countryIn(file, address), country, address);
  });
}

test('values behind pointers are read, also in a data section that needs longer ones', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 300 }, (_, at) => [`10.${at >> 8}.${at & 255}.0/24`, { note: `n${at}`.repeat(20) }]),
  );
  const named = { ...many, '10.200.0.0/16': countryRecord('DE'), '10.201.0.0/16': countryRecord('AT') };
  const file = new Mmdb(writeMmdb(named, { hasPointers: true }));
  await file.check({ signal });
  assert.deepEqual([countryIn(file, '10.200.1.1'), countryIn(file, '10.201.1.1')], ['DE', 'AT']);
  assert.equal(countryIn(file, '10.0.7.7'), undefined);
});

test('a file of IPv4 knows no IPv6, and says what it is', () => {
  const file = new Mmdb(writeMmdb({ '10.0.0.0/8': countryRecord('DE') }, { isIpv6: false, type: 'Mine' }));
  assert.deepEqual([countryIn(file, '10.0.0.1'), countryIn(file, '::10.0.0.1')], ['DE', undefined]);
  assert.deepEqual([file.metadata.type, file.metadata.builtS], ['Mine', 1_700_000_000]);
});

test('what is no such file is refused, and so is one without countries', async () => {
  const whole = writeMmdb(networks);
  for (const [bytes, reason] of [
    [Buffer.alloc(0), /no metadata/],
    [Buffer.from('<html>not found</html>'), /no metadata/],
    [whole.subarray(0, whole.length / 2), /no metadata/],
    [whole.subarray(200), /tree of \d+ nodes|no country|offset|value/],
  ] as const) {
    await assert.rejects(
      async () => new Mmdb(bytes).check({ signal }),
      (error) => {
        assert.ok(error instanceof FormatError);
        assert.match(error.message, reason);
        return true;
      },
    );
  }
  const asn = new Mmdb(writeMmdb({ '10.0.0.0/8': { autonomous_system_number: 64_500 } }, { type: 'ASN' }));
  await assert.rejects(asn.check({ signal }), /no country in any record of "ASN"/);
});

test('a map that is larger than the file, and pointers in a circle, end with an error and not with the process', async () => {
  const file = writeMmdb({ '10.0.0.0/8': { country: { iso_code: 'DE' } } });
  const data = file.indexOf(Buffer.concat([Buffer.alloc(16), Buffer.from([0xe1])])) + 16;
  const damaged = (...bytes: number[]) => {
    const copy = Buffer.from(file);
    copy.set(bytes, data);
    return new Mmdb(copy);
  };
  await assert.rejects(damaged(0xff, 0xff, 0xff, 0xff).check({ signal }), FormatError);
  await assert.rejects(damaged(0x20, 0x00).check({ signal }), /pointer to a pointer/);
  await assert.rejects(damaged(0xe1, 0x27, 0xff).check({ signal }), /outside of the data/);
  assert.equal(countryIn(damaged(0xff, 0xff, 0xff, 0xff), '10.0.0.1'), undefined);
});

test('3,000 damaged files are refused or give some answer; none throws anything but a FormatError', async () => {
  const { opened, refused } = await fuzzMmdb(20_261_129, 3000);
  assert.ok(opened > 500 && refused > 500, `${opened} opened, ${refused} refused`);
});
