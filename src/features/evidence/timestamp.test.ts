import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printTimestampQuery } from './timestamp.ts';

test('the nonce of a request has no byte more than it needs, and is positive', () => {
  const integerOf = (nonce: string) => {
    const query = printTimestampQuery(new Uint8Array(32), Buffer.from(nonce, 'hex')).toString('hex');
    const [, length, rest] = /^30..020101.*?0420(?:00){32}02(..)(.*)0101ff$/.exec(query)!;
    assert.equal(rest!.length, Number.parseInt(length!, 16) * 2);
    return rest;
  };
  assert.equal(integerOf('7f00000000000001'), '7f00000000000001');
  assert.equal(integerOf('8000000000000001'), '008000000000000001');
  assert.equal(integerOf('0000000000000001'), '01');
  assert.equal(integerOf('0000000000000080'), '0080');
  assert.equal(integerOf('0000000000000000'), '00');
});
