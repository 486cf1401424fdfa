/** Waits for wall time: kernel buffers of real sockets are filled and drained. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { type CertificatePair, makeCertificate } from '../../../test/fixtures/certificate.ts';
import { openHttp2 } from '../../../test/fixtures/http2.ts';
import { need } from '../../../test/fixtures/need.ts';
import { type Folder, openFolder } from '../../../test/fixtures/server.ts';
import { until } from '../../../test/fixtures/wait.ts';
import type { Reply } from '../../delivery/reply.ts';
import { startTestServer, type TestServer } from '../../http/fixture.ts';
import { sendRequest } from '../../http/request.fixture.ts';
import { OxbowError } from '../../lib/errors.ts';

const PATH = '/live/cam/v0/7.m4s';

/** A reply that grows when the test says so. */
function openGrowth() {
  let next = Promise.withResolvers<Uint8Array | undefined>();
  const seen: { signal?: AbortSignal } = {};
  async function* grow({ signal }: { signal: AbortSignal }): AsyncGenerator<Uint8Array> {
    seen.signal = signal;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    while (true) {
      const bytes = await Promise.race([next.promise, aborted]);
      next = Promise.withResolvers();
      if (!bytes) return;
      yield bytes;
    }
  }
  const reply: Reply = { contentType: 'video/iso.segment', cacheControl: 'no-store', length: 0, body: [], grows: grow };
  return {
    seen,
    deps: { answer: () => reply },
    add: (text: string) => next.resolve(Buffer.from(text)),
    end: () => next.resolve(undefined),
    fail: () => next.reject(new OxbowError('gone', 'the source ended')),
  };
}

/** Opens the reply with its first piece, which takes the head with it. */
async function open(server: TestServer, growth: ReturnType<typeof openGrowth>): Promise<IncomingMessage> {
  growth.add('first');
  const asked = request(`${server.url}${PATH}`, { headers: { range: 'bytes=0-3' } });
  asked.on('error', () => {});
  asked.end();
  return (await once(asked, 'response'))[0] as IncomingMessage;
}

const textOf = async (chunk: Promise<unknown[]>) => String((await chunk)[0]);
const metric = async (server: TestServer, line: RegExp) => line.test(await server.deps.metrics.print());

suite('a reply that grows', () => {
  let folder: Folder;
  let pair: CertificatePair;
  before(async () => {
    folder = await openFolder('growing');
    if (!need('openssl')) pair = await makeCertificate(folder.path, 'first');
  });
  after(() => folder[Symbol.asyncDispose]());

  test('is sent piece by piece, without a length and as a whole, and counts as waiting meanwhile', async () => {
    const growth = openGrowth();
    await using server = await startTestServer(growth.deps);
    const response = await open(server, growth);
    assert.equal(response.statusCode, 200);
    assert.deepEqual(
      [response.headers['content-length'], response.headers['transfer-encoding'], response.headers['cache-control']],
      [undefined, 'chunked', 'no-store'],
    );
    assert.equal(await textOf(once(response, 'data')), 'first');
    assert.ok(await metric(server, /^oxbow_held_requests 1$/m));
    growth.add('second');
    assert.equal(await textOf(once(response, 'data')), 'second');
    growth.end();
    await once(response, 'end');
    await until('it no longer waits', () => metric(server, /^oxbow_held_requests 0$/m));
    assert.ok(await metric(server, /^oxbow_served_bytes_total\{class="segment"\} 11$/m));
  });

  test('over HTTP/2 too', { skip: need('openssl') }, async () => {
    const growth = openGrowth();
    await using server = await startTestServer(growth.deps, pair);
    await using client = await openHttp2(server.url);
    const stream = client.session.request({ ':path': PATH });
    const [head] = await once(stream, 'response');
    assert.equal(head[':status'], 200);
    growth.add('first');
    assert.equal(await textOf(once(stream, 'data')), 'first');
    growth.end();
    await once(stream, 'end');
  });

  test('that cannot be completed is cut, not ended', async () => {
    const growth = openGrowth();
    await using server = await startTestServer(growth.deps);
    const response = await open(server, growth);
    await once(response, 'data');
    growth.fail();
    const [error] = await once(response, 'error');
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
    assert.ok(await metric(server, /^oxbow_bugs_total 0$/m));
  });

  test('ends where its client leaves', async () => {
    const growth = openGrowth();
    await using server = await startTestServer(growth.deps);
    const response = await open(server, growth);
    response.on('error', () => {});
    response.destroy();
    await until('its signal aborts', async () => growth.seen.signal?.aborted);
    await until('it no longer waits', () => metric(server, /^oxbow_held_requests 0$/m));
    assert.ok(await metric(server, /^oxbow_bugs_total 0$/m));
  });

  test('has a head for HEAD', async () => {
    await using server = await startTestServer(openGrowth().deps);
    const { status, headers, body } = await sendRequest(server, PATH, { method: 'HEAD' });
    assert.deepEqual([status, headers['content-length'], body.length], [200, undefined, 0]);
  });
});
