import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, normalize, unmap } from './address.ts';

const hex = (address: string) => Buffer.from(bytesOf(address)).toString('hex');

test('addresses have one spelling, and IPv4 within IPv6 is IPv4', () => {
  const spelled = (address: string) => normalize({ address, port: 1 })?.address;
  assert.equal(spelled('192.0.2.1'), '192.0.2.1');
  assert.equal(spelled('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(spelled('::FFFF:c000:0201'), '192.0.2.1');
  assert.equal(spelled('2001:DB8:0:0::0001'), '2001:db8::1');
  assert.equal(spelled('fe80::1%eth0'), 'fe80::1%eth0');
  assert.equal(unmap('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(unmap('2001:db8::1'), '2001:db8::1');
});

test('what cannot be sent to is no address', () => {
  for (const address of ['', 'example.org', '3f2a.local', '1.2.3', '1.2.3.256', '::1::', '[::1]', ' 1.2.3.4']) {
    assert.equal(normalize({ address, port: 1 }), undefined, address);
  }
  for (const port of [0, -1, 65_536, 1.5, Number.NaN]) assert.equal(normalize({ address: '::1', port }), undefined);
});

test('addresses have 4 or 16 bytes', () => {
  assert.equal(hex('192.0.2.1'), 'c0000201');
  assert.equal(hex('::'), '00'.repeat(16));
  assert.equal(hex('::1'), `${'00'.repeat(15)}01`);
  assert.equal(hex('2001:db8::12:0'), '20010db8000000000000000000120000');
  assert.equal(hex('1:2:3:4:5:6:7:8'), '00010002000300040005000600070008');
  assert.equal(hex('fe80::1%eth0'), `fe80${'00'.repeat(13)}01`);
  assert.equal(hex('64:ff9b::192.0.2.33'), '0064ff9b0000000000000000c0000221');
});
