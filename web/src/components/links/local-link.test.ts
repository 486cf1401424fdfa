import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, opensHereOnly } from './local-link.ts';

test('a link to a loopback address opens on this computer only', () => {
  for (const host of ['127.0.0.1:8080', '127.8.9.1', 'localhost:5173', 'tv.localhost', '[::1]:8080']) {
    assert.equal(isLoopback(`http://${host}/watch/door`), true, host);
    assert.equal(opensHereOnly(`https://${host}/watch/door?t=1`), true, host);
    assert.equal(opensHereOnly(`<iframe src="http://${host}/embed/door"></iframe>`), true, host);
  }
});

test('other links, and texts without one, are not called local', () => {
  for (const text of [
    ...[
      'http://192.168.1.20:8080/watch/door',
      'https://tv.example/127.0.0.1',
      'http://localhost.example/',
      'http://128.0.0.1',
    ],
    ...['', 'a key without an address', 'rtmp://127.0.0.1/live'],
  ]) {
    assert.equal(opensHereOnly(text), false, text);
  }
});
