import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { sleep } from '../../lib/abort.ts';
import { createNet } from '../../net/net.ts';
import { listenInMemory } from '../memory-listener.fixture.ts';
import { noCounters } from '../pull/pull-log.ts';
import { SourceAccess } from '../pull/source-access.ts';
import { openFileBytes } from './file-bytes.ts';

async function listenOnLoopback(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function openServer(listen: (server: Server) => Promise<number>, listener: RequestListener) {
  const server = createServer(listener);
  const sourceUrl = new URL(`http://127.0.0.1:${await listen(server)}/film.mp4`);
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
  await using server = await openServer(listenOnLoopback, (request, response) => {
    response.writeHead(206, { 'content-range': 'bytes 0-999/1000' });
    const timer = setInterval(() => response.write(new Uint8Array(64 * 1024)), 5);
    request.socket.once('close', () => clearInterval(timer));
  });
  const { signal } = new AbortController();
  await using file = await openFileBytes(server.context, { signal });
  assert.equal((await file.read(0, 1000, { signal })).length, 1000);
});

test('a file of unknown size is read to its end', async () => {
  const bytes = new Uint8Array(5 * 1024 * 1024).map((_, i) => i % 251);
  await using server = await openServer(listenInMemory, (request, response) => {
    const [, to = ''] = /^bytes=0-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const body = bytes.subarray(0, to === '' ? bytes.length : Number(to) + 1);
    response.writeHead(206, { 'content-range': `bytes 0-${body.length - 1}/*` }).end(body);
  });
  const { signal } = new AbortController();
  await using file = await openFileBytes(server.context, { signal });
  const read = await file.read(4_000_000, 4_000_000, { signal });
  assert.equal(read.length, bytes.length - 4_000_000);
  assert.equal(read.at(-1), bytes.at(-1));
});

/**
 * Reads a file whose URL expires after the first range; the server refuses the third request, of another
 * block, when `refuse` resolves.
 *
 * @returns how long it took, virtual ms
 */
async function readExpired(lookupMs: number, refuse: (moved: Promise<void>) => Promise<void>) {
  using time = openVirtualTime();
  const bytes = new Uint8Array(10 * 1024 * 1024);
  const moved = Promise.withResolvers<void>();
  let asked = 0;
  let located = 0;
  await using server = await openServer(listenInMemory, async (request, response) => {
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
  const { signal } = new AbortController();
  const locate = async () => {
    located += 1;
    await sleep(lookupMs, { signal });
    return { url: new URL('/elsewhere.mp4', server.context.access.sourceUrl) };
  };
  await using file = await openFileBytes({ ...server.context, locate }, { signal });
  const read = await time.settled('the read', file.read(0, bytes.length, { signal }));
  assert.equal(read.length, bytes.length);
  assert.equal(located, 1);
  return time.nowMs;
}

/** Before the next request of a read that was refused, ms. */
const PAUSE_MS = 375;

test('concurrent reads of an expired URL share one lookup', async () => {
  assert.equal(await readExpired(1000, async () => {}), 1000 + PAUSE_MS);
});

test('a read that is refused after another one has found the new URL does not look it up again', async () => {
  // The lookup takes 1 ms; the second read is refused when the first one has paused, and pauses then.
  assert.equal(await readExpired(1, (moved) => moved), 1 + 2 * PAUSE_MS);
});
