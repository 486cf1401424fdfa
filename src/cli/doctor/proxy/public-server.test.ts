import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { makeCertificate } from '../../../../test/fixtures/certificate.ts';
import { need } from '../../../../test/fixtures/need.ts';
import { openFolder } from '../../../../test/fixtures/server.ts';
import { openSwitchingServer } from '../../../lib/switching-server.fixture.ts';
import { checkEvents, checkSocket } from './event-checks.ts';
import { PublicServer } from './public-server.ts';

const { signal } = new AbortController();

/** A listening server. */
async function open(server: Server, scheme: 'http' | 'https') {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`${scheme}://127.0.0.1:${port}`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const serve = (listener: RequestListener) => open(createServer(listener), 'http');

test('an answer has its status, fields and text; more than 16 MiB are refused', async () => {
  await using there = await serve((request, response) => {
    if (request.url === '/large') return void response.end(Buffer.alloc(17 * 1024 * 1024));
    response.writeHead(418, { 'x-kind': 'teapot' }).end(`${request.url} ${request.headers.accept}`);
  });
  using server = await PublicServer.open(there.url, { signal });
  assert.deepEqual([server.tls, server.address], [undefined, '127.0.0.1']);
  const { status, headers, text, ms } = await server.ask('/a?b', { signal, headers: { accept: 'tea' } });
  assert.deepEqual([status, headers['x-kind'], text], [418, 'teapot', '/a?b tea']);
  assert.ok(ms > 0);
  await assert.rejects(server.ask('/large', { signal }), /more than 16777216 bytes/);
});

test('an answer that does not come ends with its deadline, or with the signal', async () => {
  await using there = await serve(() => {});
  using server = await PublicServer.open(there.url, { signal });
  await assert.rejects(server.ask('/', { signal, timeoutMs: 30 }), /the answer to \/ took longer than 30 ms/);
  await assert.rejects(server.openSocket('/', { signal, timeoutMs: 30 }), /the WebSocket of \/ took longer than 30 ms/);
  const controller = new AbortController();
  const asked = server.ask('/', { signal: controller.signal });
  controller.abort(new DOMException('stop', 'AbortError'));
  await assert.rejects(asked, /stop/);
});

test('an answer in another protocol is an error, and not one that does not come', { timeout: 5000 }, async () => {
  await using there = await openSwitchingServer();
  using server = await PublicServer.open(new URL(there.url), { signal });
  await assert.rejects(server.ask('/', { signal }), /another protocol/);
});

test('a port without a server cannot be opened', async () => {
  const there = await serve(() => {});
  await there[Symbol.asyncDispose]();
  await assert.rejects(PublicServer.open(there.url, { signal }), /ECONNREFUSED/);
});

test('a certificate that browsers refuse is reported, and requests are made', { skip: need('openssl') }, async () => {
  await using folder = await openFolder('public-server');
  const { cert, key } = await makeCertificate(folder.path, 'own', { hosts: 'DNS:tv.example' });
  const pair = { cert: readFileSync(cert), key: readFileSync(key) };
  await using there = await open(
    createHttps(pair, (_, response) => void response.end('well')),
    'https',
  );
  using server = await PublicServer.open(there.url, { signal });
  assert.deepEqual([server.tls?.problem, server.tls?.issuer], ['DEPTH_ZERO_SELF_SIGNED_CERT', 'own']);
  assert.notEqual(server.tls?.protocol, 'h2');
  assert.equal((await server.ask('/', { signal })).text, 'well');
});

test('server-sent events that a proxy holds back fail, and so do other answers', async () => {
  await using there = await serve((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (request.headers.accept === 'text/event-stream') response.write('retry: 2000\n\n');
  });
  using server = await PublicServer.open(there.url, { signal });
  const hurried = {
    ask: (path: string, how: Parameters<PublicServer['ask']>[1]) => server.ask(path, { ...how, timeoutMs: 40 }),
  };
  const held = await checkEvents(hurried, { signal });
  assert.match(`${held.state} ${held.text} ${held.hint}`, /^failed none came: .* 40 ms .*buffering/);
  const other = { ask: async () => ({ status: 404, headers: {}, text: '', ms: 1 }) };
  assert.match((await checkEvents(other, { signal })).text, /^HTTP 404, without an event/);
});

test('a WebSocket that is refused, or ends without a message, fails', async () => {
  const http = createServer((_, response) => void response.writeHead(426).end());
  await using there = await open(http, 'http');
  using server = await PublicServer.open(there.url, { signal });
  const refused = await checkSocket(server, { signal });
  assert.match(`${refused.state} ${refused.text} ${refused.hint}`, /^failed refused with HTTP 426 .*Upgrade/);
  http.on('upgrade', (_, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  });
  assert.match((await checkSocket(server, { signal })).text, /^opened, but it ended without a message/);
});
