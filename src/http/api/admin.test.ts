import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SettingTexts, SettingView } from '../../api/admin-shapes.ts';
import { LogRing } from '../../observe/log-ring.ts';
import { asAdmin, shareTestServer } from '../fixture.ts';

describe('routes for administrators', () => {
  const logs = new LogRing(() => 0.011);
  logs.take(JSON.stringify({ level: 'info', time: '2026-11-19T08:00:00.000Z', msg: 'connected', stream: 'door' }));
  logs.take(JSON.stringify({ level: 'warn', time: '2026-11-19T08:00:01.000Z', msg: 'disk is slow', tookMs: 900 }));
  const row = {
    path: 'http',
    description: 'Address and port.',
    value: '8080',
    origin: 'oxbow.yaml:3',
    reload: 'restart' as const,
    waits: true,
    settable: false,
    defaultValue: '8080',
    choices: [],
  } satisfies SettingView;
  const changed: unknown[] = [];
  const storage = {
    free: 60,
    total: 100,
    recordings: 30,
    hasRoom: true,
    growth: 0.5,
    basisSeconds: 600,
    fullInSeconds: 120,
    levelsAt: null,

    folders: [],
    objectStores: [],
  };
  const server = shareTestServer(() => ({
    logs,
    storage: () => storage,
    settings: {
      list: () => [row],
      async change(texts: SettingTexts) {
        changed.push(texts);
      },
    },
  }));
  const get = (path: string, headers: Record<string, string> = asAdmin) => fetch(server().url + path, { headers });
  const itemsOf = async (path: string) => ((await (await get(path)).json()) as { items: { message: string }[] }).items;

  test('is for administrators', async () => {
    for (const path of ['/api/v1/storage', '/api/v1/settings', '/api/v1/logs']) {
      assert.equal((await get(path, {})).status, 401, path);
    }
  });

  test('storage and settings are returned', async () => {
    assert.deepEqual(await (await get('/api/v1/storage')).json(), storage);
    assert.deepEqual(await itemsOf('/api/v1/settings'), [row]);
  });

  test('settings are set by administrators, as texts by path', async () => {
    const patch = (body: string, headers: Record<string, string> = asAdmin) =>
      fetch(`${server().url}/api/v1/settings`, {
        method: 'PATCH',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
      });
    const texts = { 'record.keep': '7d', 'record.maxDisk': null };
    assert.equal((await patch(JSON.stringify(texts), {})).status, 401);
    for (const wrong of ['{"record.keep":7}', '[]', '"7d"', `{"record.keep":"${'7'.repeat(201)}"}`]) {
      assert.equal((await patch(wrong)).status, 400, wrong);
    }
    assert.deepEqual(changed, []);
    const response = await patch(JSON.stringify(texts));
    assert.deepEqual(await response.json(), { items: [row], nextCursor: null });
    assert.deepEqual(changed, [texts]);
  });

  test('the log is filtered by level, stream and the last line read', async () => {
    const messages = async (query: string) => (await itemsOf(`/api/v1/logs${query}`)).map(({ message }) => message);
    assert.deepEqual(await messages(''), ['connected', 'disk is slow']);
    assert.deepEqual(await messages('?level=warn'), ['disk is slow']);
    assert.deepEqual(await messages('?stream=door'), ['connected']);
    assert.deepEqual(await messages('?after=11'), ['disk is slow']);
    // Ids of a server have the time in them.
    const ring = new LogRing(() => Date.parse('2100-01-01'));
    ring.take('{"level":"info","msg":"a line"}');
    assert.equal((await get(`/api/v1/logs?after=${ring.read({})[0]!.id}`)).status, 200);
    assert.equal((await get('/api/v1/logs?level=loud')).status, 400);
    assert.equal((await get('/api/v1/logs?after=x')).status, 400);
  });
});
