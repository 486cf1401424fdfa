import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createClientAddress } from './client-address.ts';

suite('the client address with proxies', () => {
  const address = createClientAddress(['10.0.0.0/8', '2001:db8::7']);

  for (const [what, remote, forwarded, client] of [
    ['no proxy, no header', '192.0.2.1', undefined, '192.0.2.1'],
    ['a header from someone who is no proxy is not believed', '192.0.2.1', '198.51.100.9', '192.0.2.1'],
    ['a proxy on this computer is believed without a setting', '127.0.0.1', '198.51.100.9', '198.51.100.9'],
    ['by IPv6 too', '::1', '2001:db8::1', '2001:db8::1'],
    ['IPv4 on a socket of IPv6', '::ffff:127.0.0.1', '198.51.100.9', '198.51.100.9'],
    ['a network that was named', '10.1.2.3', '198.51.100.9', '198.51.100.9'],
    ['two proxies in a row', '127.0.0.1', '198.51.100.9, 10.1.2.3', '198.51.100.9'],
    [
      'a forged entry is to the left of the client’s own address',
      '127.0.0.1',
      '203.0.113.1, 198.51.100.9',
      '198.51.100.9',
    ],
    ['ports and brackets are no part of an address', '127.0.0.1', '198.51.100.9:4711', '198.51.100.9'],
    ['nor those of IPv6', '2001:db8::7', '[2001:db8::1]:4711', '2001:db8::1'],
    ['what is no address ends the search', '10.1.2.3', '198.51.100.9, unknown', '10.1.2.3'],
    ['an empty header says nothing', '127.0.0.1', '', '127.0.0.1'],
    ['only proxies', '127.0.0.1', '10.0.0.1', '10.0.0.1'],
    ['a connection that is gone', '', '198.51.100.9', ''],
  ] as const) {
    test(what, () => assert.equal(address(remote, forwarded), client));
  }
});
