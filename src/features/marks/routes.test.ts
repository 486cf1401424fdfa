import assert from 'node:assert/strict';
import { beforeEach, suite, test } from 'node:test';
import type { MarksApi } from '../../api/marks/marks-api.ts';
import { asAdmin, shareTestServer } from '../../http/fixture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { marks } from './feature.ts';

const at = '2026-11-19T07:59:00.000Z';
const atMs = Date.parse(at);

suite('markers and pins over the API', () => {
  const calls: string[] = [];
  const server = shareTestServer(() => ({ features: new Map([['marks', fakeMarks(calls)]]) }), {
    routes: marks.routes,
  });
  beforeEach(() => calls.splice(0));
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
    assert.deepEqual(calls, [
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
    assert.deepEqual(calls, [
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
    assert.deepEqual(calls, []);
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

  test('any page may read those of a public stream, refusals too', async () => {
    const corsOf = async (path: string) => {
      const { headers } = await ask('GET', path, undefined, { origin: 'https://other.example' });
      return headers.get('access-control-allow-origin');
    };
    for (const what of ['markers', 'pins']) {
      assert.equal(await corsOf(`public/${what}`), '*');
    }
    assert.equal(await corsOf('public/markers?from=noon'), '*');
  });
});

/** Notes calls; the only marker is `m1`. */
function fakeMarks(calls: string[]): MarksApi {
  const note = (name: string, ...given: readonly unknown[]) =>
    calls.push(`${name}(${given.map((each) => JSON.stringify(each)).join(', ')})`);
  return {
    markers: async () => ({ items: [{ id: 'm1', at, text: 'goal' }], nextCursor: null }),
    async addMarker(name, { atMs: ms, text }) {
      note('addMarker', name, { atMs: ms, text });
      return { id: `m${calls.length}`, at: new Date(ms).toISOString(), text };
    },
    async removeMarker(name, id) {
      note('removeMarker', name, id);
      if (id !== 'm1') throw new OxbowError('marker-unknown', `no ${id}`);
    },
    pins: async () => [],
    async addPin(name, { fromMs, toMs, text }) {
      note('addPin', name, { fromMs, toMs, text });
      return { id: 'p1', from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), text };
    },
    removePin: async (name, id) => void note('removePin', name, id),
  };
}
