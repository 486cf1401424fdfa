import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstBytes } from './first-bytes.ts';

test('all bytes of a client are kept, also those of memory that is used again', () => {
  const first = new FirstBytes();
  const memory = Buffer.from('one');
  first.add(memory);
  memory.write('two');
  first.add(memory);
  assert.equal(first.areAll, true);
  assert.equal(Buffer.from(first.toBase64(), 'base64').toString(), 'onetwo');
});

test('of a client that sends too much, nothing is kept', () => {
  const first = new FirstBytes();
  for (let number = 0; number < 4; number++) first.add(Buffer.alloc(64 * 1024));
  first.add(Buffer.from('more'));
  assert.deepEqual([first.areAll, first.toBase64()], [false, '']);
});
