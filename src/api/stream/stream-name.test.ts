import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStreamName, StreamName } from './stream-name.ts';
import { parseStreamName, streamUnknown } from './stream-refusals.ts';

test('a name has 1 to 64 of a-z, 0-9, "-" and "_", and begins with a letter or digit', () => {
  for (const name of ['a', '0', 'door-1_b', 'a'.repeat(64)]) assert.equal(parseStreamName(name), name);
  const invalid = ['', '-a', '_a', 'A', 'a b', 'a.b', 'a/b', 'ä', 'a\n', 'a'.repeat(65)];
  const { pattern } = StreamName as unknown as { pattern: string };
  for (const name of invalid) {
    assert.ok(!isStreamName(name) && !new RegExp(pattern).test(name), name);
    assert.throws(() => parseStreamName(name), { code: 'bad-name' });
  }
  assert.throws(() => parseStreamName('Door 1'), { message: /^Invalid stream name "Door 1"\. Use / });
});

test('a stream that does not exist is refused with its name', () => {
  assert.equal(streamUnknown('door').message, 'There is no stream named door.');
  assert.equal(streamUnknown(undefined).message, 'There is no stream at this address yet.');
});
