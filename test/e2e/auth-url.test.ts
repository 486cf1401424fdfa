/**
 * `auth.url` in a complete oxbow: a real authorization server decides about publishers and viewers.
 * In: publishers without a protocol in between, requests for media. Out: what the server was asked, and who was admitted.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { suite, test } from 'node:test';
import { startApp } from '../../src/app/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { openFolder } from '../fixtures/server.ts';

const TOKEN = 'an-admin-token-of-this-test';

suite('an oxbow with an authorization server', () => {
  test('asks it about publishers and viewers, holds its answers, and admits no one while it is down', async () => {
    await using opened = new AsyncDisposableStack();
    const folder = opened.use(await openFolder('auth-url'));
    const asked: { action: string; stream: string; keyDigest: string | null }[] = [];
    let isGenerous = true;
    const server = createServer(async (request, response) => {
      assert.equal(request.headers.authorization, 'Bearer the-secret-of-this-oxbow');
      asked.push(JSON.parse(await text(request)));
      response.statusCode = isGenerous ? 200 : 401;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    opened.defer(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const set = {
      ...{ data: join(folder.path, 'data'), http: '127.0.0.1:0', adminToken: TOKEN, logLevel: 'fatal' },
      ...{ 'auth.url': `http://127.0.0.1:${port}/`, 'auth.secret': 'the-secret-of-this-oxbow' },
    };
    const flags = Object.entries(set).map(([path, value]) => ({ path, value, origin: 'test' }));
    const { config } = await loadConfig({ flags });
    const app = await startApp(config, { signal: new AbortController().signal });
    opened.defer(() => app.close('the test ended'));
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'door', source: { type: 'push' }, visibility: 'private' });
    assert.equal((await fetch(`${app.httpUrl}/api/v1/streams`, { method: 'POST', headers, body })).status, 201);
    const publish = (remote: string) =>
      app.publishAccess.publish({
        ...{ name: 'door', key: 'theirs', protocol: 'rtmp', remote },
        signal: new AbortController().signal,
      });
    const index = async (path: string) => {
      const response = await fetch(`${app.httpUrl}${path}`);
      return ((await response.json()) as { code: string }).code;
    };

    (await publish('192.0.2.1:1')).close('done');
    (await publish('192.0.2.1:2')).close('done');
    assert.equal(await index('/t/theirs/live/door/index.m3u8'), 'stream-offline', 'admitted; there is no media yet');
    assert.equal(await index('/t/theirs/live/door/index.m3u8'), 'stream-offline');
    assert.deepEqual(
      asked.map(({ action, stream }) => [action, stream]),
      [
        ['publish', 'door'],
        ['read', 'door'],
      ],
    );
    isGenerous = false;
    await assert.rejects(publish('192.0.2.2:1'), { code: 'publish-denied' });
    assert.equal(await index('/live/door/index.m3u8'), 'stream-unknown');
    server.close();
    server.closeAllConnections();
    await assert.rejects(publish('192.0.2.3:1'), { code: 'auth-unavailable' });
    assert.equal(await index('/t/another/live/door/index.m3u8'), 'auth-unavailable');
    assert.equal(await index('/t/theirs/live/door/index.m3u8'), 'stream-offline', 'its answer still holds');
    const metrics = await (await fetch(`${app.httpUrl}/metrics`, { headers })).text();
    assert.match(metrics, /oxbow_auth_requests_total\{action="publish",result="unavailable"\} 1/);
  });
});
