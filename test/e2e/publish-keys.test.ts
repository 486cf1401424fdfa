/**
 * Who may publish and watch in a complete oxbow: stream keys over the API and the command line, with events
 * by webhook; `auth.url`, with a real authorization server.
 * In: requests, and publishers without a protocol in between. Out: answers, sessions, deliveries, and what
 * the server was asked.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import type { OxbowEvent } from '../../src/api/events.ts';
import type { CreatedPublishKey, PublishKeyView } from '../../src/api/publish/publish-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { type RunningApp, startApp } from '../../src/app/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type Folder, openFolder, runOxbow } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const TOKEN = 'an-admin-token-of-this-test';
const HOME = '192.0.2.1:5000';

suite('stream keys', () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let app: RunningApp;
  let receiver: Server;
  const delivered: OxbowEvent[] = [];

  before(async () => {
    folder = opened.use(await openFolder('publish-keys'));
    const set = { data: join(folder.path, 'data'), http: '127.0.0.1:0', adminToken: TOKEN, logLevel: 'fatal' };
    const flags = Object.entries(set).map(([path, value]) => ({ path, value, origin: 'test' }));
    const { config } = await loadConfig({ flags });
    app = await startApp(config, { signal: new AbortController().signal });
    opened.defer(() => app.close('the test ended'));
    receiver = createServer(async (request, response) => {
      delivered.push(JSON.parse(await text(request)) as OxbowEvent);
      response.end();
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    opened.defer(() => void receiver.close());
  });
  after(() => opened.disposeAsync());

  const ask = async <T>(method: string, path: string, body?: object, expected = 0): Promise<T> => {
    const headers = { authorization: `Bearer ${TOKEN}`, ...(body && { 'content-type': 'application/json' }) };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${app.httpUrl}/api/v1${path}`, init);
    if (expected > 0) assert.equal(response.status, expected);
    else assert.ok(response.ok, `${path}: ${response.status}`);
    return (response.headers.get('content-type')?.includes('json') ? response.json() : undefined) as T;
  };
  const publish = (name: string | undefined, key: string | undefined, remote = HOME) =>
    app.publishAccess.publish({ name, key, protocol: 'rtmp', remote, signal: new AbortController().signal });
  const keysOf = async (name: string) => (await ask<{ items: PublishKeyView[] }>('GET', `/streams/${name}/keys`)).items;

  test('a key over the API publishes until it is revoked, and the list never has its secret', async () => {
    await ask('POST', '/streams', { name: 'door', source: { type: 'push' } });
    const made = await ask<CreatedPublishKey>('POST', '/streams/door/keys', { label: 'OBS', allow: ['192.0.2.0/24'] });
    assert.match(made.key, /^ok_/);
    assert.deepEqual([made.label, made.scope, made.allow], ['OBS', 'publish:door', ['192.0.2.0/24']]);
    const publisher = await publish('door', made.key);
    assert.equal((await ask<StreamView>('GET', '/streams/door')).state, 'starting');
    const [listed] = await keysOf('door');
    assert.equal(listed!.id, made.id);
    assert.notEqual(listed!.usedAt, null);
    assert.ok(!JSON.stringify(listed).includes(made.key));
    await assert.rejects(publish('door', made.key, '198.51.100.1:1'), { code: 'publish-denied' });
    await ask('DELETE', `/streams/door/keys/${made.id}`, undefined, 204);
    assert.equal(publisher.turn.role, 'ended');
    await assert.rejects(publish('door', made.key), { code: 'publish-denied' });
    await ask('DELETE', `/streams/door/keys/${made.id}`, undefined, 404);
    await ask('POST', '/streams/door/keys', { allow: ['10.0.0.0/99'] }, 400);
    await ask('POST', '/streams/attic/keys', {}, 404);
  });

  test('a rotated key overlaps with its successor', async () => {
    const old = await ask<CreatedPublishKey>('POST', '/streams/door/keys', {});
    const next = await ask<CreatedPublishKey>('POST', `/streams/door/keys/${old.id}/rotate`, { overlap: '10m' });
    for (const { key } of [old, next]) (await publish('door', key)).close('done');
    const ends = (await keysOf('door')).map(({ id, expiresAt }) => [id, expiresAt] as const);
    const minutes = (Date.parse(ends.find(([id]) => id === old.id)![1]!) - Date.now()) / 60_000;
    assert.ok(minutes > 9 && minutes <= 10, `${minutes}`);
    assert.equal(ends.find(([id]) => id === next.id)![1], null);
    const last = await ask<CreatedPublishKey>('POST', `/streams/door/keys/${next.id}/rotate`, { overlap: '0s' });
    await assert.rejects(publish('door', next.key), { code: 'publish-denied' });
    (await publish(undefined, last.key)).close('done');
  });

  test('a key for a prefix creates streams, and a removed stream takes its keys with it', async () => {
    const made = await ask<CreatedPublishKey>('POST', '/publish-keys', { prefix: 'cam-', maxStreams: 1 });
    const publisher = await publish('cam-1', made.key);
    assert.equal((await ask<StreamView>('GET', '/streams/cam-1')).publisher?.protocol, 'rtmp');
    await assert.rejects(publish('cam-2', made.key), { code: 'limit-reached' });
    publisher.close('done');
    const own = await ask<CreatedPublishKey>('POST', '/streams/cam-1/keys', {});
    await ask('DELETE', '/streams/cam-1');
    await ask('POST', '/streams', { name: 'cam-1', source: { type: 'push' } });
    await assert.rejects(publish('cam-1', own.key), { code: 'publish-denied' });
    await ask('DELETE', `/publish-keys/${made.id}`, undefined, 204);
    await assert.rejects(publish('cam-1', made.key), { code: 'publish-denied' });
  });

  test('webhooks receive when a publisher is accepted, refused and gone, with what to change', async () => {
    const { port } = receiver.address() as AddressInfo;
    const types = ['publish.started', 'publish.refused', 'publish.ended'];
    await ask('POST', '/webhooks', { url: `http://127.0.0.1:${port}/hook`, types });
    const { key } = await ask<CreatedPublishKey>('POST', '/streams/door/keys', {});
    const publisher = await publish('door', key);
    await assert.rejects(publish('door', key, '192.0.2.2:1'), { code: 'publisher-active' });
    publisher.close('the publisher left');
    await assert.rejects(publish('attic', 'ok_wrongwrongwrongwrongwrong', '192.0.2.3:1'), { code: 'publish-denied' });
    await until('four deliveries', () => delivered.length === 4);
    assert.deepEqual(
      delivered.map(({ type, stream, data }) => [type, stream, (data as { remote: string }).remote]),
      [
        ['publish.started', 'door', HOME],
        ['publish.refused', 'door', '192.0.2.2:1'],
        ['publish.ended', 'door', HOME],
        ['publish.refused', null, '192.0.2.3:1'],
      ],
    );
    const hints = delivered.flatMap(({ data }) => ('hint' in data ? [data.hint] : []));
    assert.match(hints[0]!, /onSecondPublisher/);
    assert.match(hints[1]!, /Create a key/);
    assert.ok(!JSON.stringify(delivered).includes(key));
  });

  test('`oxbow stream key` creates, lists, rotates and revokes keys', async () => {
    const own = ['--data', join(folder.path, 'data')];
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await runOxbow(['stream', 'key', 'door', ...args, ...own]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const made = JSON.parse(
      await run('--label', 'truck', '--expires', '30d', '--allow', '10.0.0.0/8,192.0.2.1', '--json'),
    ) as CreatedPublishKey;
    assert.deepEqual([made.label, made.allow], ['truck', ['10.0.0.0/8', '192.0.2.1']]);
    (await publish('door', made.key)).close('done');
    assert.match(await run('--list'), /^id +label +created +expires +last used\n/);
    assert.match(await run('--rotate', made.id, '--overlap', '1m'), /^key +ok_/);
    assert.equal(await run('--remove', made.id), '');
    await assert.rejects(publish('door', made.key), { code: 'publish-denied' });
  });
});

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
      data: join(folder.path, 'data'),
      http: '127.0.0.1:0',
      adminToken: TOKEN,
      logLevel: 'fatal',
      'auth.url': `http://127.0.0.1:${port}/`,
      'auth.secret': 'the-secret-of-this-oxbow',
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
        name: 'door',
        key: 'theirs',
        protocol: 'rtmp',
        remote,
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
