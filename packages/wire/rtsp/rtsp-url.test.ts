import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRtspUrl } from './rtsp-url.ts';

test('addresses of cameras are parsed; what requests name has neither user name nor password', () => {
  assert.deepEqual(parseRtspUrl('rtsp://cam.example'), {
    isSecure: false,
    host: 'cam.example',
    port: 554,
    user: '',
    password: '',
    requestUrl: 'rtsp://cam.example',
    transport: 'tcp',
  });
  assert.deepEqual(parseRtspUrl(' RTSPS://admin:p%40ss%23@[2001:db8::1]:8322/live\n'), {
    isSecure: true,
    host: '2001:db8::1',
    port: 8322,
    user: 'admin',
    password: 'p@ss#',
    requestUrl: 'rtsps://[2001:db8::1]:8322/live',
    transport: 'tcp',
  });
  assert.equal(parseRtspUrl('rtsps://cam.example/1').port, 322);
  assert.equal(parseRtspUrl('rtsp://me:50%@cam.example/1').password, '50%', 'a single % is literal');
});

test('the paths and queries of manufacturers are passed on as they are', () => {
  for (const rest of [
    '/Streaming/Channels/101',
    '/cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif',
    '/h264Preview_01_main',
    '/axis-media/media.amp?videocodec=h264&resolution=1280x720',
    '/onvif1?a=/b?c=d',
  ]) {
    assert.equal(parseRtspUrl(`rtsp://u:p@10.0.0.7:554${rest}`).requestUrl, `rtsp://10.0.0.7:554${rest}`);
  }
  assert.equal(parseRtspUrl('rtsp://cam.example/my cam/1').requestUrl, 'rtsp://cam.example/my%20cam/1');
});

test('transport= chooses how the media travels, and is not sent to the server', () => {
  const udp = parseRtspUrl('rtsp://cam.example/x?channel=1&transport=udp&subtype=0');
  assert.deepEqual([udp.transport, udp.requestUrl], ['udp', 'rtsp://cam.example/x?channel=1&subtype=0']);
  const tcp = parseRtspUrl('rtsp://cam.example/x?transport=tcp');
  assert.deepEqual([tcp.transport, tcp.requestUrl], ['tcp', 'rtsp://cam.example/x']);
});

test('an invalid address is refused, and the message has no secrets of it', () => {
  for (const [url, message] of [
    ['rtsp://', /an RTSP source is rtsp:/],
    ['rtsp://admin:sec#ret@cam.example/1', /write # .* in a password as %23/],
    ['rtsp://admin:secret@cam.example:0/1', /an RTSP source is/],
    ['rtsp://admin:secret@cam.example:99999/1', /an RTSP source is/],
    ['rtsp://admin:secret@cam.example/1?transport=multicast', /transport is tcp or udp, not "multicast"/],
    ['rtsps://admin:secret@cam.example/1?transport=udp', /without encryption/],
    [`rtsp://cam.example/${'a'.repeat(4096)}`, /longer than 4096 characters/],
  ] as const) {
    assert.throws(
      () => parseRtspUrl(url),
      (error: Error) => error.name === 'FormatError' && message.test(error.message) && !/sec/.test(error.message),
      url,
    );
  }
});
