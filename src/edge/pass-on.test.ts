import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get as httpGet, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openSwitchingServer } from '../lib/switching-server.fixture.ts';
import { createNet } from '../net/net.ts';
import { exchangeOfHttp1 } from '../serve/exchange/exchange.ts';
import { edgeUnanswered } from './origin.ts';
import { Passer } from './pass-on.ts';

const head = { method: 'GET', target: '/api/v1/streams', headers: {}, remoteAddress: '127.0.0.1' };

test('no more requests wait for a server than are allowed; further ones are refused at once', async () => {
  const waiting: ServerResponse[] = [];
  const origin = createServer((_: IncomingMessage, response) => void waiting.push(response));
  await once(origin.listen(0, '127.0.0.1'), 'listening');
  const net = createNet({ allow: [], userAgent: 'test' });
  const url = new URL(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
  const passer = new Passer({
    origin: url,
    net,
    name: 'test',
    isSecure: false,
    isProxy: () => false,
    maxRequests: 2,
  });
  const limits = { timeoutMs: 10_000, maxBytes: 10 };
  const first = [passer.ask(head, limits), passer.ask(head, limits)];
  await assert.rejects(passer.ask(head, limits), { code: 'not-ready' });
  while (waiting.length < 2) await once(origin, 'request');
  for (const response of waiting) response.end('ok');
  for (const { body } of await Promise.all(first)) assert.equal(String(body), 'ok');
  const next = passer.ask(head, limits);
  await once(origin, 'request');
  waiting.at(-1)!.end('again');
  assert.equal(String((await next).body), 'again');
  passer[Symbol.dispose]();
  origin.close();
  await net.close();
});

test('the country of a client is passed on as its proxy says it; a client cannot say it', async () => {
  const seen: unknown[] = [];
  const origin = createServer(({ headers }: IncomingMessage, response) => {
    seen.push([headers['cf-ipcountry'], headers['x-country-code'], headers['x-forwarded-for']]);
    response.end('ok');
  });
  await once(origin.listen(0, '127.0.0.1'), 'listening');
  await using opened = new AsyncDisposableStack();
  opened.defer(() => void origin.close());
  const net = createNet({ allow: [], userAgent: 'test' });
  opened.defer(() => net.close());
  const url = new URL(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
  const isProxy = (address: string) => address === '192.0.2.1';
  const shared = { origin: url, net, name: 'test', isSecure: false, isProxy };
  const limits = { timeoutMs: 10_000, maxBytes: 10 };
  const headers = { 'cf-ipcountry': 'DE', 'x-country-code': 'AT', 'x-forwarded-for': '198.51.100.7' };
  for (const countryHeader of ['cf-ipcountry', undefined]) {
    using passer = new Passer({ ...shared, countryHeader });
    for (const remoteAddress of ['192.0.2.1', '203.0.113.9']) {
      await passer.ask({ ...head, headers, remoteAddress }, limits);
    }
  }
  assert.deepEqual(seen, [
    ['DE', undefined, '198.51.100.7, 192.0.2.1'],
    [undefined, undefined, '203.0.113.9'],
    [undefined, undefined, '198.51.100.7, 192.0.2.1'],
    [undefined, undefined, '203.0.113.9'],
  ]);
});

test('a client that disconnects within an answer ends the request without an error; an origin that breaks is a refusal', async () => {
  const origin = createServer((_: IncomingMessage, response) => {
    response.writeHead(200, { 'content-length': 1_000_000 });
    response.write('first');
  });
  await once(origin.listen(0, '127.0.0.1'), 'listening');
  const net = createNet({ allow: [], userAgent: 'test' });
  const url = new URL(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
  const asked: unknown[] = [];
  const unanswered = (cause?: unknown) => {
    asked.push(cause);
    return edgeUnanswered(cause);
  };
  const passer = new Passer({ origin: url, net, name: 'test', isSecure: false, isProxy: () => false, unanswered });
  const ended: Promise<unknown>[] = [];
  const edge = createServer((request, response) => {
    ended.push(passer.exchange(exchangeOfHttp1(request, response)).catch((error: unknown) => error));
  });
  await once(edge.listen(0, '127.0.0.1'), 'listening');
  const target = {
    port: (edge.address() as AddressInfo).port,
    host: '127.0.0.1',
    path: '/clip/cam/a.mp4',
    agent: false,
  };

  const client = httpGet(target);
  const [answer] = (await once(client, 'response')) as [IncomingMessage];
  await once(answer, 'data');
  client.on('error', () => {}).destroy();
  assert.equal(await ended[0], undefined);
  assert.deepEqual(asked, [], 'a node whose client left is not one that does not answer');

  const other = httpGet(target);
  const [cut] = (await once(other, 'response')) as [IncomingMessage];
  await once(
    cut.on('error', () => {}),
    'data',
  );
  origin.closeAllConnections();
  assert.equal(((await ended[1]) as { code?: unknown }).code, 'not-ready');
  assert.equal(asked.length, 1);
  passer[Symbol.dispose]();
  for (const server of [edge, origin]) server.close().closeAllConnections();
  await net.close();
});

test('an origin that answers with another protocol is one that does not answer, at once', {
  timeout: 5000,
}, async () => {
  await using origin = await openSwitchingServer();
  await using net = createNet({ allow: [], userAgent: 'test' });
  const shared = { net, name: 'test', isSecure: false, isProxy: () => false };
  using passer = new Passer({ origin: new URL(origin.url), ...shared, maxRequests: 1 });
  await assert.rejects(passer.ask(head, { timeoutMs: 4000, maxBytes: 10 }), { code: 'not-ready' });
  const failures: unknown[] = [];
  const edge = createServer((request, response) => {
    const failed = (error: { readonly code?: unknown }) => {
      failures.push(error.code);
      response.writeHead(503).end();
    };
    if (request.url === '/exchange') void passer.exchange(exchangeOfHttp1(request, response)).catch(failed);
    else passer.request(request, response, failed);
  });
  await once(edge.listen(0, '127.0.0.1'), 'listening');
  const { port } = edge.address() as AddressInfo;
  for (const path of ['/exchange', '/request']) {
    const [answer] = (await once(httpGet({ port, host: '127.0.0.1', path, agent: false }), 'response')) as [
      IncomingMessage,
    ];
    assert.equal(answer.statusCode, 503);
    answer.resume();
  }
  assert.deepEqual(failures, ['not-ready', 'not-ready']);
  edge.close().closeAllConnections();
});
