import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passedFields } from './passed-fields.ts';

test('fields of one connection, and the port of HTTP/3 of one server, are not passed on (RFC 9110 7.6.1; RFC 7838 2.1)', () => {
  const fields = {
    connection: 'keep-alive, x-hop',
    'x-hop': '1',
    'transfer-encoding': 'chunked',
    'alt-svc': 'h3=":443"',
    'cache-control': 'no-store',
    'set-cookie': ['a=b'],
  };
  assert.deepEqual(passedFields(fields), { 'cache-control': 'no-store', 'set-cookie': ['a=b'] });
});
