import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishLoginOf } from './publish-login.ts';

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;

test('the name is the path, the key is in the query or the password', () => {
  for (const [url, authorization, name, key] of [
    ['rtsp://h:8554/studio?key=ok_1', undefined, 'studio', 'ok_1'],
    ['rtsp://h/studio/', basic('me:ok_2'), 'studio', 'ok_2'],
    ['rtsp://h/studio', basic('ok_3:'), 'studio', 'ok_3'],
    ['rtsp://h/studio?key=ok_1', basic('me:ok_2'), 'studio', 'ok_1'],
    ['rtsp://h/', undefined, undefined, undefined],
    ['rtsp://h/a%20b?key=', 'Digest username="me"', 'a b', undefined],
    ['*', basic('no colon'), undefined, undefined],
  ] as const) {
    assert.deepEqual(publishLoginOf(url, authorization), { name, key }, url);
  }
});
