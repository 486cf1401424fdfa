/*
 * Passwords and keys of addresses: sealed in the database and in its backup, in no answer, log or metric; a
 * server with another key says what it lacks; an older oxbow gets them in clear.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, suite, test } from 'node:test';
import { OLDEST_SCHEMA } from '../../src/store/migrations.ts';
import { type Folder, openFolder, runOxbow, type Server, type ServerOptions, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';

const adminToken = 'a-token-of-the-test-0123456789';
const watchSecret = 'a-phrase-that-only-this-test-has';
/** Part of every secret of this test. */
const SECRET = /c4nary/i;
const hook = `whsec_${Buffer.from('c4nary-of-the-webhook-0123456789').toString('base64')}`;

suite('passwords of addresses', () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: HttpServer;
  let port: number;
  let how: ServerOptions;
  let withKey: readonly string[];
  /** `Authorization` of requests, by path. */
  const seen = new Map<string, string>();

  before(async () => {
    folder = opened.use(await openFolder('sealed'));
    origin = createServer((request, response) => {
      seen.set(request.url ?? '', request.headers.authorization ?? '');
      response.writeHead(request.url?.startsWith('/hook') ? 204 : 404).end();
    });
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
    opened.defer(() => void origin.close());
    port = (origin.address() as AddressInfo).port;
    const settings = join(folder.path, 'oxbow.yaml');
    await writeFile(settings, `watchSecret: ${watchSecret}\n`);
    withKey = ['--config', settings];
    how = {
      data: join(folder.path, 'data'),
      adminToken,
      args: ['--log-level', 'debug'],
      env: { OXBOW_WATCH_SECRET: watchSecret },
    };
  });
  after(() => opened.disposeAsync());

  const send = async (server: Server, method: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' };
    const response = await server.fetch(`/api/v1${path}`, {
      method,
      ...(body && { headers, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  const source = () => ({
    type: 'pull',
    url: `http://admin:c4nary-1@127.0.0.1:${port}/live.m3u8?token=c4nary-2`,
    backup: `rtsp://admin:c4nary-3@127.0.0.1:1/second`,
    headers: { 'x-key': 'c4nary-4' },
  });

  async function fill(server: Server): Promise<void> {
    const streams: [string, object][] = [
      [
        'cam',
        {
          source: source(),
          healFrom: ['onvif://admin:c4nary-5@127.0.0.1:1/', `http://127.0.0.1:${port}/h?key=c4nary-6`],
        },
      ],
      ['studio', { source: { type: 'push', passphrase: 'c4nary-7-passphrase' } }],
      ['far', { source: { type: 'pull', url: 'srt://127.0.0.1:1?passphrase=c4nary-8-phrase&streamid=c4nary-9' } }],
      ['whep', { source: { type: 'pull', url: 'whep+http://127.0.0.1:1/whep/x?key=c4nary-10' } }],
      ['eye', { source: { type: 'pull', url: 'rtsp://admin:c4nary-p%40ss@127.0.0.1:1/cam' } }],
      // Keys and passwords in paths.
      ['keyed', { source: { type: 'pull', url: `http://127.0.0.1:${port}/live/C4NARYKEY/index.m3u8` } }],
      ['old', { source: { type: 'pull', url: 'rtsp://127.0.0.1:1/user=admin_password=c4nary-17_channel=1.sdp' } }],
    ];
    for (const [name, body] of streams) {
      const { status, body: problem } = await send(server, 'PUT', `/streams/${name}`, body);
      assert.equal(status, 201, JSON.stringify(problem));
    }
    for (const url of [
      'rtmp://127.0.0.1:1/app/c4nary-11',
      'srt://127.0.0.1:1?streamid=c4nary-12&passphrase=c4nary-13-phrase',
    ]) {
      const { status, body } = await send(server, 'POST', '/streams/studio/relays', { url });
      assert.equal(status, 201, JSON.stringify(body));
    }
    const url = `http://user:c4nary-14@127.0.0.1:${port}/hook/c4nary-15?token=c4nary-16`;
    assert.equal((await send(server, 'POST', '/webhooks', { url, secret: hook })).status, 201);
  }

  /** All that the server says. */
  async function readAll(server: Server): Promise<readonly [string, string][]> {
    const { body: hooks } = await send(server, 'GET', '/webhooks');
    const id = (hooks as { items: { id: string }[] }).items[0]!.id;
    const paths = [
      '/api/v1/streams',
      ...['cam', 'studio', 'far', 'whep', 'eye', 'keyed', 'old'].flatMap((name) =>
        ['', '/source', '/relays', '/inspect', '/gaps', '/timeline'].map((rest) => `/api/v1/streams/${name}${rest}`),
      ),
      ...['/audit', '/events/past', '/webhooks', `/webhooks/${id}/deliveries`, '/settings', '/alarms', '/health'].map(
        (path) => `/api/v1${path}`,
      ),
      '/metrics',
      '/health',
    ];
    const answers: [string, string][] = [];
    // The path is what administrators edit.
    paths.splice(paths.indexOf('/api/v1/streams/keyed/source'), 1);
    for (const path of paths) answers.push([path, await (await server.fetch(path)).text()]);
    return [...answers, ['the log', server.stderr]];
  }

  /** Files of a folder that have a secret. */
  async function filesWithSecrets(path: string): Promise<readonly string[]> {
    const found: string[] = [];
    for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      if (SECRET.test((await readFile(file)).toString('latin1'))) found.push(entry.name);
    }
    return found;
  }

  /** An edit keeps a password that is shown as ***, and never sends it to another host. */
  async function edit(server: Server): Promise<void> {
    const { body: shown } = await send(server, 'GET', '/streams/cam/source');
    const { address, backup } = shown as { address: string; backup: string };
    assert.equal(address, `http://admin:***@127.0.0.1:${port}/live.m3u8?***`);
    assert.equal(backup, 'rtsp://admin:***@127.0.0.1:1/second');
    const elsewhere = address.replace('127.0.0.1', 'localhost');
    for (const [method, path, body] of [
      ['PATCH', '/streams/cam', { source: { url: elsewhere } }],
      ['PUT', '/streams/cam', { source: { type: 'pull', url: elsewhere } }],
      ['PUT', '/streams/new', { source: { type: 'pull', url: address } }],
      // Its headers are secrets too, and its backup gets them.
      ['PATCH', '/streams/cam', { source: { backup: `http://localhost:${port}/x` } }],
      ['PATCH', '/streams/cam', { source: { url: `http://localhost:${port}/x` } }],
      ['PATCH', '/streams/cam', { healFrom: [`http://localhost:${port}/h?***`] }],
    ] as const) {
      const { status, body: problem } = await send(server, method, path, body);
      assert.equal(status, 400, `${method} ${JSON.stringify(body)}: ${JSON.stringify(problem)}`);
      assert.doesNotMatch(JSON.stringify(problem), SECRET);
    }
    seen.clear();
    const moved = { source: { url: address.replace('live', 'other') }, healFrom: [`http://127.0.0.1:${port}/h?***`] };
    const { status, body } = await send(server, 'PATCH', '/streams/cam', moved);
    assert.equal(status, 200, JSON.stringify(body));
    await until('the other path is asked', () => seen.has('/other.m3u8?token=c4nary-2'));
    assert.equal(seen.get('/other.m3u8?token=c4nary-2'), `Basic ${btoa('admin:c4nary-1')}`);
    const { body: hooks } = await send(server, 'GET', '/webhooks');
    const [{ id, url }] = (hooks as { items: [{ id: string; url: string }] }).items;
    assert.equal(url, `http://127.0.0.1:${port}/hook/…?…`);
    assert.equal(
      (await send(server, 'PUT', `/webhooks/${id}`, { url: `http://localhost:${port}/hook/…?…` })).status,
      400,
    );
    assert.equal((await send(server, 'PUT', `/webhooks/${id}`, { url, types: ['stream.live'] })).status, 200);
    await send(server, 'POST', `/webhooks/${id}/test`);
    assert.equal(seen.get('/hook/c4nary-15?token=c4nary-16'), `Basic ${btoa('user:c4nary-14')}`);
  }

  test('they are in no answer, log or file, work after a restart, and go to no other host by an edit', async () => {
    const starts = firstOf(1, [1, 2]);
    for (const start of starts) {
      seen.clear();
      await using server = await startServer(how);
      if (start === 1) await fill(server);
      await until('the source is asked', () => seen.has('/live.m3u8?token=c4nary-2'));
      assert.equal(seen.get('/live.m3u8?token=c4nary-2'), `Basic ${btoa('admin:c4nary-1')}`);
      const { body } = await send(server, 'GET', '/webhooks');
      const { id } = (body as { items: { id: string }[] }).items[0]!;
      const { body: tested } = await send(server, 'POST', `/webhooks/${id}/test`);
      assert.equal((tested as { ok: boolean }).ok, true, JSON.stringify(tested));
      assert.equal(seen.get('/hook/c4nary-15?token=c4nary-16'), `Basic ${btoa('user:c4nary-14')}`);
      const leaks = (await readAll(server)).filter(([, text]) => SECRET.test(text));
      const shown = leaks.map(
        ([path, text]) => `${path}: …${text.slice(Math.max(0, text.search(SECRET) - 80)).slice(0, 120)}`,
      );
      assert.deepEqual(shown, []);
      if (start === starts.at(-1)) await edit(server);
      assert.deepEqual(await filesWithSecrets(how.data), []);
    }
  });

  fullTest('a server without the key names what it lacks, and takes it again', async () => {
    const copy = join(folder.path, 'backup.db');
    const other = join(folder.path, 'other');
    const saved = await runOxbow(['backup', '-o', copy, '--data', how.data, ...withKey]);
    assert.equal(saved.code, 0, saved.stderr);
    assert.doesNotMatch((await readFile(copy)).toString('latin1'), SECRET);
    const restored = await runOxbow(['backup', '--restore', copy, '--data', other, '--json']);
    assert.equal(restored.code, 0, restored.stderr);
    const { locked } = JSON.parse(restored.stdout) as { locked: string[] };
    assert.deepEqual([...locked].sort(), [
      'the relay of studio to rtmp://127.0.0.1:1/…',
      'the relay of studio to srt://127.0.0.1:1/…',
      'the source of cam',
      'the source of eye',
      'the source of far',
      'the source of keyed',
      'the source of old',
      'the source of studio',
      'the source of whep',
      'the sources of missing parts of cam',
      `the webhook to http://127.0.0.1:${port}/…`,
    ]);
    {
      await using server = await startServer({ ...how, data: other, env: {} });
      const lines = server.log('error').filter(({ msg }) => msg.startsWith('another key has sealed'));
      assert.equal(lines.length, 1);
      seen.clear();
      for (const [method, path, code] of [
        ['POST', '/streams/cam/start', 'sealed-elsewhere'],
        ['PATCH', '/streams/studio', 'bad-request'],
      ] as const) {
        const { status, body } = await send(
          server,
          method,
          path,
          method === 'PATCH' ? { source: { latency: '1s' } } : undefined,
        );
        assert.deepEqual([status >= 400, (body as { code: string }).code], [true, code], path);
      }
      // Its title may change; what is sealed stays.
      assert.equal((await send(server, 'PATCH', '/streams/eye', { title: 'Eye' })).status, 200);
      const { body: relays } = await send(server, 'GET', '/streams/studio/relays');
      const [{ id, error }] = (relays as { items: [{ id: string; error: string }] }).items;
      assert.match(error, /another key/);
      const { body: refused } = await send(server, 'PATCH', `/streams/studio/relays/${id}`, { enabled: true });
      assert.equal((refused as { code: string }).code, 'sealed-elsewhere');
      // Headers, and the password of the second address, would be lost.
      const { url, ...rest } = source();
      for (const [method, patch] of [
        ['PATCH', { source: { url } }],
        ['PUT', { source: { ...source(), headers: { 'x-key': '***' } } }],
        ['PUT', { source: { ...source(), url: url.replace('c4nary-1', '***') } }],
      ] as const) {
        const { status, body } = await send(server, method, '/streams/cam', patch);
        assert.equal(status, 400, JSON.stringify(body));
      }
      const again = { source: { ...rest, url } };
      assert.equal((await send(server, 'PUT', '/streams/cam', again)).status, 200);
      await until('the source is asked', () => seen.has('/live.m3u8?token=c4nary-2'));
    }
    // With the key again, what was not set again is there.
    await using server = await startServer({ ...how, data: other });
    const { body } = await send(server, 'GET', '/streams/eye/source');
    assert.equal((body as { address: string }).address, 'rtsp://admin:***@127.0.0.1:1/cam');
    const { body: eye } = await send(server, 'GET', '/streams/eye');
    assert.notEqual((eye as { state: string }).state, 'stopped');
  });

  fullTest('an older oxbow gets them in clear, and only with the key; the next start seals them again', async () => {
    const args = ['db', 'migrate', '--schema', String(OLDEST_SCHEMA), '--data', how.data];
    const refused = await runOxbow(args);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Another key has sealed the source of cam/);
    const back = await runOxbow([...args, ...withKey]);
    assert.equal(back.code, 0, back.stderr);
    {
      using db = new DatabaseSync(join(how.data, 'oxbow.db'), { readOnly: true });
      const rows = db.prepare('SELECT source FROM stream').all() as { source: string }[];
      assert.ok(rows.some((row) => row.source.includes('admin:c4nary-p%40ss@')));
      const relays = db.prepare('SELECT url FROM relay').all() as { url: string }[];
      assert.ok(relays.some(({ url }) => url === 'rtmp://127.0.0.1:1/app/c4nary-11'));
      assert.equal((db.prepare('SELECT secret FROM webhook').get() as { secret: string }).secret, hook);
    }
    await using server = await startServer(how);
    assert.equal((await send(server, 'GET', '/streams/eye/source')).status, 200);
    const [sealed] = server.log('info').filter(({ msg }) => msg.startsWith('addresses with passwords were sealed'));
    assert.deepEqual(sealed?.copies, [join(how.data, `oxbow.db.schema-${OLDEST_SCHEMA}`)]);
    // The copy of the database before the upgrade is as it was: docs/9-run/upgrade.md.
    assert.deepEqual(await filesWithSecrets(how.data), [`oxbow.db.schema-${OLDEST_SCHEMA}`]);
  });
});
