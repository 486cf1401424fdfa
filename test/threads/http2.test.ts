/**
 * HTTP/2 through two threads: TLS ends in a serving thread, which tunnels the connection to the main thread
 * (docs/decisions/0014).
 * In: servers with fake dependencies and two serving threads. Out: failures.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { truncate, writeFile } from 'node:fs/promises';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { printMediaAddress } from '../../src/api/media-address.ts';
import { segmentLocation } from '../../src/archive/segment-store.ts';
import type { Reply } from '../../src/delivery/reply.ts';
import type { HttpDeps } from '../../src/http/deps.ts';
import { asAdmin, startTestServer, type TestServer, textReply } from '../../src/http/fixture.ts';
import { unsentLimits } from '../../src/serve/tls/http2-budget.ts';
import { type CertificatePair, makeCertificate } from '../fixtures/certificate.ts';
import { answerOf, bytesOf, openHttp2 } from '../fixtures/http2.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder } from '../fixtures/server.ts';

process.env.OXBOW_THREADS = '2';

const FILM_BYTES = 9_000_000;
const PART = '/live/cam/v0/8.1.m4s';
const RELOAD = '/live/cam/v0/g1.m3u8?_HLS_msn=8';

/** A request that delivery holds. */
interface Held {
  readonly signal: AbortSignal;
  readonly give: (reply: Reply) => void;
}

/** Clips are a file of the server's folder; every other request is held. */
function holding() {
  const held = new Map<string, Held>();
  let wake = () => {};
  const answer: HttpDeps['answer'] = (address, _, { signal }) => {
    const path = printMediaAddress(address);
    if (path === '/clip/text/1/2.mp4') return textReply('text');
    if (path.startsWith('/clip/')) {
      const reply = { contentType: 'video/mp4', cacheControl: 'no-store', length: FILM_BYTES };
      return { ...reply, body: [{ location: segmentLocation('film'), offset: 0, length: FILM_BYTES }] };
    }
    return new Promise((give) => {
      held.set(path, { signal, give });
      wake();
    });
  };
  const reach = async (path: string): Promise<Held> => {
    while (!held.has(path)) await new Promise<void>((resolve) => (wake = resolve));
    return held.get(path)!;
  };
  return { answer, reach };
}

/**
 * A session that takes no byte of its answers.
 * @param allowHalfOpen the socket stays open where the server ends its half
 */
async function openDeaf(server: TestServer, path: string, { allowHalfOpen = false } = {}) {
  const { hostname: host, port } = new URL(server.url);
  const where = { host, port: Number(port), allowHalfOpen, rejectUnauthorized: false, ALPNProtocols: ['h2'] };
  const socket = connectTls(where);
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const settings = { initialWindowSize: 0 };
  const session = connectHttp2(server.url, { createConnection: () => socket, settings });
  session.on('error', () => {});
  const stream = session.request({ ':path': path });
  stream.on('error', () => {});
  await once(stream, 'response');
  return { session, socket };
}

suite('HTTP/2 with two serving threads', { skip: need('openssl') }, () => {
  const { answer, reach } = holding();
  let folder: Folder;
  let pair: CertificatePair;
  let server: TestServer;
  before(async () => {
    folder = await openFolder('threads-http2');
    pair = await makeCertificate(folder.path, 'first');
    server = await startTestServer({ answer }, pair);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test('requests with and without a body are answered; a file that ends early is an error of its stream alone', async () => {
    await using client = await openHttp2(server.url);
    assert.equal(client.session.alpnProtocol, 'h2');
    assert.equal(String((await client.ask('/clip/text/1/2.mp4')).body), 'text');
    const head = await client.ask('/clip/text/1/2.mp4', { ':method': 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '4', 0]);
    const type = { 'content-type': 'application/json', ...asAdmin };
    const made = client.session.request({ ':path': '/api/v1/streams', ':method': 'POST', ...type });
    made.end(JSON.stringify({ name: 'fresh', source: { type: 'test' } }));
    assert.equal((await answerOf(made)).status, 201);
    const film = Buffer.alloc(FILM_BYTES, 'film');
    await writeFile(join(server.folder, 'film'), film);
    assert.ok((await client.ask('/clip/cam/1/2.mp4')).body.equals(film));
    await truncate(join(server.folder, 'film'), 400_000);
    await assert.rejects(client.ask('/clip/cam/1/2.mp4'), { code: 'ERR_HTTP2_STREAM_ERROR' });
    assert.equal((await client.ask('/version')).status, 200, 'the connection stays open');
  });

  test('a held request ends at once for the viewer who aborts it, and for no other on the connection', async () => {
    await using client = await openHttp2(server.url);
    const given = client.session.request({ ':path': RELOAD });
    const kept = client.ask(PART);
    const [first, second] = [await reach(RELOAD.split('?')[0]!), await reach(PART)];
    const aborted = once(first.signal, 'abort');
    given.close(constants.NGHTTP2_CANCEL);
    await aborted;
    assert.ok(!second.signal.aborted);
    second.give(textReply('part'));
    assert.equal(String((await kept).body), 'part');
  });

  test('a client that ends in the middle of an answer leaves no socket', async () => {
    await truncate(join(server.folder, 'film'), FILM_BYTES);
    for (const path of ['/api/v1/openapi.json', '/clip/cam/1/2.mp4']) {
      const { socket } = await openDeaf(server, path, { allowHalfOpen: true });
      const closed = once(socket, 'close');
      socket.end(); // this end stays open, so that the server's own end must come
      await closed;
    }
  });

  test('plain HTTP is redirected to https, or refused', async () => {
    const { port, host } = new URL(server.url);
    const say = async (text: string): Promise<string> => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(text);
      return String(await bytesOf(socket));
    };
    const redirect = await say(`GET /watch/cam?t=1 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.match(redirect, /^HTTP\/1\.1 308 .*\r\nLocation: https:\/\/127\.0\.0\.1:\d+\/watch\/cam\?t=1\r\n/);
    assert.match(await say('hello?\n'), /^HTTP\/1\.1 400 .*This port speaks HTTPS/s);
  });

  test('a client that reads nothing loses its session', async () => {
    const unsent = { ...unsentLimits, stallMs: 400, fullStallMs: 200, checkMs: 50 };
    await using quick = await startTestServer({}, pair, { unsent });
    const { session } = await openDeaf(quick, '/api/v1/openapi.json');
    if (!session.destroyed) await once(session, 'close');
    assert.match(await quick.deps.metrics.print(), /^oxbow_http2_sessions_cut_total\{reason="stalled"\} 1$/m);
  });

  test('at the end held requests are answered, GOAWAY is sent, and silent or deaf peers are not waited for', async () => {
    const own = holding();
    await using closing = await startTestServer({ answer: own.answer }, pair);
    await writeFile(join(closing.folder, 'film'), '');
    await truncate(join(closing.folder, 'film'), FILM_BYTES);
    await using client = await openHttp2(closing.url);
    await using idle = await openHttp2(closing.url);
    const deaf = await openDeaf(closing, '/clip/cam/1/2.mp4');
    const silent = connect(Number(new URL(closing.url).port), '127.0.0.1');
    silent.on('error', () => {});
    await once(silent, 'connect');
    const waiting = client.ask(PART);
    await own.reach(PART);
    const goodbyes = Promise.all([once(client.session, 'goaway'), once(idle.session, 'goaway')]);
    const closed = closing.close();
    const { status, headers } = await waiting;
    assert.deepEqual([status, headers['retry-after'], headers['cache-control']], [503, '5', 'no-store']);
    await goodbyes;
    await closed;
    silent.destroy();
    deaf.session.destroy();
  });
});
