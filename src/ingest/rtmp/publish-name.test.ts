import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applicationOf, publishNameOf } from './publish-name.ts';

const cases: readonly [
  app: string,
  playPath: string,
  tcUrl: string,
  name: string | undefined,
  key: string | undefined,
][] = [
  ['live', 'studio?key=ok_1', 'rtmp://host/live', 'studio', 'ok_1'],
  ['live', 'ok_1', 'rtmp://host/live', undefined, 'ok_1'],
  ['live/', '/studio?key=ok_1', '', 'studio', 'ok_1'],
  ['live', 'studio', 'rtmp://host/live?key=ok_1', 'studio', 'ok_1'],
  ['live?key=ok_1', 'studio', '', 'studio', 'ok_1'],
  ['live/studio', 'ok_1', '', 'studio', 'ok_1'],
  ['live/_definst_', 'studio?key=ok_1', '', 'studio', 'ok_1'],
  ['live/studio?key=ok_1', '', '', 'studio', 'ok_1'],
  ['live', 'studio?key=ok_1?bandwidth=1', '', 'studio', 'ok_1'],
  ['live', 'studio?key=ok%5F1&x=2', '', 'studio', 'ok_1'],
  ['live', 'studio', '', 'studio', undefined],
  ['live', 'studio?key=', '', 'studio', undefined],
  ['live', '', '', undefined, undefined],
  ['live', '?key=ok_1', '', undefined, 'ok_1'],
];

for (const [app, playPath, tcUrl, name, key] of cases) {
  test(`application ${app}, stream key "${playPath}" and address "${tcUrl}" are name ${name} and key ${key}`, () => {
    assert.deepEqual(publishNameOf({ app, playPath, tcUrl }), { name, key });
  });
}

test('the application is the first part of the path', () => {
  assert.equal(applicationOf('live?x=/a').application, 'live');
  assert.equal(applicationOf('/live/studio').application, 'live');
  assert.equal(applicationOf('').application, '');
});
