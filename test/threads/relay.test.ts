/**
 * What a serving thread forwards to the main thread arrives as from one thread: each kind of request and of
 * answer, over TCP and over TLS, which ends in the serving thread (docs/decisions/0014).
 * In: a server with fake dependencies and two serving threads. Out: failures.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { truncate, writeFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { gunzipSync, gzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { printMediaAddress } from '../../src/api/media-address.ts';
import { segmentLocation } from '../../src/archive/segment-store.ts';
import type { Reply } from '../../src/delivery/reply.ts';
import type { HttpDeps } from '../../src/http/deps.ts';
import { asAdmin, startTestServer, type TestServer, textReply, token } from '../../src/http/fixture.ts';
import { OxbowError } from '../../src/lib/errors.ts';
import { RawClient } from '../../src/serve/hot/raw-client.fixture.ts';
import { type CertificatePair, makeCertificate } from '../fixtures/certificate.ts';
import { bytesOf } from '../fixtures/http2.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

process.env.OXBOW_THREADS = '2';

const SEGMENT = '/live/cam/v0/7.m4s';
const PART = '/live/cam/v0/8.1.m4s';
const alphabet = 'abcdefghijklmnopqrstuvwxyz';
const FOREIGN = { origin: 'https://evil.example' };
/** More than all buffers of a connection and of the one behind it. */
const ENDLESS = 256 * 1024 * 1024;

/** A head as players send it. */
function get(path: string, ...fields: string[]): string {
  return `GET ${path} HTTP/1.1\r\n${['Host: x', ...fields].join('\r\n')}\r\n\r\n`;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string | number>;
  readonly body?: string;
}

/** Sends a request on its own connection; resolves with the head of its answer. */
async function begin(server: TestServer, path: string, { method, headers, body }: Asked = {}) {
  const request = server.url.startsWith('https') ? requestHttps : requestHttp;
  const options = { method, headers, agent: false as const, rejectUnauthorized: false };
  const sent = request(server.url + path, options);
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { sent, response };
}

async function ask(server: TestServer, path: string, asked: Asked = {}): Promise<Answer> {
  const { response } = await begin(server, path, asked);
  return { status: response.statusCode!, headers: response.headers, body: await bytesOf(response) };
}

function fileReply(location: string, length: number): Reply {
  return {
    contentType: 'video/mp4',
    cacheControl: 'no-store',
    length,
    body: [{ location: segmentLocation(location), offset: 0, length }],
  };
}

/** All that passes two threads, over one transport. */
function cases(pair: () => CertificatePair | undefined): void {
  /** Answers by the name of the stream of a clip. */
  const clips = new Map<string, () => Reply | Promise<Reply>>();
  const change: Partial<HttpDeps> = {
    async answer(address, _, { signal }) {
      const path = printMediaAddress(address);
      if (path === SEGMENT) return textReply('seven');
      if (path.startsWith('/clip/')) return clips.get(path.split('/')[2]!)!();
      signal.addEventListener('abort', onAborted);
      onHeld();
      return held;
    },
  };
  let held: Promise<Reply>;
  let onHeld: () => void;
  let onAborted: () => void;
  let server: TestServer;
  before(async () => {
    server = await startTestServer(change, pair());
  });
  after(() => server?.[Symbol.asyncDispose]());

  test('whole answers, HEAD, ranges, 304, compressed ones and refusals', async () => {
    const reply = textReply(alphabet, { etag: 'v1', filename: 'Tür.mp4', gzip: () => gzipSync(alphabet) });
    clips.set('text', () => reply);
    const path = '/clip/text/1/2.mp4';
    const whole = await ask(server, path);
    assert.deepEqual([whole.status, String(whole.body), whole.headers.etag], [200, alphabet, '"v1"']);
    assert.deepEqual([whole.headers['content-length'], whole.headers['cache-control']], ['26', 'public, max-age=1']);
    assert.match(whole.headers['content-disposition']!, /filename\*=UTF-8''T%C3%BCr\.mp4/);
    assert.equal(whole.headers['access-control-allow-origin'], '*');
    const head = await ask(server, path, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '26', 0]);
    const part = await ask(server, path, { headers: { range: 'bytes=23-' } });
    assert.deepEqual([part.status, String(part.body), part.headers['content-range']], [206, 'xyz', 'bytes 23-25/26']);
    const beyond = await ask(server, path, { headers: { range: 'bytes=26-' } });
    assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */26']);
    const same = await ask(server, path, { headers: { 'if-none-match': '"v1"' } });
    assert.deepEqual([same.status, same.headers.etag, same.body.length], [304, '"v1"', 0]);
    const zipped = await ask(server, path, { headers: { 'accept-encoding': 'gzip' } });
    assert.deepEqual([zipped.headers['content-encoding'], zipped.headers.etag], ['gzip', '"v1-gz"']);
    assert.equal(String(gunzipSync(zipped.body)), alphabet);
    clips.set('none', () => {
      throw new OxbowError('stream-offline', 'it is offline', { extra: { retryAfterSeconds: 2 } });
    });
    const refused = await ask(server, '/clip/none/1/2.mp4');
    assert.deepEqual([refused.status, refused.headers['retry-after']], [404, '2']);
    assert.deepEqual(
      [refused.headers['content-type'], JSON.parse(String(refused.body)).code],
      ['application/problem+json', 'stream-offline'],
    );
    const preflight = await ask(server, path, { method: 'OPTIONS' });
    assert.deepEqual(
      [preflight.status, preflight.headers['access-control-allow-methods']],
      [204, 'GET, HEAD, OPTIONS'],
    );
    const posted = await ask(server, path, { method: 'POST', headers: { 'content-length': 1e9 } });
    assert.deepEqual(
      [posted.status, posted.headers.allow, posted.headers.connection],
      [405, 'GET, HEAD, OPTIONS', 'close'],
    );
  });

  test('files arrive complete; one that ends early is cut off, so that no client takes it for complete', async () => {
    const bytes = Buffer.alloc(5_000_000, alphabet);
    await writeFile(join(server.folder, 'whole.mp4'), bytes);
    clips.set('whole', () => fileReply('whole.mp4', bytes.length));
    assert.ok((await ask(server, '/clip/whole/1/2.mp4')).body.equals(bytes));
    await writeFile(join(server.folder, 'short.mp4'), '');
    await truncate(join(server.folder, 'short.mp4'), 300_000);
    clips.set('short', () => fileReply('short.mp4', 9_000_000));
    await assert.rejects(ask(server, '/clip/short/1/2.mp4'), { code: 'ECONNRESET' });
  });

  test('requests that are sent at once are answered in their order; then a body that comes late, then more', async () => {
    using client = new RawClient(server);
    await client.send(get(SEGMENT) + get('/version') + get(SEGMENT, 'Range: bytes=0-1') + get('/api/v1/time'));
    const [first, version, range, time] = [
      ...[await client.answer(), await client.answer()],
      ...[await client.answer(), await client.answer()],
    ];
    assert.deepEqual([first!.body, range!.status, range!.body], ['seven', 206, 'se']);
    assert.deepEqual([version!.status, time!.status], [200, 200]);
    assert.match(version!.body, /"version"/);
    const body = '{"name":"door","source":{"type":"test"}}';
    const fields = [`Authorization: ${asAdmin.authorization}`, 'Content-Type: application/json'];
    const post = get('/api/v1/streams', ...fields, `Content-Length: ${body.length}`).replace('GET', 'POST');
    await client.send(post + body.slice(0, 5));
    await client.send(body.slice(5) + get(SEGMENT));
    assert.equal((await client.answer()).status, 201);
    assert.equal((await client.answer()).body, 'seven');
    await client.send(get('/version', 'Connection: close'));
    assert.equal((await client.answer()).headers.get('connection'), 'close');
    await client.ended();
  });

  test('malformed requests get 400; HTTP/1.0 and the absolute form are answered', async () => {
    for (const text of [
      get(SEGMENT, 'Content-Length: 5', 'Transfer-Encoding: chunked'),
      `GET ${SEGMENT} HTTP/1.1\r\nUser-Agent: x\r\n\r\n`,
      `GET ${SEGMENT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n`,
    ]) {
      using client = new RawClient(server);
      await client.send(text);
      assert.equal((await client.answer()).status, 400, text);
    }
    for (const text of [`GET ${SEGMENT} HTTP/1.0\r\nHost: x\r\n\r\n`, get(`${server.url}${SEGMENT}`)]) {
      using client = new RawClient(server);
      await client.send(text);
      const { status, body } = await client.answer();
      assert.deepEqual([status, body], [200, 'seven'], text);
    }
  });

  test('a held request is counted and answered; one whose client disconnects is aborted in delivery', async () => {
    const hold = () => {
      const [reply, reached, aborted] = [
        Promise.withResolvers<Reply>(),
        ...[Promise.withResolvers<void>(), Promise.withResolvers<void>()],
      ] as const;
      held = reply.promise;
      [onHeld, onAborted] = [reached.resolve, aborted.resolve];
      return { answer: reply.resolve, reached: reached.promise, aborted: aborted.promise };
    };
    const first = hold();
    using client = new RawClient(server);
    await client.send(get(PART));
    await first.reached;
    assert.match(await server.deps.metrics.print(), /^oxbow_held_requests 1$/m);
    first.answer(textReply('eight'));
    assert.equal((await client.answer()).body, 'eight');
    const second = hold();
    using leaving = new RawClient(server);
    await leaving.send(get(PART));
    await second.reached;
    leaving[Symbol.dispose]();
    await second.aborted;
    second.answer(textReply('eight'));
    await until('none is held', async () => /^oxbow_held_requests 0$/m.test(await server.deps.metrics.print()));
  });

  test('for a client that reads nothing, the main thread does not read the whole file', async () => {
    let read = 0;
    const reply = fileReply('none', ENDLESS);
    clips.set('endless', () => ({
      ...reply,
      body: Array.from({ length: ENDLESS / 65_536 }, () => ({
        length: 65_536,
        async read() {
          read += 65_536;
          return Buffer.alloc(65_536);
        },
      })),
    }));
    const { hostname: host, port } = new URL(server.url);
    const where = { host, port: Number(port), rejectUnauthorized: false };
    const socket = server.url.startsWith('https') ? connectTls(where) : connect(where);
    socket.on('error', () => {});
    socket.pause();
    socket.write(get('/clip/endless/1/2.mp4'));
    let last = -1;
    await until(
      'it reads no more',
      () => {
        const isStill = read > 1_000_000 && read === last;
        last = read;
        return isStill;
      },
      { everyMs: 300 },
    );
    assert.ok(read < ENDLESS / 2, `${read} bytes`);
    socket.destroy();
  });

  test('a client that ends in the middle of an answer leaves no socket, with a head in one piece or in two', async () => {
    const { hostname: host, port } = new URL(server.url);
    const where = { host, port: Number(port), allowHalfOpen: true, rejectUnauthorized: false };
    await truncate(join(server.folder, 'short.mp4'), 64 * 1024 * 1024);
    clips.set('long', () => fileReply('short.mp4', 64 * 1024 * 1024));
    const head = get('/clip/long/1/2.mp4');
    for (const pieces of [[head], [head.slice(0, 30), head.slice(30)]]) {
      const socket = server.url.startsWith('https') ? connectTls(where) : connect(where);
      socket.on('error', () => {});
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await once(socket, 'readable');
      const closed = once(socket, 'close');
      socket.end(); // this end stays open, so that the server's own end must come
      socket.resume(); // what was sent before the server noticed
      await closed;
    }
  });

  test('events come over a WebSocket, and over a response that does not end', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/events`, { rejectUnauthorized: false });
    const [message] = (await once(socket, 'message')) as [Buffer];
    assert.equal(JSON.parse(String(message)).type, 'events.ready');
    socket.terminate();
    const { sent, response } = await begin(server, '/api/v1/events');
    response.on('error', () => {}); // it is cut off below
    let text = '';
    for await (const piece of response) {
      text += piece;
      if (text.includes('events.ready')) break;
    }
    assert.match(text, /^data: .*events\.ready/m);
    sent.destroy();
  });

  test('a cookie that is set on HTTPS is secure; the host and the page of a request are checked', async () => {
    const headers = { 'content-type': 'application/json' };
    const signed = await ask(server, '/api/v1/sessions', { method: 'POST', headers, body: JSON.stringify({ token }) });
    assert.equal(signed.status, 201);
    assert.equal(/; Secure/i.test(signed.headers['set-cookie']![0]!), server.url.startsWith('https'));
    for (const path of ['/version', SEGMENT, '/clip/text/1/2.mp4']) {
      assert.equal((await ask(server, path, { headers: { host: 'evil.example' } })).status, 421, path);
    }
    for (const path of [SEGMENT, '/clip/unlisted/1/2.mp4', '/api/v1/streams/unlisted']) {
      clips.set('unlisted', () => textReply('media'));
      const foreign = await ask(server, path, { headers: FOREIGN });
      assert.deepEqual([foreign.status, foreign.headers['access-control-allow-origin']], [200, undefined], path);
    }
    assert.equal((await ask(server, '/metrics')).status, 200, 'this computer is an operator');
    assert.equal((await ask(server, '/metrics', { headers: { 'x-forwarded-for': '192.0.2.1' } })).status, 401);
  });
}

suite('two serving threads forward over TCP', () => cases(() => undefined));

suite('two serving threads forward over TLS', { skip: need('openssl') }, () => {
  let folder: Folder;
  let pair: CertificatePair;
  before(async () => {
    folder = await openFolder('relay');
    pair = await makeCertificate(folder.path, 'first');
  });
  after(() => folder?.[Symbol.asyncDispose]());
  cases(() => pair);
});

suite('two serving threads that close', () => {
  test('finish an answer in progress, refuse a held request, and end idle and half-sent connections', async () => {
    const { promise: inside, resolve: onInside } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const read = async () => {
      onInside();
      await released;
      return Buffer.from('tail');
    };
    const body = [Buffer.from('head'), { length: 4, read }];
    const reply = { contentType: 'video/mp4', cacheControl: 'no-store', length: 8, body };
    const answer: HttpDeps['answer'] = (address) =>
      printMediaAddress(address) === PART ? new Promise<Reply>(() => {}) : reply;
    await using server = await startTestServer({ answer });
    const agent = new Agent({ keepAlive: true });
    const idle = requestHttp(`${server.url}/version`, { agent }).end();
    const [response] = (await once(idle, 'response')) as [IncomingMessage];
    await bytesOf(response);
    using half = new RawClient(server);
    await half.send(get('/version'));
    assert.equal((await half.answer()).status, 200);
    await half.send('GET /version HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    using held = new RawClient(server);
    await held.send(get(PART));
    await until('it is held', async () => /^oxbow_held_requests 1$/m.test(await server.deps.metrics.print()));
    const whole = ask(server, '/clip/cam/1/2.mp4');
    await inside;
    const closed = server.close();
    const refused = await held.answer();
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5']);
    release();
    assert.equal(String((await whole).body), 'headtail');
    await Promise.all([closed, server.close(), half.ended()]);
    await assert.rejects(ask(server, '/version'));
    agent.destroy();
  });

  test('abort a head or body that never ends', async () => {
    const http1 = { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 };
    await using server = await startTestServer({}, undefined, { http1 });
    for (const begun of [
      'GET / HTTP/1.1\r\nHost: a\r\nX-Half',
      '\r\n\r\n',
      'POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
      'POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{',
    ]) {
      using client = new RawClient(server);
      await client.send(begun);
      await client.ended();
    }
  });
});
