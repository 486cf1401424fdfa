import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createClientAddress } from '../client/client-address.ts';
import { readForwarded } from '../client/forwarded.ts';
import { parseClientHeaders } from './request-head.ts';

suite('the head of a simple request', () => {
  const address = createClientAddress([]);
  const read = (...fields: string[]) =>
    parseClientHeaders(` HTTP/1.1\r\nHost: a\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`)!;

  test('several X-Forwarded-For fields are one list, as node:http reads them', () => {
    const headers = read('X-Forwarded-For: 203.0.113.1', 'X-FORWARDED-FOR: 198.51.100.9');
    const joined = readForwarded({ 'x-forwarded-for': '203.0.113.1, 198.51.100.9' }).for;
    assert.deepEqual(headers.forwardedFor, joined);
    assert.equal(address('127.0.0.1', headers.forwardedFor), '198.51.100.9');
  });

  test('Forwarded is used, and two that differ are ignored', () => {
    assert.equal(address('127.0.0.1', read('Forwarded: for=198.51.100.9').forwardedFor), '198.51.100.9');
    const both = read('Forwarded: for=203.0.113.1', 'X-Forwarded-For: 198.51.100.9');
    assert.equal(address('127.0.0.1', both.forwardedFor), '127.0.0.1');
  });

  test('the first of two User-Agents is used, as by node:http', () => {
    assert.equal(read('User-Agent: a', 'User-Agent: b').userAgent, 'a');
  });
});
