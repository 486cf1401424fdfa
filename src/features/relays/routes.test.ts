import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { RelaysApi } from '../../api/relay/relay-shapes.ts';
import { asAdmin, startTestServer } from '../../http/fixture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { relays } from './feature.ts';

suite('routes of relays', () => {
  test('a relay is created, changed, listed; an unknown one is refused', async () => {
    await using server = await startTestServer({ features: new Map([['relays', fakeRelays()]]) }, undefined, {
      routes: relays.routes,
    });
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

/** Relays of any stream: always the same one, which can be changed but not removed. */
function fakeRelays(): RelaysApi {
  const view = {
    id: 'r1',
    label: '',
    target: 'rtmp://live.example/app/…',
    origin: 'api' as const,
    enabled: true,
    state: 'waiting' as const,
    since: '2026-11-19T08:00:00.000Z',
    retryAt: null,
    attempts: 0,
    sentBytes: 0,
    lostFrames: 0,
    leftOut: [],
    error: '',
  };
  return {
    list: () => [view],
    create: async () => view,
    change: async () => view,
    remove: async (_, id) => {
      throw new OxbowError('relay-unknown', `no ${id}`);
    },
  };
}
