import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPublicAddress, type RequestOrigin } from './public-address.ts';

const request = (headers: RequestOrigin['headers'], more: Partial<RequestOrigin> = {}): RequestOrigin => ({
  headers,
  remoteAddress: '203.0.113.9',
  sender: undefined,
  secure: false,
  ...more,
});

test('without a proxy it is the requested host, with the scheme of the connection', () => {
  const address = createPublicAddress(undefined, []);
  assert.equal(address(request({ host: 'tv.example:8080' })), 'http://tv.example:8080');
  assert.equal(address(request({ host: '[2001:db8::1]' }, { secure: true })), 'https://[2001:db8::1]');
  assert.equal(address(request({ ':authority': 'tv.example' }, { secure: true })), 'https://tv.example');
});

test('forwarding headers count only from a trusted proxy', () => {
  const address = createPublicAddress(undefined, ['10.0.0.0/8']);
  const headers = { host: 'inner:8080', 'x-forwarded-host': 'tv.example', 'x-forwarded-proto': 'https' };
  assert.equal(address(request(headers)), 'http://inner:8080');
  assert.equal(address(request(headers, { remoteAddress: '10.1.2.3' })), 'https://tv.example');
  assert.equal(address(request(headers, { remoteAddress: '::ffff:127.0.0.1' })), 'https://tv.example');
});

test('of several forwarded hosts the last counts, which the nearest proxy wrote: those before it may be forged', () => {
  const address = createPublicAddress(undefined, []);
  const headers = { host: 'inner', 'x-forwarded-host': 'evil.example, tv.example', 'x-forwarded-proto': 'gopher' };
  assert.equal(address(request(headers, { remoteAddress: '127.0.0.1' })), 'http://tv.example');
});

test('the setting takes precedence', () => {
  const address = createPublicAddress('https://tv.example/', []);
  assert.equal(address(request({ host: 'inner' })), 'https://tv.example');
});

test('an invalid host gives no address', () => {
  const address = createPublicAddress(undefined, []);
  for (const host of [
    '',
    'a b',
    'tv.example/x',
    '"><script>',
    'user@tv.example',
    '-a',
    'tv.example:port',
    'a'.repeat(300),
  ])
    assert.equal(address(request({ host })), undefined, host);
});
