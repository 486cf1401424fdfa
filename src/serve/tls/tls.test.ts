import assert from 'node:assert/strict';
import { once } from 'node:events';
import { truncate, writeFile } from 'node:fs/promises';
import { connect as connectHttp2, constants } from 'node:http2';
import { request } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { type CertificatePair, makeCertificate } from '../../../test/fixtures/certificate.ts';
import { answerOf, bytesOf, openHttp2 } from '../../../test/fixtures/http2.ts';
import { need } from '../../../test/fixtures/need.ts';
import { type Folder, openFolder } from '../../../test/fixtures/server.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { HttpDeps } from '../../http/deps.ts';
import { asAdmin, startTestServer, type TestServer, textReply } from '../../http/fixture.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

async function askHttp1(server: TestServer, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const asked = request(`${server.url}${path}`, { headers, agent: false, rejectUnauthorized: false });
  asked.end();
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, headers: response.headers, body: await bytesOf(response) };
}

/** Answers media requests only when the test resolves them; reports their arrival and abort. */
function holding() {
  const held: { readonly give: (reply: Reply) => void; readonly signal: AbortSignal }[] = [];
  const waiters: (() => void)[] = [];
  return {
    held,
    /** Resolves when `count` requests are held. */
    async reach(count: number): Promise<void> {
      while (held.length < count) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    deps: {
      answer: (_path, _query, { signal }) => {
        const { promise, resolve } = Promise.withResolvers<Reply>();
        held.push({ give: resolve, signal });
        for (const wake of waiters.splice(0)) wake();
        return promise;
      },
    } satisfies Partial<HttpDeps>,
  };
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz';

/** One certificate for all tests of a suite. */
function sharePair(): () => CertificatePair {
  let folder: Folder;
  let pair: CertificatePair;
  before(async () => {
    folder = await openFolder('tls');
    pair = await makeCertificate(folder.path, 'first');
  });
  after(() => folder[Symbol.asyncDispose]());
  return () => pair;
}

suite('HTTPS', { skip: need('openssl') }, () => {
  const pair = sharePair();

  test('one port speaks HTTP/1.1 and HTTP/2, with the same answers', async () => {
    const serving: Partial<HttpDeps> = { answer: () => textReply(alphabet, { etag: 'v1' }) };
    await using server = await startTestServer(serving, pair());
    assert.match(server.url, /^https:/);
    await using client = await openHttp2(server.url);
    assert.equal(client.session.alpnProtocol, 'h2');
    for (const [path, headers] of [
      ['/live/cam/index.m3u8?CMCD=bs', {}],
      ['/live/cam/v0/1.m4s', { range: 'bytes=2-4' }],
      ['/live/cam/v0/1.m4s', { range: 'bytes=99-' }],
      ['/live/cam/v0/1.m4s', { 'if-none-match': '"v1"' }],
      ['/version', {}],
      ['/api/v1/streams/unknown', {}],
      ['/nowhere', {}],
    ] as const) {
      const [old, fresh] = [await askHttp1(server, path, headers), await client.ask(path, headers)];
      const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, date: ____, ...rest } = old.headers;
      const { ':status': status, date: _____, ...same } = fresh.headers;
      assert.deepEqual([Number(status), same], [old.status, { ...rest }], path);
      const isProblem = rest['content-type']?.includes('problem'); // each has another id
      if (!isProblem) assert.deepEqual(fresh.body, old.body);
    }
  });

  test('HEAD, OPTIONS, other methods and bodies work over HTTP/2', async () => {
    await using server = await startTestServer({ answer: () => textReply(alphabet) }, pair());
    await using client = await openHttp2(server.url);
    const head = await client.ask('/live/cam/v0/1.m4s', { ':method': 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '26', 0]);
    const options = await client.ask('/live/cam/v0/1.m4s', { ':method': 'OPTIONS' });
    assert.deepEqual([options.status, options.headers['access-control-allow-methods']], [204, 'GET, HEAD, OPTIONS']);
    const post = client.session.request({ ':path': '/live/cam/v0/1.m4s', ':method': 'POST' });
    post.write('a body that the server does not read');
    assert.equal((await answerOf(post)).status, 405);
    post.destroy();
    const made = client.session.request({
      ':path': '/api/v1/streams',
      ':method': 'POST',
      'content-type': 'application/json',
      ...asAdmin,
    });
    made.end(JSON.stringify({ name: 'fresh', source: { type: 'test' } }));
    assert.equal((await answerOf(made)).status, 201);
    assert.deepEqual(server.calls, ['create("fresh", {"source":{"type":"test"}})']);
  });

  test('a file arrives complete over HTTP/2; one that ends early ends in an error', async () => {
    await using server = await startTestServer({}, pair());
    await using client = await openHttp2(server.url);
    const location = segmentLocation('chunk.mp4');
    const path = join(server.folder, location);
    const big = Buffer.alloc(9_000_000, alphabet);
    await writeFile(path, big);
    const reply = { contentType: 'video/mp4', cacheControl: 'no-store', length: big.length };
    Object.assign(server.deps, { answer: () => ({ ...reply, body: [{ location, offset: 0, length: big.length }] }) });
    assert.ok((await client.ask('/clip/cam/1/2.mp4')).body.equals(big));
    await truncate(path, 400_000);
    await assert.rejects(client.ask('/clip/cam/1/2.mp4'), { code: 'ERR_HTTP2_STREAM_ERROR' });
    assert.equal((await client.ask('/version')).status, 200, 'the connection stays open');
  });

  test('plain HTTP is redirected to https, or refused', async () => {
    await using server = await startTestServer({}, pair());
    const { port, host } = new URL(server.url);
    const say = async (text: string): Promise<string> => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(text);
      return String(await bytesOf(socket));
    };
    const redirect = await say(`GET /watch/cam?t=1 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.match(redirect, /^HTTP\/1\.1 308 .*\r\nLocation: https:\/\/127\.0\.0\.1:\d+\/watch\/cam\?t=1\r\n/);
    for (const text of [
      `POST /api/v1/streams HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
      'hello?\n',
    ]) {
      assert.match(await say(text), /^HTTP\/1\.1 400 .*This port speaks HTTPS/s);
    }
  });

  test('a handshake may arrive in small pieces; TLS older than 1.2 is refused', async () => {
    await using server = await startTestServer({}, pair());
    const port = Number(new URL(server.url).port);
    const sockets: Socket[] = [];
    // A proxy that forwards each byte separately.
    const slow = createServer((socket) => {
      const onward = connect({ port, host: '127.0.0.1', noDelay: true });
      sockets.push(socket, onward);
      for (const each of [socket, onward]) each.on('error', () => {});
      socket.on('data', (bytes) => {
        for (const byte of bytes as Buffer) onward.write(Buffer.of(byte));
      });
      onward.pipe(socket);
    });
    slow.listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const { port: slowPort } = slow.address() as { port: number };
    const whole = connectTls({ port: slowPort, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
    whole.write('GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(String(await bytesOf(whole)), /^HTTP\/1\.1 200/);
    for (const socket of sockets) socket.destroy();
    slow.close();
    for (const [version, works] of [
      ['TLSv1.1', false],
      ['TLSv1.2', true],
      ['TLSv1.3', true],
    ] as const) {
      const socket = connectTls({
        port,
        rejectUnauthorized: false,
        ciphers: 'DEFAULT@SECLEVEL=0',
        minVersion: version,
        maxVersion: version,
      });
      const outcome = await Promise.race([
        once(socket, 'secureConnect').then(() => true),
        once(socket, 'error').then(() => false),
      ]).catch(() => false);
      assert.equal(outcome, works, version);
      socket.destroy();
    }
  });

  test('a held reload ends at once for the viewer who aborts it, and for no other on the connection', async () => {
    const { held, reach, deps } = holding();
    await using server = await startTestServer(deps, pair());
    await using client = await openHttp2(server.url);
    const given = client.session.request({ ':path': '/live/cam/v0/g1.m3u8?_HLS_msn=8' });
    const kept = client.ask('/live/cam/v0/8.1.m4s');
    await reach(2);
    const aborted = once(held[0]!.signal, 'abort');
    given.close(constants.NGHTTP2_CANCEL);
    await aborted;
    assert.ok(!held[1]!.signal.aborted);
    held[1]!.give(textReply('part'));
    assert.equal(String((await kept).body), 'part');
    const printed = await server.deps.metrics.print();
    assert.match(printed, /^oxbow_held_requests 0$/m);
    assert.match(printed, /^oxbow_http_requests_total\{class="playlist",status="499"\} 1$/m);
    assert.match(printed, /^oxbow_bugs_total 0$/m);
  });

  test('a peer that opens a thousand streams at once gets 128, and others are served', async () => {
    const { held, reach, deps } = holding();
    await using server = await startTestServer(deps, pair());
    const rude = connectHttp2(server.url, { rejectUnauthorized: false, peerMaxConcurrentStreams: 1000 });
    rude.on('error', () => {});
    // Before the peer has read the server's settings, nothing limits it.
    for (let i = 0; i < 1000; i++) rude.request({ ':path': '/live/cam/v0/8.1.m4s' }).on('error', () => {});
    await reach(128);
    assert.equal((await askHttp1(server, '/version')).status, 200);
    assert.equal(held.length, 128);
    rude.destroy();
  });

  test('a burst of streams that are opened and reset ends the connection (CVE-2023-44487)', async () => {
    const { held, reach, deps } = holding();
    await using server = await startTestServer(deps, pair());
    await using client = await openHttp2(server.url);
    const { session } = client;
    for (let opened = 1; opened <= 3000 && !session.closed; opened++) {
      const stream = session.request({ ':path': '/live/cam/v0/8.1.m4s' });
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      if (opened % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await reach(500);
    await server.close();
    assert.ok(held.length < 1500, `${held.length} of 3000 were looked at`);
    assert.ok(held.every(({ signal }) => signal.aborted));
  });
});

suite('closing HTTPS', { skip: need('openssl') }, () => {
  const pair = sharePair();

  test('answers held requests, sends GOAWAY, and does not wait for silent peers', async () => {
    const { reach, deps } = holding();
    await using server = await startTestServer(deps, pair());
    await using client = await openHttp2(server.url);
    await using idle = await openHttp2(server.url);
    const silent = connect(Number(new URL(server.url).port), '127.0.0.1');
    silent.on('error', () => {});
    await once(silent, 'connect');
    const waiting = client.ask('/live/cam/v0/8.1.m4s');
    await reach(1);
    const goodbyes = Promise.all([once(client.session, 'goaway'), once(idle.session, 'goaway')]);
    const closed = server.close();
    const { status, headers } = await waiting;
    assert.deepEqual([status, headers['retry-after'], headers['cache-control']], [503, '5', 'no-store']);
    await goodbyes;
    await closed;
    silent.destroy();
  });

  test('a download is finished; one that the client does not read is cut off', async () => {
    const { promise: inside, resolve: onInside } = Promise.withResolvers<void>();
    const { promise: goOn, resolve: release } = Promise.withResolvers<void>();
    const tail = async () => {
      onInside();
      await goOn;
      return Buffer.from('tail');
    };
    const reply = { contentType: 'video/mp4', cacheControl: 'no-store' };
    const slow: Reply = { ...reply, length: 8, body: [Buffer.from('head'), { length: 4, read: tail }] };
    const large: Reply = { ...reply, length: 50_000_000, body: [Buffer.alloc(50_000_000)] };
    const server = await startTestServer({ answer: ({ stream }) => (stream === 'slow' ? slow : large) }, pair());
    await using client = await openHttp2(server.url);
    const body = client.ask('/clip/slow/1/2.mp4');
    const untaken = client.session.request({ ':path': '/clip/large/1/2.mp4' });
    untaken.on('error', () => {});
    await once(untaken, 'response');
    untaken.pause();
    await inside;
    const closed = server.close();
    release();
    assert.equal(String((await body).body), 'headtail');
    await closed;
    await server[Symbol.asyncDispose]();
  });
});
