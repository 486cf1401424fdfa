import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ApiDocument } from '../api/document.ts';
import { readReference, search, typeOf } from './reference.ts';

const file = join(import.meta.dirname, '../../../docs/reference/openapi.json');
const document = JSON.parse(readFileSync(file, 'utf8')) as ApiDocument;
const reference = readReference(document, 'https://tv.example');
const find = (id: string) => reference.chapters.flatMap(({ operations }) => operations).find((one) => one.id === id)!;

test('every operation of the document is in one chapter, once', () => {
  const ids = reference.chapters.flatMap(({ operations }) => operations.map(({ id }) => id));
  const all = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((one) => one.operationId));
  assert.deepEqual(ids.toSorted(), all.toSorted());
  assert.ok(reference.chapters.every(({ name }) => name !== ''));
});

test('an operation shows its access, its parameters and its responses', () => {
  const replace = find('replaceStream');
  assert.deepEqual([replace.method, replace.path, replace.access], ['PUT', '/api/v1/streams/{name}', 'admin']);
  assert.deepEqual(
    replace.parameters.map(({ name, required }) => [name, required]),
    [
      ['name', true],
      ['if-match', false],
    ],
  );
  assert.deepEqual(replace.body, [{ text: 'StreamSettings', link: 'StreamSettings' }]);
  assert.deepEqual(replace.answers[0]!.type, [{ text: 'StreamView', link: 'StreamView' }]);
  assert.equal(find('getStream').access, 'viewer');
  assert.equal(find('getTime').access, 'anyone');
  const tried = ['getTime', 'getStream', 'getExportFile', 'getEvents', 'startStream'].filter((id) => find(id).canTry);
  assert.deepEqual(tried, ['getTime', 'getStream']);
});

test('the example is a runnable command: its body is JSON with all required members', () => {
  const { curl } = find('createStream');
  assert.match(curl, /^curl -X POST https:\/\/tv\.example\/api\/v1\/streams \\\n/);
  assert.match(curl, /-H "Authorization: Bearer \$OXBOW_ADMIN_TOKEN"/);
  const body: unknown = JSON.parse(/-d '(.*)'$/.exec(curl)![1]!);
  assert.deepEqual(body, { name: 'door', source: { type: 'pull', url: 'https://cam.example/live.m3u8' } });
  assert.equal(find('getStream').curl, 'curl https://tv.example/api/v1/streams/door');
  assert.match(find('getEvents').curl, /^curl -N /);
});

test('every link leads to a shown schema', () => {
  const shown = new Set(reference.schemas.map(({ name }) => name));
  const pieces = [
    ...reference.chapters.flatMap(({ operations }) =>
      operations.flatMap(({ body, answers, parameters }) => [
        ...(body ?? []),
        ...answers.flatMap(({ type }) => type),
        ...parameters.flatMap(({ type }) => type),
      ]),
    ),
    ...reference.schemas.flatMap(({ rows }) => rows.flatMap(({ type }) => type)),
  ];
  assert.ok(pieces.length > 100);
  for (const { link } of pieces) if (link !== null) assert.ok(shown.has(link), link);
});

test('nested members are rows, and a list of any values is named as such', () => {
  const view = reference.schemas.find(({ name }) => name === 'StreamView')!;
  const names = view.rows.map(({ name }) => name);
  assert.ok(names.includes('recorded.from') && names.includes('source.type'));
  const exported = reference.schemas.find(({ name }) => name === 'ExportResult')!;
  assert.ok(exported.rows.some(({ name }) => name === 'gaps[].cause'));
  const pieces = typeOf({ type: 'array', items: { $ref: '#/components/schemas/X' } });
  assert.equal(pieces.map(({ text }) => text).join(''), 'X[]');
});

test('event types are shown with their members', () => {
  const gap = reference.events.find(({ name }) => name === 'stream.gap')!;
  assert.deepEqual(
    gap.rows.map(({ name }) => name),
    ['from', 'to', 'cause', 'detail'],
  );
});

test('a search keeps entries that contain every word, and removes empty chapters', () => {
  const found = search(reference, ' Stream  DELETE marker ');
  assert.deepEqual(
    found.chapters.flatMap(({ operations }) => operations.map(({ id }) => id)),
    ['deleteStreamMarker'],
  );
  assert.deepEqual(search(reference, ''), reference);
  const none = search(reference, 'no such thing');
  assert.deepEqual([none.chapters, none.events, none.schemas], [[], [], []]);
});
