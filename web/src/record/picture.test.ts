import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPicture } from './picture.ts';

test('a picture in a response becomes its bytes with their type', async () => {
  const blob = readPicture('data:image/jpeg;base64,/9j/4A==')!;
  assert.equal(blob.type, 'image/jpeg');
  assert.deepEqual([...new Uint8Array(await blob.arrayBuffer())], [0xff, 0xd8, 0xff, 0xe0]);
});

test('anything else is rejected: a script, an SVG, an address, broken base64', () => {
  for (const url of [
    'data:text/html;base64,PHNjcmlwdD4=',
    'data:image/svg+xml;base64,PHN2Zz4=',
    'https://elsewhere.example/a.jpg',
    'data:image/jpeg;base64,=/=',
    'data:image/jpeg,abc',
    '',
  ])
    assert.equal(readPicture(url), undefined, url);
});
