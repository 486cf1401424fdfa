// Connections are real, so a test waits for bytes and requests; the limits of time pass on virtual time.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { type TestContext, test as testOnce } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { createNet, isRetryable, type Net, type NetRequest, type Resolve } from './net.ts';
import { tracedNet } from './traced.ts';

/** Whether the requests are for the lean client: both do the same. */
let lean = false;

function test(name: string, run: (t: TestContext) => Promise<void>): void {
  for (const isLean of [false, true]) {
    testOnce(isLean ? `${name} (lean)` : name, async (t) => {
      lean = isLean;
      await run(t);
    });
  }
}

interface Served extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly requests: IncomingMessage[];
  readonly sockets: Set<Socket>;
}

async function serve(listener: RequestListener): Promise<Served> {
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    sockets,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const limits = (more: Partial<NetRequest> = {}): NetRequest => ({
  signal: AbortSignal.timeout(60_000),
  maxBytes: 1_000_000,
  deadlineMs: 30_000,
  idleMs: 20_000,
  lean,
  ...more,
});

/** A resolver with fixed addresses by name. */
const names =
  (table: Record<string, string[]>): Resolve =>
  async (name) =>
    (table[name] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

const refused = { name: 'OxbowError', code: 'address-refused' };
const text = async (net: Net, url: string | URL, request: NetRequest) =>
  Buffer.from(await (await net.fetch(url, request)).body()).toString();

const hello = (_: IncomingMessage, response: ServerResponse) => void response.end('hello');

test('a private address is refused in every spelling, without a connection', async () => {
  await using origin = await serve(hello);
  await using net = createNet({ allow: [] });
  for (const host of [
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '127.0.0.1.',
    'localhost',
  ]) {
    await assert.rejects(net.fetch(`http://${host}:${origin.port}/`, limits()), refused, host);
  }
  assert.equal(origin.sockets.size, 0);
});

test('only http and https are supported', async () => {
  await using net = createNet({ allow: ['0.0.0.0/0'] });
  for (const url of [
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'data:text/plain,x',
    'gopher://127.0.0.1/',
    'not a url',
    '',
  ]) {
    await assert.rejects(net.fetch(url, limits()), refused, url);
  }
});

test('a range in allow, and the address configured by an administrator, are allowed', async () => {
  await using origin = await serve(hello);
  await using open = createNet({ allow: ['127.0.0.0/8'] });
  assert.equal(await text(open, origin.url, limits()), 'hello');
  await using net = createNet({ allow: [] });
  assert.equal(await text(net, `${origin.url}/seg.ts`, limits({ trusted: new URL(origin.url) })), 'hello');
  await assert.rejects(net.fetch(origin.url, limits({ trusted: new URL('http://127.0.0.2/') })), refused);
});

test('a redirect to a private address is refused at that hop', async () => {
  await using secret = await serve(hello);
  await using origin = await serve((_, response) => {
    response.writeHead(302, { location: `http://127.0.0.2:${secret.port}/admin` }).end('moved');
  });
  await using net = createNet({ allow: [] });
  await assert.rejects(net.fetch(origin.url, limits({ trusted: new URL(origin.url) })), refused);
  assert.equal(origin.requests.length, 1);
  assert.equal(secret.requests.length, 0);
});

test('one private address of several refuses the name', async () => {
  await using net = createNet({ allow: [], resolve: names({ 'mixed.test': ['93.184.216.34', '10.0.0.1'] }) });
  await assert.rejects(net.fetch('http://mixed.test/', limits()), { ...refused, message: /10\.0\.0\.1/ });
});

test('a name that changes its address is checked at each connect (DNS rebinding)', async () => {
  await using origin = await serve((_, response) => response.setHeader('connection', 'close').end('hello'));
  const answers = [['127.0.0.9'], ['127.0.0.1']];
  let lookups = 0;
  const resolve: Resolve = async () => answers[Math.min(lookups++, 1)]!.map((address) => ({ address, family: 4 }));
  await using net = createNet({ allow: ['127.0.0.1/32'], resolve });
  await assert.rejects(net.fetch(`http://cam.test:${origin.port}/`, limits()), refused);
  assert.equal(await text(net, `http://cam.test:${origin.port}/`, limits()), 'hello');
  answers[1] = ['127.0.0.9'];
  await assert.rejects(net.fetch(`http://cam.test:${origin.port}/`, limits()), refused);
});

test('a trusted name may be private, but never link-local', async () => {
  await using origin = await serve(hello);
  await using net = createNet({
    allow: [],
    resolve: names({ 'cam.test': ['127.0.0.1'], 'meta.test': ['169.254.169.254'] }),
  });
  const cam = new URL(`http://cam.test:${origin.port}/`);
  assert.equal(await text(net, cam, limits({ trusted: cam })), 'hello');
  await assert.rejects(net.fetch('http://meta.test/', limits({ trusted: new URL('http://meta.test/') })), refused);
});

test('a connection of a trusted request is not reused for an untrusted one', async () => {
  await using origin = await serve(hello);
  await using net = createNet({ allow: [], resolve: names({ 'cam.test': ['127.0.0.1'] }) });
  const cam = new URL(`http://cam.test:${origin.port}/`);
  await text(net, cam, limits({ trusted: cam }));
  assert.equal(net.idleConnections, 1);
  await assert.rejects(net.fetch(cam, limits()), refused);
});

test('five redirects are followed, six are not; the reply has the final URL', async () => {
  await using origin = await serve((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left === 0) response.end('there');
    else response.writeHead(307, { location: `${left - 1}` }).end();
  });
  await using net = createNet({ allow: ['127.0.0.1'] });
  const reply = await net.fetch(`${origin.url}/5`, limits());
  assert.equal(reply.url.href, `${origin.url}/0`);
  assert.equal(Buffer.from(await reply.body()).toString(), 'there');
  assert.equal(origin.sockets.size, 1, 'the connection is kept over redirects');
  await assert.rejects(net.fetch(`${origin.url}/6`, limits()), { code: 'source-failed', message: /more than 5/ });
});

test('secrets are sent only to their origin, other headers to all', async () => {
  await using other = await serve(hello);
  await using origin = await serve((_, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${other.port}/x` }).end('y'.repeat(200_000));
  });
  await using net = createNet({ allow: ['127.0.0.1'] });
  const headers = {
    Authorization: 'Bearer s3cret',
    Cookie: 'a=b',
    'X-Api-Key': 'k',
    Referer: 'https://tv.example/',
    'X-Session-Id': '1',
    'X-Password': '2',
    'X-Signature': '3',
    'X-JWT': '4',
  };
  await text(net, origin.url, limits({ headers }));
  assert.equal(origin.requests[0]?.headers.authorization, 'Bearer s3cret');
  assert.equal(origin.requests[0]?.headers['x-api-key'], 'k');
  const passed = other.requests[0]?.headers;
  assert.equal(passed?.referer, 'https://tv.example/');
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  assert.deepEqual(
    names.filter((name) => passed?.[name] !== undefined),
    ['referer'],
  );
});

test('secret headers of a source are not sent to other hosts in its playlist', async () => {
  await using origin = await serve(hello);
  await using net = createNet({ allow: ['127.0.0.1'] });
  const headers = { authorization: 'Bearer s3cret', referer: 'https://tv.example/' };
  await text(net, origin.url, limits({ headers, home: new URL('http://127.0.0.1:9/live.m3u8') }));
  await text(net, origin.url, limits({ headers, home: new URL(`${origin.url}/live.m3u8`) }));
  assert.deepEqual(
    origin.requests.map((request) => request.headers.authorization),
    [undefined, 'Bearer s3cret'],
  );
  assert.equal(origin.requests[0]?.headers.referer, 'https://tv.example/');
});

test('headers that are made once are made again for another origin, home or user name', async () => {
  await using origin = await serve(hello);
  await using other = await serve(hello);
  await using net = createNet({ allow: ['127.0.0.1'] });
  const headers = { 'x-api-key': 'k' };
  const [home, otherHome] = [new URL(origin.url), new URL(other.url)];
  const user = new URL(origin.url.replace('//', '//me:p@'));
  for (const [url, more, key, authorization] of [
    [home, { home }, 'k', undefined],
    [otherHome, { home }, undefined, undefined],
    [home, { home }, 'k', undefined],
    [home, { home: otherHome }, undefined, undefined],
    [home, { home, trusted: user }, 'k', 'Basic bWU6cA=='],
    [home, { home }, 'k', undefined],
  ] as const) {
    await text(net, url, limits({ headers, ...more }));
    const { headers: sent } = (url === home ? origin : other).requests.at(-1)!;
    assert.deepEqual([sent['x-api-key'], sent.authorization], [key, authorization]);
  }
});

test('a user name in an address is sent for the trusted origin only, and is in no error', async () => {
  await using origin = await serve((request, response) => response.end(request.headers.authorization ?? 'none'));
  await using net = createNet({ allow: ['127.0.0.1'] });
  const withUser = new URL(`http://me:p%40ss@127.0.0.1:${origin.port}/a`);
  const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  assert.equal(await text(net, withUser, limits({ trusted: withUser })), basic);
  assert.equal(await text(net, `${origin.url}/seg.ts`, limits({ trusted: withUser })), basic);
  await using elsewhere = await serve((request, response) => response.end(request.headers.authorization ?? 'none'));
  assert.equal(await text(net, elsewhere.url, limits({ trusted: withUser })), 'none');
  await assert.rejects(net.fetch(withUser, limits()), (error: Error) => {
    assert.doesNotMatch(error.message, /me:|ss@/);
    return true;
  });
});

test('gzip, br, deflate with and without its header are unpacked; another encoding is refused', async () => {
  const plain = Buffer.from('#EXTM3U\n'.repeat(1000));
  const bodies: Record<string, [string, Buffer]> = {
    '/gzip': ['gzip', gzipSync(plain)],
    '/br': ['br', brotliCompressSync(plain)],
    '/deflate': ['deflate', deflateSync(plain)],
    '/raw': ['deflate', deflateRawSync(plain)],
    '/plain': ['identity', plain],
    '/zstd': ['zstd', plain],
    '/broken': ['gzip', plain],
  };
  await using origin = await serve((request, response) => {
    const [encoding, body] = bodies[request.url ?? '']!;
    response.setHeader('content-encoding', encoding).end(body);
  });
  await using net = createNet({ allow: ['127.0.0.1'] });
  for (const path of ['/gzip', '/br', '/deflate', '/raw', '/plain']) {
    assert.equal(await text(net, origin.url + path, limits()), plain.toString(), path);
  }
  for (const path of ['/zstd', '/broken']) {
    await assert.rejects(text(net, origin.url + path, limits()), {
      code: 'source-failed',
      extra: { reason: 'encoding', retryable: false },
    });
  }
});

test('a body above the limit is rejected: declared, chunked, or decoded from a gzip bomb', async () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000));
  await using origin = await serve((request, response) => {
    if (request.url === '/declared') response.setHeader('content-length', 2_000_000).end(Buffer.alloc(2_000_000));
    else if (request.url === '/bomb') response.setHeader('content-encoding', 'gzip').end(bomb);
    else {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65536)));
      };
      response.on('drain', more);
      more();
    }
  });
  await using net = createNet({ allow: ['127.0.0.1'] });
  for (const path of ['/declared', '/endless', '/bomb']) {
    await assert.rejects(
      text(net, origin.url + path, limits()),
      { code: 'source-failed', extra: { reason: 'too-large', retryable: false } },
      path,
    );
  }
});

test('a slow drip ends at the total deadline, silence at the idle limit, both retryable', async () => {
  let drip = () => {};
  await using origin = await serve((request, response) => {
    drip = () => void (request.url === '/drip' && response.write('#'));
    response.write('#');
  });
  await using net = createNet({ allow: ['127.0.0.1'] });
  for (const [path, reason, endMs, limit] of [
    ['/drip', 'deadline', 9000, { deadlineMs: 9000, idleMs: 2000 }],
    ['/drip', 'slow', 10_000, { idleMs: 2000 }],
    ['/silent', 'idle', 2000, { idleMs: 2000 }],
  ] as const) {
    using time = openVirtualTime();
    const body = (await net.fetch(origin.url + path, limits(limit))).stream()[Symbol.asyncIterator]();
    assert.equal((await body.next()).value.length, 1);
    let failure: { readonly error: unknown; readonly atMs: number } | undefined;
    while (!failure) {
      const piece = body.next().catch((error: unknown) => {
        failure = { error, atMs: time.nowMs };
      });
      await time.runFor(1000);
      drip();
      if (path === '/drip') await piece;
    }
    const { error, atMs } = failure as { readonly error: { extra?: { reason?: string } }; readonly atMs: number };
    assert.deepEqual([error.extra?.reason, atMs], [reason, endMs]);
    assert.ok(isRetryable(error));
  }
});

test('a server that accepts the connection and sends nothing times out', async () => {
  const server = createTcpServer(() => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await using net = createNet({ allow: ['127.0.0.1'] });
  using time = openVirtualTime();
  const fetched = net.fetch(`http://127.0.0.1:${port}/`, limits({ idleMs: 2000 }));
  await once(server, 'connection');
  await assert.rejects(time.settled('the reply', fetched), { extra: { reason: 'idle', retryable: true } });
  assert.equal(time.nowMs, 2000);
  server.close();
});

test('abort rejects with the caller’s reason, before the reply and while the body comes', async () => {
  await using origin = await serve((request, response) => {
    if (request.url === '/body') response.write('first');
  });
  await using net = createNet({ allow: ['127.0.0.1'] });
  const reason = new Error('stopped by hand');
  await assert.rejects(net.fetch(origin.url, limits({ signal: AbortSignal.abort(reason) })), reason);
  const early = new AbortController();
  const waiting = assert.rejects(net.fetch(origin.url, limits({ signal: early.signal })), reason);
  early.abort(reason);
  await waiting;
  const late = new AbortController();
  const reply = await net.fetch(`${origin.url}/body`, limits({ signal: late.signal }));
  const reading = assert.rejects(reply.body(), reason);
  late.abort(reason);
  await reading;
});

test('a broken connection, a refused one and an unknown name are distinguished and retryable', async () => {
  await using origin = await serve((_, response) => {
    response.setHeader('content-length', 100).write('half');
    setImmediate(() => response.destroy());
  });
  await using net = createNet({ allow: ['127.0.0.1'], resolve: names({}) });
  await assert.rejects(text(net, origin.url, limits()), (error) => isRetryable(error));
  await assert.rejects(net.fetch('http://127.0.0.1:1/', limits()), { message: /refuses connections/ });
  await assert.rejects(net.fetch('http://unknown.test/', limits()), { extra: { reason: 'resolve', retryable: true } });
});

test('a body that is read late is whole, or an error if its connection has broken meanwhile', async () => {
  const cut = Promise.withResolvers<void>();
  await using origin = await serve(async ({ url }, response) => {
    if (url === '/whole') return void response.end('whole');
    if (url === '/nothing') return void response.writeHead(204).end();
    response.writeHead(200, { 'content-length': 10 });
    response.write('half');
    await cut.promise;
    response.destroy();
  });
  await using net = createNet({ allow: ['127.0.0.0/8'] });
  const [whole, nothing, half] = await Promise.all(
    ['/whole', '/nothing', '/half'].map((path) => net.fetch(origin.url + path, limits())),
  );
  const sockets = [...origin.sockets].map((socket) => once(socket, 'close'));
  cut.resolve();
  await Promise.race(sockets);
  assert.equal(Buffer.concat(await whole!.pieces()).toString(), 'whole');
  assert.deepEqual(await nothing!.pieces(), []);
  await assert.rejects(half!.pieces(), (error) => isRetryable(error));
  await assert.rejects(half!.pieces(), (error) => isRetryable(error), 'also once it is closed');
});

// All plain connections are read into one buffer: the parser of Node must have copied what is body.
test('bodies that arrive at the same time are whole: read at once, slowly, late and unpacked', async () => {
  const bodies = Array.from({ length: 12 }, (_, i) => randomBytes(300_000 + 10_007 * i));
  await using origin = await serve(({ url }, response) => {
    const [, index, coding] = url!.split('/');
    const body = bodies[Number(index)]!;
    if (coding === 'gzip') response.setHeader('content-encoding', 'gzip').end(gzipSync(body));
    else if (coding === 'chunked')
      for (let at = 0; at <= body.length; at += 7001) response.write(body.subarray(at, at + 7001));
    if (!response.writableEnded) response.end(coding === 'plain' ? body : undefined);
  });
  await using net = createNet({ allow: ['127.0.0.1'] });
  const slowly = async (pieces: AsyncIterable<Uint8Array>) => {
    const all: Uint8Array[] = [];
    for await (const piece of pieces) {
      all.push(piece);
      await turn();
    }
    return all;
  };
  for (let round = 0; round < 2; round++) {
    const replies = await Promise.all(
      bodies.map((_, i) => net.fetch(`${origin.url}/${i}/${['plain', 'chunked', 'gzip'][i % 3]}`, limits())),
    );
    await turn();
    const all = await Promise.all(replies.map((reply, i) => (i % 4 < 2 ? reply.pieces() : slowly(reply.stream()))));
    for (const [i, pieces] of all.entries()) assert.ok(bodies[i]!.equals(Buffer.concat(pieces)), `body ${i}`);
  }
});

test('a kept connection that the server has closed costs only a second try', async () => {
  let count = 0;
  const server = createTcpServer((socket) => {
    let answered = 0;
    socket.on('error', () => {});
    socket.on('data', () => {
      // The second request on a connection gets a reset.
      if (answered++ > 0) return void socket.resetAndDestroy();
      count += 1;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${count}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await using net = createNet({ allow: ['127.0.0.1'] });
  assert.equal(await text(net, `http://127.0.0.1:${port}/`, limits()), '1');
  assert.equal(net.idleConnections, 1);
  assert.equal(await text(net, `http://127.0.0.1:${port}/`, limits()), '2');
  server.close();
});

test('a server that answers with another protocol is an error at once, not a request that never ends', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx'),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await using net = createNet({ allow: ['127.0.0.1'] });
  await assert.rejects(net.fetch(`http://127.0.0.1:${port}/`, limits()), (error) => isRetryable(error));
  server.close();
});

test('a request that waits for a connection to its host ends when it is aborted, or late', async () => {
  await using origin = await serve(() => {}); // never answers
  await using net = createNet({ allow: ['127.0.0.1'], maxPerHost: 1 });
  const controllers = [new AbortController(), new AbortController()];
  const [first, second, third] = [
    { signal: controllers[0]!.signal },
    { signal: controllers[1]!.signal },
    { deadlineMs: 30 },
  ].map((more) => net.fetch(origin.url, limits(more)));
  let isOver = false;
  const firstEnds = assert.rejects(first!, /the first/).finally(() => {
    isOver = true;
  });
  controllers[1]!.abort(new Error('the second'));
  await assert.rejects(second!, /the second/);
  await assert.rejects(third!, /took longer than 30 ms/);
  assert.equal(isOver, false, 'while the first one holds the connection');
  controllers[0]!.abort(new Error('the first'));
  await firstEnds;
});

test('connections are reused, and at most ten per host are kept', async () => {
  const held: ServerResponse[] = [];
  await using origin = await serve((_, response) => {
    held.push(response);
    if (held.length >= 20) for (const each of held) each.end('x');
  });
  await using net = createNet({ allow: ['127.0.0.1'] });
  await Promise.all(Array.from({ length: 20 }, () => text(net, origin.url, limits())));
  assert.ok(net.idleConnections <= 10, `${net.idleConnections} are kept`);
  const before = origin.sockets.size;
  await text(net, origin.url, limits());
  assert.equal(origin.sockets.size, before);
});

test('disposing an unread reply closes its connection', async () => {
  await using origin = await serve((_, response) => void response.write('endless'));
  await using net = createNet({ allow: ['127.0.0.1'] });
  const reply = await net.fetch(origin.url, limits());
  const [socket] = origin.sockets;
  const closed = once(socket!, 'close');
  reply[Symbol.dispose]();
  await closed;
});

test('an invalid header is an error, not a crash', async () => {
  await using net = createNet({ allow: ['127.0.0.1'] });
  await assert.rejects(net.fetch('http://127.0.0.1:1/', limits({ headers: { 'x-a': 'b\r\nc: d' } })), refused);
});

test('a POST is guarded like a GET, and its redirect is returned', async () => {
  const bodies: string[] = [];
  await using origin = await serve(async (request, response) => {
    let body = '';
    for await (const piece of request) body += String(piece);
    bodies.push(`${request.method} ${request.url} ${request.headers['content-length']} ${body}`);
    response.writeHead(request.url === '/moved' ? 307 : 204, { location: '/elsewhere' }).end();
  });
  await using net = createNet({ allow: [] });
  const post = Buffer.from('{"a":1}');
  const url = new URL(`${origin.url}/in`);
  await assert.rejects(net.fetch(url, limits({ post })), refused);
  for (const path of ['/in', '/moved']) {
    const trusted = new URL(path, origin.url);
    using reply = await net.fetch(trusted, limits({ post, trusted }));
    assert.equal(reply.status, path === '/in' ? 204 : 307);
  }
  assert.deepEqual(bodies, ['POST /in 7 {"a":1}', 'POST /moved 7 {"a":1}']);
});

test('a trace is sent at every hop of its requests, and with no others', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await using origin = await serve((request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: '/here' });
    response.end('hello');
  });
  const traces: (string | undefined)[] = [];
  await using net = createNet({ allow: ['127.0.0.0/8'], onFetched: ({ request }) => traces.push(request.traceparent) });
  await text(tracedNet(net, traceparent), `${origin.url}/moved`, limits());
  assert.equal(tracedNet(net, undefined), net, 'tracing is off');
  await text(net, origin.url, limits());
  assert.deepEqual(
    origin.requests.map(({ headers }) => headers.traceparent),
    [traceparent, traceparent, undefined],
  );
  assert.deepEqual(traces, [traceparent, undefined]);
});

test('a fresh request opens a new connection even if one is kept', async () => {
  await using origin = await serve(hello);
  await using net = createNet({ allow: ['127.0.0.0/8'] });
  await text(net, origin.url, limits());
  await text(net, origin.url, limits());
  assert.equal(origin.sockets.size, 1);
  await text(net, origin.url, limits({ fresh: true }));
  await text(net, origin.url, limits({ fresh: true }));
  assert.equal(origin.sockets.size, 3);
  assert.equal(net.idleConnections, 1);
});
