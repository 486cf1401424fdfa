import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asAdmin, shareTestServer } from '../fixture.ts';

const at = '2026-11-19T07:59:00.000Z';
const atMs = Date.parse(at);

suite('markers and pins over the API', () => {
  const server = shareTestServer();
  const ask = (method: string, path: string, body?: unknown, more: Record<string, string> = {}) =>
    fetch(`${server().url}/api/v1/streams/${path}`, {
      method,
      headers: { ...asAdmin, ...(body !== undefined && { 'content-type': 'application/json' }), ...more },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });

  test('a marker is created at an instant in any form, once for each Idempotency-Key of a stream', async () => {
    const key = { 'idempotency-key': 'k1' };
    const made = await ask('POST', 'public/markers', { at: String(atMs), text: 'goal' }, key);
    assert.equal(made.status, 201);
    const marker = (await made.json()) as { id: string };
    assert.deepEqual({ ...marker, id: '' }, { id: '', at, text: 'goal' });
    assert.equal(made.headers.get('location'), `/api/v1/streams/public/markers/${marker.id}`);
    await ask('POST', 'public/markers', { at: String(atMs), text: 'goal' }, key);
    await ask('POST', 'unlisted/markers', { at: String(atMs), text: 'goal' }, key);
    assert.deepEqual(server().calls, [
      `addMarker("public", {"atMs":${atMs},"text":"goal"})`,
      `addMarker("unlisted", {"atMs":${atMs},"text":"goal"})`,
    ]);
    assert.equal((await ask('DELETE', 'public/markers/m1')).status, 204);
    const unknown = await ask('DELETE', 'public/markers/m2');
    assert.deepEqual([unknown.status, ((await unknown.json()) as { code: string }).code], [404, 'marker-unknown']);
  });

  test('a pin is created and deleted', async () => {
    const made = await ask('POST', 'public/pins', { from: at, to: '1795075200' });
    assert.equal(made.status, 201);
    assert.equal(((await made.json()) as { text: string }).text, '');
    assert.equal((await ask('DELETE', 'public/pins/p1')).status, 204);
    assert.deepEqual(server().calls, [
      `addPin("public", {"fromMs":${atMs},"toMs":1795075200000,"text":""})`,
      'removePin("public", "p1")',
    ]);
  });

  test('an invalid time, too long a text, or an unknown member is refused', async () => {
    for (const [path, body] of [
      ['public/markers', { at: 'noon' }],
      ['public/markers', { text: 'no time' }],
      ['public/markers', { at, text: 'x'.repeat(501) }],
      ['public/markers', { at, colour: 'red' }],
      ['public/pins', { from: at }],
      ['public/pins', { from: at, to: 'x' }],
    ] as const) {
      assert.equal((await ask('POST', path, body)).status, 400, JSON.stringify(body).slice(0, 80));
    }
    assert.deepEqual(server().calls, []);
  });

  test('a client that may see a stream may read them; only administrators write', async () => {
    const anyone = (path: string, init: RequestInit = {}) => fetch(`${server().url}/api/v1/streams/${path}`, init);
    for (const path of ['public/markers?from=1795000000&to=1795000001', 'unlisted/pins']) {
      assert.equal((await anyone(path)).status, 200);
    }
    for (const path of ['private/markers', 'private/pins']) assert.equal((await anyone(path)).status, 404);
    for (const [method, path] of [
      ['POST', 'public/markers'],
      ['DELETE', 'public/markers/m1'],
      ['POST', 'public/pins'],
      ['DELETE', 'public/pins/p1'],
    ] as const) {
      assert.equal((await anyone(path, { method })).status, 401, `${method} ${path}`);
    }
  });

  test('the timeline is requested at the given resolution', async () => {
    const span = 'from=1795000000&to=1795000600';
    assert.equal((await ask('GET', `public/timeline?${span}&res=60`)).status, 200);
    assert.deepEqual(server().calls, ['timeline("public", 1795000000000, 1795000600000, 60)']);
    for (const res of ['-1', '1.5', 'x', '1234567']) {
      assert.equal((await ask('GET', `public/timeline?${span}&res=${res}`)).status, 400);
    }
  });
});
