import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSdpUrl, parseSdpUrl } from './sdp-url.ts';
import { hostOf, sourceUrl } from './source-address.ts';

test('a path, senders and an interface', () => {
  assert.deepEqual(parseSdpUrl('sdp:///etc/oxbow/studio.sdp'), {
    path: '/etc/oxbow/studio.sdp',
    senders: [],
    networkInterface: undefined,
  });
  assert.deepEqual(parseSdpUrl('SDP://studio a.sdp?sender=10.0.0.0/8,192.0.2.7&interface=eth0'), {
    path: 'studio a.sdp',
    senders: ['10.0.0.0/8', '192.0.2.7'],
    networkInterface: 'eth0',
  });
});

test('another form is refused with the reason', () => {
  for (const [text, why] of [
    ['sdp://', /needs a file; write sdp:\/\/\/etc/],
    ['sdp://?sender=10.0.0.1', /needs a file/],
    ['sdp:///a.sdp?sender=camera', /"camera" is not an address range/],
    ['sdp:///a.sdp?port=5004', /unknown parameter "port"/],
    ['sdp:///a.sdp?interface=a/b', /"a\/b" is not a network interface/],
  ] as const) {
    assert.throws(() => parseSdpUrl(text), { name: 'FormatError', message: why }, text);
  }
});

test('it is an address of a source; the stream is named after the file', () => {
  assert.equal(isSdpUrl('sdp:///a.sdp'), true);
  assert.equal(isSdpUrl('https://cam.example/a.sdp'), false);
  assert.equal(sourceUrl('sdp:///etc/studio.sdp'), 'sdp:///etc/studio.sdp');
  assert.equal(hostOf('sdp:///etc/studio.sdp?sender=10.0.0.1'), 'studio');
});
