import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { startTestServer, textReply } from './fixture.ts';
import { routesWith } from './routes/table.ts';
import { startHttp } from './server.ts';

async function builtInterface(): Promise<{ root: string } & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), 'oxbow-web-'));
  await mkdir(join(root, 'ui'));
  await writeFile(join(root, 'index.html'), '<!doctype html><title>oxbow</title>');
  await writeFile(join(root, 'ui', 'index-Ab12Cd34.js'), 'export {};');
  await writeFile(join(root, '.secret'), 'secret');
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

suite('pages', () => {
  test('every page address answers with the interface, revalidated, with a strict policy', async () => {
    await using web = await builtInterface();
    await using server = await startTestServer({ webRoot: web.root });
    for (const path of ['/', '/watch/cam', '/watch/cam?t=1795160400', '/index.html']) {
      const response = await fetch(server.url + path);
      assert.equal(response.status, 200);
      assert.match(response.headers.get('content-type')!, /^text\/html/);
      assert.equal(response.headers.get('cache-control'), 'no-cache');
      const policy = response.headers.get('content-security-policy')!;
      assert.match(policy, /default-src 'self'; media-src 'self' blob: data:/);
      assert.ok(!policy.includes('unsafe'));
      assert.match(await response.text(), /<title>oxbow/);
    }
  });

  test('a page may request media of the object stores that viewers are redirected to, and of no other server', async () => {
    await using web = await builtInterface();
    const direct = { find: async () => undefined, doubt: async () => {}, origins: () => ['https://s3.example'] };
    await using server = await startTestServer({ webRoot: web.root, direct });
    const page = await fetch(`${server.url}/watch/cam`);
    assert.match(page.headers.get('content-security-policy')!, /; connect-src 'self' https:\/\/s3\.example; /);
    const file = await fetch(`${server.url}/ui/index-Ab12Cd34.js`);
    assert.match(file.headers.get('content-security-policy')!, /; connect-src 'self'; /);
  });

  test('files with a hash in their name are immutable; a page is revalidated', async () => {
    await using web = await builtInterface();
    await using server = await startTestServer({ webRoot: web.root });
    const script = await fetch(`${server.url}/ui/index-Ab12Cd34.js`);
    assert.equal(script.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    assert.match(script.headers.get('content-type')!, /javascript/);
    const page = await fetch(server.url);
    // Not by fetch: it adds `Cache-Control: no-cache` to a conditional request, and so gets 200.
    const again = request(server.url, { headers: { 'if-none-match': page.headers.get('etag')! }, agent: false });
    again.end();
    const [response] = await once(again, 'response');
    response.resume();
    assert.equal(response.statusCode, 304);
  });

  test('nothing outside the interface and nothing hidden is served', async () => {
    await using web = await builtInterface();
    await using server = await startTestServer({ webRoot: web.root });
    for (const path of [
      '/.secret',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/..%2f..%2fetc/passwd',
      '/nothing.js',
      '/ui/',
      '/watch',
    ]) {
      const { status } = await fetch(server.url + path);
      assert.ok(status === 404 || status === 403 || status === 400, `${path}: ${status}`);
    }
  });

  test('an unknown path gets a problem document with no-store', async () => {
    await using web = await builtInterface();
    await using server = await startTestServer({ webRoot: web.root });
    const response = await fetch(`${server.url}/ui/gone.js`);
    assert.deepEqual(
      [response.status, response.headers.get('content-type'), response.headers.get('cache-control')],
      [404, 'application/problem+json', 'no-store'],
    );
  });

  test('without a built interface, the page says how to build it', async () => {
    await using server = await startTestServer();
    const response = await fetch(`${server.url}/watch/cam`);
    assert.equal(response.status, 503);
    assert.match(await response.text(), /npm run build/);
  });
});

suite('listening', () => {
  test('a port in use is refused with its number and what to do', async () => {
    await using server = await startTestServer();
    const port = Number(new URL(server.url).port);
    await assert.rejects(
      startHttp({ listen: { address: '127.0.0.1', port }, deps: server.deps, routes: [] }),
      (error: Error & { code: string; extra: { hint: string } }) => {
        assert.equal(error.code, 'port-taken');
        assert.ok(error.message.includes(String(port)) && error.message.includes('127.0.0.1'));
        assert.match(error.extra.hint, /--http \d+/);
        return true;
      },
    );
  });

  test('an address of another computer is refused too', async () => {
    await using server = await startTestServer();
    await assert.rejects(startHttp({ listen: { address: '192.0.2.1', port: 0 }, deps: server.deps, routes: [] }), {
      code: 'bad-setting',
      message: /192\.0\.2\.1/,
    });
  });

  test('a server that listens on all addresses shows one that a browser can open', async () => {
    await using server = await startTestServer();
    await using everywhere = await startHttp({
      listen: { address: '0.0.0.0', port: 0 },
      deps: server.deps,
      routes: routesWith([]),
    });
    assert.equal(everywhere.url, `http://127.0.0.1:${everywhere.port}`);
    assert.equal((await fetch(`${everywhere.url}/version`)).status, 200);
  });
});

suite('closing', () => {
  test('ends idle connections at once and may be called twice', async () => {
    const server = await startTestServer({ answer: () => textReply('x') });
    const agent = new Agent({ keepAlive: true });
    const asked = request(`${server.url}/live/cam/1.m4s`, { agent });
    asked.end();
    const [response] = await once(asked, 'response');
    response.resume();
    await once(response, 'end');
    // If close waited for it, the client could keep its connection open for any time.
    await Promise.all([server.close(), server.close()]);
    await assert.rejects(fetch(`${server.url}/version`));
    agent.destroy();
    await server[Symbol.asyncDispose]();
  });

  test('an answer in progress is finished', async () => {
    const { promise: inside, resolve: onInside } = Promise.withResolvers<void>();
    const { promise: goOn, resolve: release } = Promise.withResolvers<void>();
    await using server = await startTestServer({
      answer: () => ({
        contentType: 'video/mp4',
        cacheControl: 'no-store',
        length: 8,
        body: [
          Buffer.from('head'),
          {
            length: 4,
            read: async () => {
              onInside();
              await goOn;
              return Buffer.from('tail');
            },
          },
        ],
      }),
    });
    const body = fetch(`${server.url}/clip/cam/1/2.mp4`).then((response) => response.text());
    await inside;
    const closed = server.close();
    release();
    assert.equal(await body, 'headtail');
    await closed;
  });

  test('a head or body that never ends is aborted, whichever thread has the connection', async () => {
    const http1 = { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 };
    await using server = await startTestServer({}, undefined, { http1 });
    const begun = [
      'GET / HTTP/1.1\r\nHost: a\r\nX-Half',
      '\r\n\r\n',
      'POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
      'POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{',
    ];
    const ends = begun.map(async (bytes) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(bytes);
      const closed = once(socket, 'close');
      socket.resume();
      await closed;
    });
    await Promise.all(ends); // after the limits of Node's own timers
  });

  test('a client that never finishes is disconnected', async () => {
    await using server = await startTestServer();
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /version HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.write('GET /version HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const cutOff = new Promise((resolve) => socket.once('close', resolve)); // with an error, or without
    await server.close();
    await cutOff;
  });
});
