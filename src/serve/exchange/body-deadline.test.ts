import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { mock, test } from 'node:test';
import { limitBody } from './body-deadline.ts';

test('a body has a minute to arrive, but uploads and outputs of workers as long as bytes arrive', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const isCut = (url: string) => {
      let isDestroyed = false;
      const destroy = () => {
        isDestroyed = true;
      };
      const socket = Object.assign(new EventEmitter(), { writable: false, destroy });
      const request = Object.assign(new EventEmitter(), { url, socket, headers: { 'content-length': '9' } });
      limitBody(request as unknown as IncomingMessage, 60_000);
      mock.timers.tick(60_000);
      return isDestroyed;
    };
    for (const url of ['/api/v1/streams', '/api/v1/jobs/a/result', '/api/v1/jobs/a?b=/outputs/c', '/api/v1/uploadsx']) {
      assert.equal(isCut(url), true, url);
    }
    const objects = ['/api/v1/streams/a/heal?at=1', '/api/v1/vault/object?key=a', '/api/v1/vault/uploads/a?offset=0'];
    for (const url of [
      '/api/v1/jobs/a/outputs/v0~1.mp4',
      '/api/v1/uploads/a',
      '/api/v1/upload/chunk?a=b',
      ...objects,
    ]) {
      assert.equal(isCut(url), false, url);
    }
  } finally {
    mock.timers.reset();
  }
});

test('the limit ends with the connection and with the body, and leaves nothing behind on the connection', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    for (const end of ['socket', 'request'] as const) {
      const destroy = () => assert.fail('the connection was ended after its end');
      const socket = Object.assign(new EventEmitter(), { writable: true, destroy });
      const headers = { 'content-length': '9' };
      const request = Object.assign(new EventEmitter(), { url: '/api/v1/streams', socket, headers });
      limitBody(request as unknown as IncomingMessage, 60_000);
      if (end === 'socket') socket.emit('close');
      else request.emit('end');
      mock.timers.tick(60_000);
      assert.equal(socket.listenerCount('close'), 0);
    }
  } finally {
    mock.timers.reset();
  }
});
