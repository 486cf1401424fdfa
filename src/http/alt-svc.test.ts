/**
 * The field Alt-Svc of the setting `altSvc` (RFC 7838 3): on every answer, by each way that answers take.
 * Waits for wall time: requests are held on real sockets.
 * In: servers with fake dependencies. Out: failures.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type CertificatePair, makeCertificate } from '../../test/fixtures/certificate.ts';
import { openHttp2 } from '../../test/fixtures/http2.ts';
import { need } from '../../test/fixtures/need.ts';
import { type Folder, openFolder } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/wait.ts';
import { FakeLive } from '../serve/hot/live-lookup.fixture.ts';
import { RawClient } from '../serve/hot/raw-client.fixture.ts';
import { startTestServer, type TestServer, textReply } from './fixture.ts';

const altSvc = 'h3=":8443"; ma=60';
const SEGMENT = '/live/cam/v0/7.m4s';
const REPORT = '/live/cam/session?CMCD=sid%3D%22a%22%2Csta%3Dp';
const RELOAD = '/live/cam/v0/g1.m3u8?_HLS_msn=8';

/** Answers by the hot responder, by media, by the API, and refusals. */
const requests = [
  ['GET', SEGMENT],
  ['HEAD', SEGMENT],
  ['POST', REPORT],
  ['OPTIONS', SEGMENT],
  ['GET', '/version'],
  ['GET', '/api/v1/streams'],
  ['GET', '/nothing'],
  ['DELETE', '/api/v1/streams/nothing'],
] as const;

async function startLive(change: Parameters<typeof startTestServer>[0], certificate?: CertificatePair) {
  const live = new FakeLive();
  live.add(7, 'seven');
  const answer = () => textReply('slow', { etag: 'slow' });
  return { live, server: await startTestServer({ lookup: live, answer, ...change }, certificate) };
}

/** The field Alt-Svc of the answer over HTTP/1.1 to each request. */
async function askAll(server: TestServer, { host = 'x' } = {}): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for (const [method, path] of requests) {
    using client = new RawClient(server); // some refusals end the connection
    await client.send(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    found.push((await client.answer({ isHead: method === 'HEAD' })).headers.get('alt-svc'));
  }
  return found;
}

const everywhere = (value: string | undefined) => requests.map(() => value);

suite('the setting altSvc', { skip: need('openssl') }, () => {
  let folder: Folder;
  let certificate: CertificatePair;
  before(async () => {
    folder = await openFolder('alt-svc');
    certificate = await makeCertificate(folder.path, 'alt-svc');
  });
  after(() => folder[Symbol.asyncDispose]());

  test('without it no answer has Alt-Svc', async () => {
    const { server } = await startLive({});
    await using _ = server;
    assert.deepEqual(await askAll(server), everywhere(undefined));
  });

  test('over HTTP/1.1 every answer has it, also a held one, and one for another host', async () => {
    for (const pair of [undefined, certificate]) {
      const { live, server } = await startLive({ altSvc }, pair);
      await using _ = server;
      assert.deepEqual(await askAll(server), everywhere(altSvc));
      assert.deepEqual(await askAll(server, { host: 'elsewhere.example' }), everywhere(altSvc), '421');
      using client = new RawClient(server);
      await client.send(`GET ${RELOAD} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await until('it is held', () => live.waiting === 1);
      live.add(8, 'eight');
      assert.equal((await client.answer()).headers.get('alt-svc'), altSvc);
      await client.send(`GET ${RELOAD.replace('=8', '=9')} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await until('it is held', () => live.waiting === 1);
      live.fail();
      const { status, headers } = await client.answer();
      assert.deepEqual([status, headers.get('alt-svc')], [404, altSvc]);
    }
  });

  test('over HTTP/2 every answer has it', async () => {
    const { server } = await startLive({ altSvc }, certificate);
    await using _ = server;
    await using client = await openHttp2(server.url);
    for (const [method, path] of requests) {
      const { headers } = await client.ask(path, { ':method': method, ':authority': 'x' });
      assert.equal(headers['alt-svc'], altSvc, `${method} ${path}`);
    }
    const { status, headers } = await client.ask('/version', { ':authority': 'elsewhere.example' });
    assert.deepEqual([status, headers['alt-svc']], [421, altSvc]);
  });

  test('with two serving threads every answer has it', async (t) => {
    process.env.OXBOW_THREADS = '2';
    t.after(() => delete process.env.OXBOW_THREADS);
    const { server } = await startLive({ altSvc });
    await using _ = server;
    assert.deepEqual(await askAll(server), everywhere(altSvc));
  });
});
