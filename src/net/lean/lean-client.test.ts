// What both clients do is in ../net.test.ts; here is what only the lean one has to show. Connections are
// real.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServer as createTlsServer, setDefaultCACertificates } from 'node:tls';
import { makeCertificate } from '../../../test/fixtures/certificate.ts';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { createNet, isRetryable, type Net, type NetRequest } from '../net.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

const limits = (more: Partial<NetRequest> = {}): NetRequest => ({
  signal: AbortSignal.timeout(60_000),
  maxBytes: 1_000_000,
  deadlineMs: 30_000,
  idleMs: 20_000,
  lean: true,
  ...more,
});

interface RawServer extends AsyncDisposable {
  readonly url: string;
  readonly sockets: readonly Socket[];
  /** Every request as text, in order. */
  readonly requests: readonly string[];
}

/** A server that answers each request with the text that `answer` returns, or writes it by itself. */
async function serveRaw(
  answer: (socket: Socket, request: string, count: number) => string | undefined,
  server: Server = createServer(),
): Promise<RawServer> {
  const sockets: Socket[] = [];
  const requests: string[] = [];
  server.on(
    server.listenerCount('tlsClientError') >= 0 && 'setTicketKeys' in server ? 'secureConnection' : 'connection',
    (socket: Socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      let text = '';
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
          requests.push(text.slice(0, end + 4));
          text = text.slice(end + 4);
          const reply = answer(socket, requests.at(-1)!, requests.length);
          if (reply !== undefined) socket.write(reply, 'latin1');
        }
      });
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    sockets,
    requests,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const text = async (net: Net, url: string, request: NetRequest = limits()) =>
  Buffer.from(await (await net.fetch(url, request)).body()).toString();

const open = (more: Partial<Parameters<typeof createNet>[0]> = {}) => createNet({ allow: ['127.0.0.0/8'], ...more });

test('its requests have the bytes of those of node:http; unusual ones are sent by node:http', async () => {
  await using server = await serveRaw(() => OK);
  await using net = open({ userAgent: 'oxbow/1' });
  const requests: Partial<NetRequest>[] = [
    {},
    { fresh: true },
    { headers: { 'Accept-Encoding': 'identity', Range: 'bytes=0-9', 'x-latin': '\u00e9', Cookie: 'a=b' } },
    { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    { trusted: new URL(server.url.replace('//', '//me:p%40ss@')) },
    { headers: { Host: 'other.test', Connection: 'close' } },
  ];
  for (const more of requests) {
    for (const lean of [true, false]) await text(net, `${server.url}/a%20b/\u00e9?c=d#e`, limits({ ...more, lean }));
    const [one, other] = server.requests.slice(-2);
    assert.equal(one, other);
  }
  assert.match(server.requests.at(-1)!, /^GET \/a%20b\/%C3%A9\?c=d HTTP\/1.1\r\n[\s\S]*\r\nhost: other.test\r\n/i);
});

test('connections are used again until the server would close them, and not after what ends them', async () => {
  const heads: Record<string, string> = {
    kept: '',
    closed: 'Connection: Close\r\n',
    short: 'Keep-Alive: timeout=1\r\n',
    long: 'Keep-Alive: timeout=3, max=9\r\n',
  };
  await using server = await serveRaw((_, request) => {
    const name = /\/(\w+)/.exec(request)![1]!;
    if (name === 'old') return 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok';
    if (name === 'more') return `${OK}more`;
    return OK.replace('\r\n\r\n', `\r\n${heads[name]}\r\n`);
  });
  using time = openVirtualTime();
  await using net = open();
  for (const [name, kept] of [
    ['kept', 1],
    ['closed', 0],
    ['old', 0],
    ['short', 0],
    ['more', 0],
    ['long', 1],
  ] as const) {
    assert.equal(await text(net, `${server.url}/${name}`), 'ok', name);
    assert.equal(net.idleConnections, kept, name);
  }
  const before = server.sockets.length;
  await text(net, `${server.url}/long`);
  assert.equal(server.sockets.length, before, 'within its time');
  await time.runFor(2000);
  await text(net, `${server.url}/kept`);
  assert.equal(server.sockets.length, before + 1, 'a second before the server would close it');
  await time.runFor(120_000);
  assert.equal(net.idleConnections, 0, 'after 90 s without a request');
});

test('a connection that its server closes while it waits is not used', async () => {
  await using server = await serveRaw(() => OK);
  await using net = open();
  await text(net, server.url);
  const [socket] = server.sockets;
  socket!.end();
  await once(socket!, 'close');
  assert.equal(net.idleConnections, 0);
  assert.equal(await text(net, server.url), 'ok');
  // Bytes that no request has caused may be the answer to the next one.
  server.sockets[1]!.write(OK);
  await once(server.sockets[1]!, 'close');
  assert.equal(net.idleConnections, 0);
});

test('an answer that has begun on a kept connection is not requested again', async () => {
  await using server = await serveRaw((socket, _, count) => {
    if (count === 1) return OK;
    socket.end('HTTP/1.1 200');
    return undefined;
  });
  await using net = open();
  await text(net, server.url);
  await assert.rejects(text(net, server.url), (error) => isRetryable(error));
  assert.equal(server.requests.length, 2);
});

test('a body without a length ends with its connection, and chunks of any size are joined', async () => {
  const long = 'x'.repeat(300_000);
  const chunks = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'3;a="b;c"\r\nabc\r\n'.repeat(999)}0\r\nX-A: b\r\n\r\n`;
  await using server = await serveRaw((socket, request) => {
    if (request.includes('/chunks')) return chunks;
    socket.end(`HTTP/1.1 200 OK\r\n\r\n${long}`);
    return undefined;
  });
  await using net = open();
  assert.equal(await text(net, `${server.url}/chunks`), 'abc'.repeat(999));
  assert.equal(net.idleConnections, 1);
  for (const _ of '12') assert.equal(await text(net, server.url), long);
  assert.equal(net.idleConnections, 0);
});

test('answers that may be read in two ways, or have no end, are refused, and their connection is closed', async () => {
  const answers: Record<string, string> = {
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    'length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a folded line': 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok',
    'a space before the colon': 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok',
    'a bare LF': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    'a bare LF in a head': 'HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 2\r\n\r\nok',
    'a head without an end': `HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(3000)}`,
    'interim answers without an end': 'HTTP/1.1 103 A\r\n\r\n'.repeat(20),
    'chunks without CRLF': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok0\r\n\r\n',
    'a size of chunks that is too large': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\nok`,
    'trailers without an end': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'X-A: b\r\n'.repeat(3000)}`,
    'no HTTP': 'SSH-2.0-OpenSSH_9.2\r\n\r\n',
  };
  await using server = await serveRaw((_, request) => answers[decodeURIComponent(/\/(\S+)/.exec(request)![1]!)]);
  await using net = open();
  for (const name in answers) {
    const request = text(net, `${server.url}/${name}`);
    await assert.rejects(request, { code: 'source-failed', extra: { reason: 'connection', retryable: true } }, name);
    assert.equal(net.idleConnections, 0, name);
  }
});

test('a body that is not read waits at the server, whatever its length', async () => {
  const size = 40_000_000;
  let written = 0;
  await using server = await serveRaw((socket) => {
    const piece = Buffer.alloc(100_000);
    const more = () => {
      while (written < size) {
        written += piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on('drain', more);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    more();
    return undefined;
  });
  await using net = open();
  using reply = await net.fetch(server.url, limits({ maxBytes: 2 * size }));
  const reading = reply.stream()[Symbol.asyncIterator]();
  let received = (await reading.next()).value!.length;
  // The system takes a part; what follows waits until it is read.
  for (let before = -1; before !== written; ) {
    before = written;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(written < size, `${written} bytes were taken`);
  for (let next = await reading.next(); !next.done; next = await reading.next()) received += next.value.length;
  assert.equal(received, size);
});

test('a request that waits for a connection gets the next free one, or the room of a closed one', async () => {
  const answers: (() => void)[] = [];
  await using server = await serveRaw((socket, request) => {
    answers.push(() => void (request.includes('/bad') ? socket.end('HTTP/1.1 2') : socket.write(OK)));
    return undefined;
  });
  await using net = open({ maxPerHost: 1 });
  const results = ['/a', '/b', '/bad', '/c'].map((path) => text(net, server.url + path).catch((error) => error));
  for (let i = 0; i < 4; i++) {
    while (answers.length <= i) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(answers.length, i + 1, 'one at a time');
    answers[i]!();
  }
  const [a, b, bad, c] = await Promise.all(results);
  assert.deepEqual([a, b, c], ['ok', 'ok', 'ok']);
  assert.ok(isRetryable(bad));
  assert.equal(server.sockets.length, 2);
});

test('bytes after a long body are not the answer to the next request', async () => {
  const long = 'x'.repeat(3_000_000);
  const answer = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  await using server = await serveRaw((_, request) => {
    return request.includes('/long') ? answer(long) + answer('of nothing') : answer('right');
  });
  await using net = open({ maxPerHost: 1 });
  const both = ['/long', '/next'].map((path) => text(net, server.url + path, limits({ maxBytes: 4_000_000 })));
  assert.equal((await both[0]!).length, long.length);
  assert.equal(await both[1], 'right', 'it waited for the connection');
  assert.equal((await text(net, `${server.url}/long`, limits({ maxBytes: 4_000_000 }))).length, long.length);
  assert.equal(await text(net, `${server.url}/next`), 'right');
});

test('closing it ends its requests, and those that wait', async () => {
  await using server = await serveRaw(() => undefined);
  const net = open({ maxPerHost: 1 });
  const results = ['/a', '/b', '/c'].map((path) => net.fetch(server.url + path, limits()));
  const ends = results.map((result) => assert.rejects(result, (error) => isRetryable(error)));
  while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await net.close();
  await Promise.all(ends);
  await assert.rejects(net.fetch(server.url, limits()), (error) => isRetryable(error));
});

test('TLS: the certificate is checked by its name, and bodies of any length arrive', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-lean-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const pair = await makeCertificate(folder, 'cam', { hosts: 'DNS:cam.test' });
  const [cert, key] = await Promise.all([readFile(pair.cert, 'utf8'), readFile(pair.key, 'utf8')]);
  const body = 'x'.repeat(700_000);
  const tls = createTlsServer({ cert, key });
  await using server = await serveRaw((_, request) => {
    return request.includes('/long') ? `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}` : OK;
  }, tls);
  await using net = open({ resolve: async () => [{ address: '127.0.0.1', family: 4 }] });
  const { port } = new URL(server.url);
  const failure = { extra: { reason: 'tls', retryable: false } };
  await assert.rejects(text(net, `https://cam.test:${port}/`), failure, 'signed by itself');
  setDefaultCACertificates([cert]);
  await assert.rejects(text(net, `https://other.test:${port}/`), failure, 'another name');
  for (const path of ['/', '/long', '/long']) {
    assert.equal(await text(net, `https://cam.test:${port}${path}`), path === '/' ? 'ok' : body);
  }
  let received = 0;
  for await (const piece of (await net.fetch(`https://cam.test:${port}/long`, limits())).stream())
    received += piece.length;
  assert.equal(received, body.length);
  assert.equal(net.idleConnections, 1);
});
