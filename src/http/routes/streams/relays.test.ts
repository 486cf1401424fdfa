import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asAdmin, startTestServer } from '../../fixture.ts';

suite('routes of relays', () => {
  test('a relay is created, changed, listed; an unknown one is refused', async () => {
    await using server = await startTestServer();
    const headers = { ...asAdmin, 'content-type': 'application/json' };
    const ask = (method: string, path: string, body?: object) =>
      fetch(`${server.url}/api/v1/streams/door/relays${path}`, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
      });
    const made = await ask('POST', '', { url: 'rtmp://live.example/app/secret', label: ' A ' });
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('location'), '/api/v1/streams/door/relays/r1');
    assert.equal((await ask('PATCH', '/r1', { enabled: false })).status, 200);
    assert.equal((await ask('GET', '')).status, 200);
    assert.equal((await ask('DELETE', '/r7')).status, 404);
    assert.equal((await ask('POST', '', { url: 'x'.repeat(3000) })).status, 400);
    assert.equal((await ask('PATCH', '/r1', { url: 'rtmp://other/app/key' })).status, 400);
    assert.equal((await fetch(`${server.url}/api/v1/streams/door/relays`)).status, 401);
  });
});
