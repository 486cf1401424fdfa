import assert from 'node:assert/strict';
import { test } from 'node:test';
import { embeddedIpv4, inCidr, isGlobal, isNeverByName, parseCidr, parseIp } from './address.ts';

const global = (text: string) => isGlobal(parseIp(text)!);

test('every special-purpose range of IPv4 is refused, its neighbours are not (RFC 6890)', () => {
  for (const text of [
    '0.0.0.0',
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '168.63.129.16',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
  ]) {
    assert.equal(global(text), false, text);
  }
  for (const text of [
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.1.1.1',
    '128.0.0.1',
    '168.63.129.15',
    '168.63.129.17',
    '169.253.1.1',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.1',
    '192.167.1.1',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
  ]) {
    assert.equal(global(text), true, text);
  }
});

test('only global unicast IPv6 passes', () => {
  for (const text of [
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12:3456::1',
    'ff02::1',
    '2001:db8::1',
    '3fff::1',
    '100::1',
    '5f00::1',
    '64:ff9b:1::1',
    '2001::1',
    '2001:2::1',
    '4000::1',
    'fec0::1',
  ]) {
    assert.equal(global(text), false, text);
  }
  assert.equal(global('2606:4700:4700::1111'), true);
  assert.equal(global('[2a00:1450:4001:81b::200e]'), true);
});

test('IPv4 within IPv6 is decoded: mapped, compatible, NAT64, 6to4, SIIT, Teredo, ISATAP', () => {
  for (const text of [
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '64:ff9b::10.0.0.1',
    '2002:7f00:1::',
    '2002:a9fe:a9fe::1',
    '::ffff:0:192.168.0.1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2606:4700::5efe:10.0.0.1',
    '2606:4700::200:5efe:127.0.0.1',
    '::8.8.8.8',
    '::ffff:0:8.8.8.8',
  ]) {
    assert.equal(global(text), false, text);
  }
  for (const text of ['::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '2002:808:808::1']) assert.equal(global(text), true, text);
  assert.deepEqual(embeddedIpv4(parseIp('2002:102:304::')!), Uint8Array.of(1, 2, 3, 4));
  assert.equal(embeddedIpv4(parseIp('1.2.3.4')!), undefined);
});

test('link-local, unspecified and multicast addresses are refused for every name', () => {
  for (const text of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '0.0.0.0',
    '::',
    'fe80::1',
    'fd00:ec2::254',
    '224.0.0.1',
  ]) {
    assert.equal(isNeverByName(parseIp(text)!), true, text);
  }
  for (const text of ['10.0.0.1', '127.0.0.1', '::1', 'fd00::1', '8.8.8.8']) {
    assert.equal(isNeverByName(parseIp(text)!), false, text);
  }
});

test('a range contains the addresses with its leading bits', () => {
  const range = parseCidr('10.1.128.0/17');
  assert.equal(inCidr(parseIp('10.1.128.0')!, range), true);
  assert.equal(inCidr(parseIp('10.1.255.255')!, range), true);
  assert.equal(inCidr(parseIp('10.1.127.255')!, range), false);
  assert.equal(inCidr(parseIp('::1')!, range), false);
  assert.equal(inCidr(parseIp('fd00::1')!, parseCidr('fd00::/8')), true);
  assert.equal(inCidr(parseIp('192.168.1.2')!, parseCidr('192.168.1.2')), true);
  assert.equal(inCidr(parseIp('1.2.3.4')!, parseCidr('0.0.0.0/0')), true);
  for (const bad of ['', 'cam', '10.0.0.0/33', '10.0.0.0/x', '10.0.0/8', '::1/129', '10.0.0.0/-1']) {
    assert.throws(() => parseCidr(bad), { name: 'OxbowError', code: 'bad-setting' }, bad);
  }
});

test('text that is not an address gives undefined', () => {
  for (const text of ['', 'localhost', '1.2.3', '1.2.3.4.5', '::g', '1:2', '999.1.1.1'])
    assert.equal(parseIp(text), undefined);
});
