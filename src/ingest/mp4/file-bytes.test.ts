import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { sleep } from '../../lib/abort.ts';
import { createNet } from '../../net/net.ts';
import { noCounters } from '../pull/pull-log.ts';
import { SourceAccess } from '../pull/source-access.ts';
import { openFileBytes } from './file-bytes.ts';

async function openServer(listener: RequestListener) {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sourceUrl = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/film.mp4`);
  const net = createNet({ allow: [] });
  const access = new SourceAccess({ net, sourceUrl, trusted: true });
  const log = { info() {}, warn() {} };
  return {
    context: { access, log, counters: noCounters, locate: undefined, onFailure() {} },
    async [Symbol.asyncDispose]() {
      await net.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

test('reading stops when a server sends more than the requested range', async () => {
  await using server = await openServer((request, response) => {
    response.writeHead(206, { 'content-range': 'bytes 0-999/1000' });
    const timer = setInterval(() => response.write(new Uint8Array(64 * 1024)), 5);
    request.socket.once('close', () => clearInterval(timer));
  });
  const signal = AbortSignal.timeout(300_000);
  await using file = await openFileBytes(server.context, { signal });
  const read = file.read(0, 1000, { signal });
  const late = once(signal, 'abort').then(() => assert.fail('the read did not end'));
  assert.equal((await Promise.race([read, late]))?.length, 1000);
});

test('a file of unknown size is read to its end', async () => {
  const bytes = new Uint8Array(5 * 1024 * 1024).map((_, i) => i % 251);
  await using server = await openServer((request, response) => {
    const [, to = ''] = /^bytes=0-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const body = bytes.subarray(0, to === '' ? bytes.length : Number(to) + 1);
    response.writeHead(206, { 'content-range': `bytes 0-${body.length - 1}/*` }).end(body);
  });
  const signal = AbortSignal.timeout(300_000);
  await using file = await openFileBytes(server.context, { signal });
  const read = await file.read(4_000_000, 4_000_000, { signal });
  assert.equal(read.length, bytes.length - 4_000_000);
  assert.equal(read.at(-1), bytes.at(-1));
});

/** Reads a file whose URL expires after the first range; the server refuses the third request, of another block, when `refuse` resolves. */
async function readExpired(lookupMs: number, refuse: (moved: Promise<void>) => Promise<void>) {
  const bytes = new Uint8Array(10 * 1024 * 1024);
  const moved = Promise.withResolvers<void>();
  let asked = 0;
  let located = 0;
  await using server = await openServer(async (request, response) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')!.map(Number);
    if (request.url !== '/film.mp4') moved.resolve();
    else {
      const count = ++asked;
      if (count === 3) await refuse(moved.promise);
      if (count > 1) return void response.writeHead(403).end();
    }
    const body = bytes.subarray(from!, to! + 1);
    response.writeHead(206, { 'content-range': `bytes ${from}-${from! + body.length - 1}/${bytes.length}` }).end(body);
  });
  const signal = AbortSignal.timeout(300_000);
  const locate = async () => {
    located += 1;
    await sleep(lookupMs, { signal });
    return { url: new URL('/elsewhere.mp4', server.context.access.sourceUrl) };
  };
  await using file = await openFileBytes({ ...server.context, locate }, { signal });
  assert.equal((await file.read(0, bytes.length, { signal })).length, bytes.length);
  assert.equal(located, 1);
}

test('concurrent reads of an expired URL share one lookup', () => readExpired(1000, async () => {}));

test('a read that is refused after another one has found the new URL does not look it up again', () =>
  readExpired(0, (moved) => moved));
