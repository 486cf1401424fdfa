import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceUrl } from './source-address.ts';
import { parseSrtUrl } from './srt-url.ts';

test('addresses as for srt-live-transmit and ffmpeg are parsed', () => {
  const none = { streamId: '', passphrase: undefined, keyLength: undefined, latencyMs: undefined, program: undefined };
  assert.deepEqual(parseSrtUrl('srt://cam.example:9000'), { ...none, host: 'cam.example', port: 9000 });
  assert.deepEqual(parseSrtUrl('srt://[2001:db8::1]:9000?mode=caller&transtype=live'), {
    ...none,
    host: '2001:db8::1',
    port: 9000,
  });
  const full =
    'srt://10.0.0.7:9000?streamid=%23!::r=cam,m=request&passphrase=correct%20horse&pbkeylen=32&latency=250&program=2';
  assert.deepEqual(parseSrtUrl(full), {
    host: '10.0.0.7',
    port: 9000,
    streamId: '#!::r=cam,m=request',
    passphrase: 'correct horse',
    keyLength: 32,
    latencyMs: 250,
    program: 2,
  });
  assert.equal(parseSrtUrl('srt://cam.example:9000?latency=200000').latencyMs, 200, 'microseconds of ffmpeg');
});

test('an invalid address is refused, and the message has no secrets of it', () => {
  for (const [url, message] of [
    ['srt://cam.example', /needs a host and a port/],
    ['srt://:9000', /needs a host and a port/],
    ['srt://cam.example:9000?passphrase=short', /the passphrase has 5 bytes; SRT wants 10 to 79/],
    ['srt://cam.example:9000?pbkeylen=20', /pbkeylen is 16, 24 or 32/],
    ['srt://cam.example:9000?mode=rendezvous', /mode=rendezvous is not supported/],
    ['srt://cam.example:9000?mode=listener', /use a stream of type push/],
    ['srt://cam.example:9000?latency=x', /latency is milliseconds/],
    ['srt://cam.example:9000?fec=on&passphrase=secret', /unknown parameter "fec"/],
  ] as const) {
    assert.throws(
      () => sourceUrl(url),
      (error: Error) => error.name === 'FormatError' && message.test(error.message) && !/secret/.test(error.message),
      url,
    );
  }
});
