import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { type Exchange, exchangeOfHttp1, exchangeOfHttp2 } from './exchange.ts';

const bodyHash = createHash('sha256').update('a=1').digest('base64url');

/** A request with this body, over each version. */
const exchanges: Readonly<Record<string, (body: string) => Exchange>> = {
  'HTTP/1.1': (body) =>
    exchangeOfHttp1(
      Object.assign(new PassThrough().end(body), { headers: {}, socket: {} }) as unknown as IncomingMessage,
      {} as ServerResponse,
    ),
  'HTTP/2': (body) => exchangeOfHttp2(new PassThrough().end(body) as unknown as ServerHttp2Stream, {}),
};

for (const [version, open] of Object.entries(exchanges)) {
  test(`over ${version} a body is read only if it is the one that a node has signed`, async () => {
    const signed = (body: string) => Object.assign(open(body), { sender: { node: 'two', bodyHash } });
    assert.equal(await signed('a=1').text(100), 'a=1');
    await assert.rejects(signed('a=2').text(100), { code: 'node-refused' });
    assert.equal(await open('a=2').text(100), 'a=2', 'of a client');
  });
}
