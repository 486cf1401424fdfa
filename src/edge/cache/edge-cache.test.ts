import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WatchTokens } from '../../accounts/watch-tokens.ts';
import { settle } from '../../delivery/live/pending-reply.ts';
import type { Reply } from '../../delivery/reply.ts';
import { createManualClock } from '../../lib/clock.ts';
import { createNet } from '../../net/net.ts';
import { EdgeCounts } from '../edge-counts.ts';
import { edgeTargetOf } from '../edge-target.ts';
import { openOrigin } from '../origin.ts';
import { AskAgain, OriginRefusal, PassOn } from '../refusal.ts';
import { TokenGate } from '../token-gate.ts';
import { EdgeCache } from './edge-cache.ts';

const secret = Buffer.from('a secret of both servers');
const none = { all: async () => [], put: async () => {}, remove: async () => {} };
const forever = { 'cache-control': 'public, max-age=31536000, immutable', etag: '"one"' };
const short = { 'cache-control': 'public, max-age=1', etag: '"list"' };

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An edge before an origin that answers as the test says. */
async function openEdge(answer: Answer, { prefetches = false } = {}) {
  const opened = new AsyncDisposableStack();
  const asked: string[] = [];
  const origin = { answer };
  const server = createServer((request, response) => {
    asked.push(request.url!);
    origin.answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.defer(() => void server.closeAllConnections());
  opened.defer(() => void server.close());
  const clock = createManualClock();
  const tokens = await WatchTokens.open({ secret, epochs: none });
  const gate = new TokenGate({ tokens, recheckMs: 30_000, staleMs: 600_000, nowMs: () => clock.nowMs() });
  const net = createNet({ allow: [] });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const upstream = opened.use(openOrigin({ url, net, clock, maxBytes: 1_000_000 }));
  const counts = new EdgeCounts();
  const options = { origin: upstream, gate, counts, clock, staleMs: 600_000, prefetches };
  const cache = opened.use(new EdgeCache({ ...options, memory: 10_000_000 }));
  const { signal } = new AbortController();
  const get = async (path: string): Promise<Reply> => {
    for (let tries = 0; ; tries++) {
      try {
        const found = cache.find(edgeTargetOf(path)!, { address: '192.0.2.1' });
        return 'copy' in found ? found.copy.reply : await settle(found.flight.pending(found.hasToken), { signal });
      } catch (error) {
        if (!(error instanceof AskAgain) || tries > 2) throw error;
      }
    }
  };
  const text = async (path: string) => Buffer.from((await get(path)).body[0] as Uint8Array).toString();
  return {
    cache,
    clock,
    counts,
    asked,
    origin,
    server,
    tokens,
    get,
    text,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

test('what depends on the address of the client is passed on for each one, and copies from before are dropped', async () => {
  const seen: (string | undefined)[] = [];
  let hasRules = false;
  await using edge = await openEdge((request, response) => {
    seen.push(request.headers['x-forwarded-for'] as string | undefined);
    const vary = hasRules ? { vary: 'Authorization, X-Forwarded-For' } : {};
    response.writeHead(200, { ...(request.url!.endsWith('m3u8') ? short : forever), ...vary }).end('media');
  });
  assert.equal(await edge.text('/live/door/v0/7.m4s'), 'media');
  await edge.text('/live/door/index.m3u8');
  hasRules = true;
  edge.clock.advance(1500);
  await assert.rejects(edge.get('/live/door/index.m3u8'), PassOn);
  const before = edge.asked.length;
  await assert.rejects(edge.get('/live/door/v0/7.m4s'), PassOn, 'the copy is for no one');
  assert.equal(edge.asked.length, before, 'the passer asks');
  await edge.text('/live/yard/v0/7.m4s').catch((error) => assert.ok(error instanceof PassOn));
  hasRules = false;
  edge.clock.advance(61_000);
  assert.equal(await edge.text('/live/door/v0/7.m4s'), 'media');
  assert.equal(edge.asked.length, before + 2, 'it was not kept');
  hasRules = true;
  edge.clock.advance(1500);
  await assert.rejects(edge.get('/live/door/index.m3u8'), PassOn);
  edge.clock.advance(61_000);
  await assert.rejects(edge.get('/live/door/v0/7.m4s'), PassOn, 'nor is the copy from between two rules');
  assert.deepEqual(new Set(seen), new Set(['192.0.2.1']));
});

test('clients of several addresses who wait for one answer about an address are all passed on', async () => {
  await using edge = await openEdge((_, response) => {
    response.writeHead(403, { 'content-type': 'application/problem+json', vary: 'X-Forwarded-For' }).end('{}');
  });
  const both = await Promise.allSettled([edge.get('/live/door/index.m3u8'), edge.get('/live/door/index.m3u8')]);
  for (const each of both) assert.ok(each.status === 'rejected' && each.reason instanceof PassOn);
});

const notFound =
  (code: string): Answer =>
  (_, response) =>
    void response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ code }));

test('fifty clients that want the same object cause one request, and so do all later ones', async () => {
  await using edge = await openEdge((_, response) => void response.writeHead(200, forever).end('media'));
  const found = await Promise.all(Array.from({ length: 50 }, () => edge.text('/live/door/v0/7.m4s')));
  assert.deepEqual(new Set(found), new Set(['media']));
  await edge.text('/live/door/v0/7.m4s?CMCD=bl%3D1');
  assert.equal(edge.asked.length, 1);
  assert.deepEqual([edge.counts.requests.miss, edge.counts.requests.joined, edge.counts.requests.hit], [1, 49, 1]);
});

test('an expired playlist is revalidated, and a 304 makes it fresh again (RFC 9111 4.3)', async () => {
  await using edge = await openEdge((request, response) => {
    const isKnown = request.headers['if-none-match']?.includes('"list"');
    response.writeHead(isKnown ? 304 : 200, short).end(isKnown ? undefined : '#EXTM3U');
  });
  for (let i = 0; i < 3; i++) {
    assert.equal(await edge.text('/live/door/index.m3u8'), '#EXTM3U');
    edge.clock.advance(1500);
  }
  assert.equal(edge.counts.origin.revalidate, 2);
});

test('when the origin is gone, what expired is served for a while, and the rest is 503 (RFC 5861 4)', async () => {
  await using edge = await openEdge((_, response) => void response.writeHead(200, short).end('#EXTM3U'));
  await edge.text('/live/door/index.m3u8');
  edge.server.close();
  edge.server.closeAllConnections();
  edge.clock.advance(2000);
  assert.equal(await edge.text('/live/door/index.m3u8'), '#EXTM3U');
  await assert.rejects(edge.get('/live/door/v0/7.m4s'), { code: 'not-ready' });
  edge.clock.advance(700_000);
  await assert.rejects(edge.get('/live/door/index.m3u8'), { code: 'not-ready' });
});

test('a 500 of the origin is replaced by an older copy; a 404 is passed on and remembered for half a second', async () => {
  await using edge = await openEdge((_, response) => void response.writeHead(200, short).end('#EXTM3U'));
  await edge.text('/live/door/index.m3u8');
  edge.clock.advance(2000);
  edge.origin.answer = (_, response) => void response.writeHead(500).end();
  assert.equal(await edge.text('/live/door/index.m3u8'), '#EXTM3U');
  edge.origin.answer = notFound('not-found');
  const before = edge.asked.length;
  await assert.rejects(edge.get('/live/door/v0/9.m4s'), (error: OriginRefusal) => error.status === 404);
  await assert.rejects(edge.get('/live/door/v0/9.m4s'), OriginRefusal);
  assert.equal(edge.asked.length, before + 1);
  edge.clock.advance(600);
  await assert.rejects(edge.get('/live/door/v0/9.m4s'), OriginRefusal);
  assert.equal(edge.asked.length, before + 2);
});

/** A stream that needs a token: as if it did not exist for everyone else. */
const restricted =
  (edge: () => { tokens: WatchTokens }, isRevoked = () => false): Answer =>
  (request, response) => {
    const [, token] = /^\/t\/([^/]+)\//.exec(request.url!) ?? [];
    if (token === undefined) return notFound('stream-unknown')(request, response);
    if (isRevoked() || !edge().tokens.read(token, 'door')) return void response.writeHead(403).end();
    if (request.headers['if-none-match']) return void response.writeHead(304).end();
    response.writeHead(200, { ...forever, 'cache-control': 'private, max-age=31536000, immutable' }).end('secret');
  };

test('a copy of restricted media is only for clients whose token the origin accepts, one request for all of them', async () => {
  await using edge = await openEdge(restricted(() => edge));
  const expiresMs = edge.clock.nowMs() + 3_600_000;
  const first = edge.tokens.sign('door', expiresMs);
  const second = edge.tokens.sign('door', expiresMs + 60_000);
  assert.equal(await edge.text(`/t/${first}/live/door/v0/7.m4s`), 'secret');
  assert.equal(await edge.text(`/t/${second}/live/door/v0/7.m4s`), 'secret');
  assert.equal(edge.asked.length, 1);
  await assert.rejects(edge.get('/live/door/v0/7.m4s'), (error: OriginRefusal) => error.status === 404);
  const asked = edge.asked.length;
  const other = edge.tokens.sign('yard', expiresMs);
  await assert.rejects(edge.get(`/t/${other}/live/door/v0/7.m4s`), { code: 'watch-refused' });
  edge.clock.advance(3_700_000);
  await assert.rejects(edge.get(`/t/${first}/live/door/v0/7.m4s`), { code: 'watch-expired' });
  assert.equal(edge.asked.length, asked);
});

test('the poster of an asset in the trash is passed on with the token of those who see the trash', async () => {
  await using edge = await openEdge((_request, response) =>
    response.writeHead(200, { ...forever, 'cache-control': 'private, max-age=60' }).end('poster'),
  );
  const expiresMs = edge.clock.nowMs() + 3_600_000;
  const id = '0123456789abcdef';
  const [trash, other] = [`trash/${id}`, 'trash/0123456789abcdee'].map((name) => edge.tokens.sign(name, expiresMs));
  assert.equal(await edge.text(`/t/${trash}/assets/${id}/poster.jpg`), 'poster');
  await assert.rejects(edge.get(`/t/${other}/assets/${id}/poster.jpg`), { code: 'watch-refused' });
  await assert.rejects(edge.get(`/t/${trash}/assets/${id}/index.m3u8`), { code: 'watch-refused' });
});

test('a revoked token gives nothing after the time of the next check', async () => {
  let isRevoked = false;
  await using edge = await openEdge(
    restricted(
      () => edge,
      () => isRevoked,
    ),
  );
  const token = edge.tokens.sign('door', edge.clock.nowMs() + 3_600_000);
  await edge.text(`/t/${token}/live/door/v0/7.m4s`);
  edge.clock.advance(31_000);
  assert.equal(await edge.text(`/t/${token}/live/door/v0/7.m4s`), 'secret');
  assert.equal(edge.counts.origin.check, 1);
  isRevoked = true;
  edge.clock.advance(31_000);
  await assert.rejects(edge.get(`/t/${token}/live/door/v0/7.m4s`), (error: OriginRefusal) => error.status === 403);
  const asked = edge.asked.length;
  await assert.rejects(edge.get(`/t/${token}/live/door/v0/7.m4s`), { code: 'watch-refused' });
  assert.equal(edge.asked.length, asked);
});

test('a stream that becomes private takes its public copies with it', async () => {
  await using edge = await openEdge((_, response) => void response.writeHead(200, forever).end('media'));
  await edge.text('/live/door/v0/7.m4s');
  edge.origin.answer = restricted(() => edge);
  await assert.rejects(edge.get('/live/door/index.m3u8'), OriginRefusal);
  await assert.rejects(edge.get('/live/door/v0/7.m4s'), (error: OriginRefusal) => error.status === 404);
  const token = edge.tokens.sign('door', edge.clock.nowMs() + 3_600_000);
  assert.equal(await edge.text(`/t/${token}/live/door/v0/7.m4s`), 'media');
});

test('a refusal for a client without a token is not the answer for one with a token', async () => {
  await using edge = await openEdge((_, response) => void response.writeHead(200, forever).end('media'));
  const token = edge.tokens.sign('door', edge.clock.nowMs() + 3_600_000);
  await edge.text('/live/door/v0/7.m4s');
  edge.origin.answer = restricted(() => edge);
  assert.equal(await edge.text(`/t/${token}/live/door/v0/8.m4s`), 'secret');
});

test('what the origin gives to one client without a token, for its own reasons, every client asks for itself', async () => {
  const control = { ...forever, 'cache-control': 'private, max-age=31536000, immutable' };
  await using edge = await openEdge((_, response) => void response.writeHead(200, control).end('for you'));
  for (let i = 0; i < 2; i++) await assert.rejects(edge.get('/live/door/v0/7.m4s'), PassOn);
  assert.equal(edge.cache.memory.objects, 0);
});

test('a purge deletes copies, and an answer that is under way is not kept', async () => {
  const { promise: isAsked, resolve: ask } = Promise.withResolvers<ServerResponse>();
  await using edge = await openEdge((request, response) => {
    if (request.url!.endsWith('/8.m4s') && edge.asked.length === 2) ask(response);
    else response.writeHead(200, forever).end('media');
  });
  await edge.text('/live/door/v0/7.m4s');
  const waiting = edge.text('/live/door/v0/8.m4s');
  const held = await isAsked;
  assert.equal(await edge.cache.purge(({ name }) => name === 'door'), 1);
  held.writeHead(200, forever).end('old');
  assert.equal(await waiting, 'old');
  assert.equal(await edge.text('/live/door/v0/8.m4s'), 'media');
  assert.equal(await edge.text('/live/door/v0/7.m4s'), 'media');
  assert.equal(edge.asked.length, 4);
});

test('the announced part is requested before a client does (RFC 8216bis 4.4.5.3)', async () => {
  const { promise: prefetched, resolve } = Promise.withResolvers<void>();
  const list = '#EXTM3U\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="7.1.m4s"\n';
  await using edge = await openEdge(
    (request, response) => {
      const isList = request.url!.includes('.m3u8');
      if (!isList) resolve();
      response.writeHead(200, isList ? { 'cache-control': 'public, max-age=12' } : forever).end(isList ? list : 'part');
    },
    { prefetches: true },
  );
  await edge.text('/live/door/v0/g1.m3u8?_HLS_msn=7&_HLS_part=0');
  await prefetched;
  assert.equal(await edge.text('/live/door/v0/7.1.m4s'), 'part');
  assert.equal(edge.asked.length, 2);
  // A newer playlist has what an older reload waits for.
  assert.equal(await edge.text('/live/door/v0/g1.m3u8?_HLS_msn=6&_HLS_part=3'), list);
  assert.equal(edge.asked.length, 2);
});

test('a copy that must be revalidated does not answer in place of an origin that is away; others do', async () => {
  const fields = (must: boolean) => ({ 'cache-control': `public, max-age=1${must ? ', must-revalidate' : ''}` });
  await using edge = await openEdge((request, response) => {
    response.writeHead(200, fields(request.url!.includes('/ruled/'))).end('media');
  });
  const [ruled, free] = ['/live/ruled/v0/7.m4s', '/live/free/v0/7.m4s'];
  for (const path of [ruled, free]) assert.equal(await edge.text(path), 'media');
  edge.clock.advance(2000);
  edge.origin.answer = (_, response) => response.writeHead(503).end();
  assert.equal(await edge.text(free), 'media');
  await assert.rejects(edge.text(ruled));
});

test('a refusal by the rules for the past says nothing about who may watch: the stream stays public', async () => {
  const problem = (code: string) => JSON.stringify({ code });
  const type = { 'content-type': 'application/problem+json' };
  await using edge = await openEdge((request, response) => {
    if (request.url!.endsWith('/7.m4s')) response.writeHead(403, type).end(problem('past-limited'));
    else response.writeHead(200, forever).end('media');
  });
  assert.equal(await edge.text('/live/door/v0/8.m4s'), 'media');
  await assert.rejects(edge.text('/live/door/v0/7.m4s'), OriginRefusal);
  const before = edge.asked.length;
  assert.equal(await edge.text('/live/door/v0/8.m4s'), 'media');
  assert.equal(edge.asked.length, before, 'the copy answers still');
});
