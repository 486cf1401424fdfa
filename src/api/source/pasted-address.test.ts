import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainUnsupported, readPastedAddress } from './pasted-address.ts';

test('an address that oxbow can pull is returned, complete and without spaces', () => {
  for (const [text, url] of [
    [' https://cam.example/live.m3u8\n', 'https://cam.example/live.m3u8'],
    ['HTTP://cam.example/', 'HTTP://cam.example/'],
    ['srt://encoder.example:8890?streamid=x', 'srt://encoder.example:8890?streamid=x'],
    ['udp://@239.1.1.1:5000', 'udp://@239.1.1.1:5000'],
    ['rtsp://user:pass@192.0.2.10/cam?channel=1&subtype=0', 'rtsp://user:pass@192.0.2.10/cam?channel=1&subtype=0'],
    ['rtsps://cam.example/1', 'rtsps://cam.example/1'],
    ['whep+https://tv.example/whep/a?key=pass', 'whep+https://tv.example/whep/a?key=pass'],
    ['cam.example/live.m3u8', 'https://cam.example/live.m3u8'],
    ['www.youtube.com/watch?v=x', 'https://www.youtube.com/watch?v=x'],
    ['tv.example', 'https://tv.example'],
    ['192.0.2.10:8080/live.m3u8', 'http://192.0.2.10:8080/live.m3u8'],
    ['localhost:8080/live.m3u8', 'http://localhost:8080/live.m3u8'],
  ] as const) {
    assert.deepEqual(readPastedAddress(text), { url }, text);
  }
});

test('other addresses are recognized by their kind, each with what to do instead', () => {
  for (const [text, unsupported, scheme] of [
    ['rtspu://user:pass@192.0.2.10/stream1', 'scheme', 'rtspu'],
    ['rtmps://a.example/live/x', 'rtmp', 'rtmps'],
    ['webrtc://a.example/x', 'webrtc', 'webrtc'],
    ['whip+https://a.example/x?key=pass', 'webrtc', 'whip+https'],
    ['file:///home/me/film.mp4', 'file', 'file'],
    ['/home/me/film.mp4', 'file', ''],
    ['C:\\film.mp4', 'file', ''],
    ['~/film.mkv', 'file', ''],
    ['ftp://a.example/x', 'scheme', 'ftp'],
    ['hello', 'text', ''],
    ['hello world.example', 'text', ''],
    ['film.mp4', 'file', ''],
    ['', 'text', ''],
    ['javascript:alert(1)', 'text', ''],
  ] as const) {
    assert.deepEqual(readPastedAddress(text), { unsupported, scheme }, text);
    const { message, hint } = explainUnsupported(unsupported, scheme);
    assert.ok(message.length > 10 && hint.length > 20);
    assert.ok(!`${message}${hint}`.includes('pass'), 'secrets of the address are not repeated');
  }
});
