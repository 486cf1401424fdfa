import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createClientAddress } from './client-address.ts';
import { readForwarded } from './forwarded.ts';
import { createPublicAddress } from './public-address.ts';

suite('forwarding headers', () => {
  test('Forwarded is one field, X-Forwarded three (RFC 7239 4)', () => {
    const forwarded =
      'for=192.0.2.60;proto=HTTP, For="[2001:db8::17]:4711";Proto=https;by=10.0.0.1;host="TV.example:8443"';
    assert.deepEqual(readForwarded({ forwarded }), {
      for: ['192.0.2.60', '[2001:db8::17]:4711'],
      host: 'tv.example:8443',
      proto: 'https',
    });
    assert.deepEqual(readForwarded({ 'x-forwarded-for': '192.0.2.60, 10.0.0.1', 'x-forwarded-proto': 'https' }), {
      for: ['192.0.2.60', '10.0.0.1'],
      host: undefined,
      proto: 'https',
    });
  });

  test('if both kinds are present and differ, a client sent one of them, and only the proxy is known', () => {
    const address = createClientAddress(['10.0.0.1']);
    const who = (headers: Parameters<typeof readForwarded>[0]) => address('10.0.0.1', readForwarded(headers).for);
    assert.equal(who({ forwarded: 'for=203.0.113.1', 'x-forwarded-for': '198.51.100.9' }), '10.0.0.1');
    assert.equal(
      who({ forwarded: 'for=198.51.100.9', 'x-forwarded-for': '203.0.113.1, 198.51.100.9' }),
      '198.51.100.9',
    );
    assert.equal(who({ forwarded: 'for=_hidden' }), '10.0.0.1');
    assert.equal(who({ forwarded: `for=${'9'.repeat(5000)}` }), '10.0.0.1');
    const long = '203.0.113.1, '.repeat(500);
    assert.equal(who({ 'x-forwarded-for': `${long}198.51.100.9` }), '198.51.100.9', 'a long list cannot hide its end');
    assert.equal(who({ forwarded: `${'for=203.0.113.1, '.repeat(500)}for=198.51.100.9` }), '198.51.100.9');
    assert.equal(
      who({ 'x-forwarded-for': `${'9'.repeat(4090)}198.51.100.9` }),
      '10.0.0.1',
      'a cut entry does not count',
    );
    assert.equal(address('192.0.2.1', readForwarded({ forwarded: 'for=198.51.100.9' }).for), '192.0.2.1', 'no proxy');
  });

  test('Forwarded from trusted proxies has host and scheme too', () => {
    const origin = createPublicAddress(undefined, ['10.0.0.1']);
    const headers = { host: 'inner:8080', forwarded: 'for=192.0.2.1;host=tv.example;proto=https' };
    assert.equal(
      origin({ headers, remoteAddress: '10.0.0.1', sender: undefined, secure: false }),
      'https://tv.example',
    );
    assert.equal(origin({ headers, remoteAddress: '10.0.0.2', sender: undefined, secure: false }), 'http://inner:8080');
    const both = { ...headers, 'x-forwarded-host': 'evil.example' };
    assert.equal(
      origin({ headers: both, remoteAddress: '10.0.0.1', sender: undefined, secure: false }),
      'https://inner:8080',
    );
  });
});
