import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { linkedServers } from './ice-servers.ts';

suite('the servers of a Link field (RFC 9725 4.6)', () => {
  test('are read with their credentials', () => {
    const field =
      '<stun:stun.example>; rel="ice-server", <turn:turn.example?transport=tcp>; rel="ice-server"; username="17:oxbow"; credential="a+/b="; credential-type="password"';
    assert.deepEqual(linkedServers(field), [
      { urls: 'stun:stun.example' },
      { urls: 'turn:turn.example?transport=tcp', username: '17:oxbow', credential: 'a+/b=' },
    ]);
  });

  test('are none without a field, and none of other links', () => {
    assert.deepEqual(linkedServers(null), []);
    assert.deepEqual(linkedServers('<https://tv.example>; rel="next", nonsense'), []);
  });
});
