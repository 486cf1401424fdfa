import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceUrl } from './source-address.ts';
import { isMulticast, parseUdpUrl } from './udp-url.ts';

test('addresses as ffmpeg and VLC write them are parsed', () => {
  const none = { isMulticast: false, networkInterface: undefined, senders: [], program: undefined };
  assert.deepEqual(parseUdpUrl('udp://0.0.0.0:5000'), { ...none, address: '0.0.0.0', port: 5000 });
  assert.deepEqual(parseUdpUrl('udp://@:5000'), { ...none, address: '0.0.0.0', port: 5000 });
  assert.deepEqual(parseUdpUrl('udp://[::]:5000/'), { ...none, address: '::', port: 5000 });
  assert.deepEqual(parseUdpUrl('udp://@239.1.1.1:5000?interface=eth0&sender=10.0.0.0/8,192.0.2.7&program=3'), {
    address: '239.1.1.1',
    port: 5000,
    isMulticast: true,
    networkInterface: 'eth0',
    senders: ['10.0.0.0/8', '192.0.2.7'],
    program: 3,
  });
  assert.deepEqual(
    parseUdpUrl('udp://10.0.0.9@232.1.1.1:5000').senders,
    ['10.0.0.9'],
    'source-specific multicast of VLC',
  );
  assert.deepEqual(parseUdpUrl('udp://239.1.1.1:5000?localaddr=10.0.0.1&sources=10.0.0.9&fifo_size=50000'), {
    address: '239.1.1.1',
    port: 5000,
    isMulticast: true,
    networkInterface: '10.0.0.1',
    senders: ['10.0.0.9'],
    program: undefined,
  });
});

test('an invalid address is refused with what to write instead', () => {
  for (const [url, message] of [
    ['udp://cam.example:5000', /"cam.example" is not an IP address: oxbow receives on a local address/],
    ['udp://239.1.1.1', /write udp:\/\/0.0.0.0:5000/],
    ['udp://239.1.1.1:0', /port 0 is not from 1 to 65535/],
    ['udp://239.1.1.1:70000', /port 70000 is not from 1 to 65535/],
    ['udp://239.1.1.1:5000?sender=cam', /"cam" is not an address range/],
    ['udp://239.1.1.1:5000?program=0', /"0" is not a program number/],
    ['udp://239.1.1.1:5000?interface=a/b', /"a\/b" is not a network interface/],
    ['udp://239.1.1.1:5000?latency=5', /unknown parameter "latency"/],
  ] as const) {
    assert.throws(() => sourceUrl(url), { name: 'FormatError', message });
  }
});

test('multicast groups are those of RFC 5771 and RFC 4291', () => {
  assert.ok(['224.0.0.1', '239.255.255.255', 'ff02::1'].every(isMulticast));
  assert.ok(!['223.255.255.255', '240.0.0.1', 'fe80::1', '::'].some(isMulticast));
});
