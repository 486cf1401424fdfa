import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createNet } from '../net/net.ts';
import { openPasser } from './pass-on.ts';

const head = { method: 'GET', target: '/api/v1/streams', headers: {}, remoteAddress: '127.0.0.1' };

test('no more requests wait for a server than are allowed; further ones are refused at once', async () => {
  const waiting: ServerResponse[] = [];
  const origin = createServer((_: IncomingMessage, response) => void waiting.push(response));
  await once(origin.listen(0, '127.0.0.1'), 'listening');
  const net = createNet({ allow: [], userAgent: 'test' });
  const url = new URL(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
  const passer = openPasser({
    ...{ origin: url, net, name: 'test', isSecure: false, isProxy: () => false, maxRequests: 2 },
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
