/** Waits for wall time: kernel buffers of real sockets are filled and drained. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { type CertificatePair, makeCertificate } from '../../../test/fixtures/certificate.ts';
import { bytesOf } from '../../../test/fixtures/http2.ts';
import { need } from '../../../test/fixtures/need.ts';
import { type Folder, openFolder } from '../../../test/fixtures/server.ts';
import { settlePromises } from '../../../test/fixtures/virtual-time.ts';
import { until } from '../../../test/fixtures/wait.ts';
import type { HttpDeps } from '../../http/deps.ts';
import { asAdmin, startTestServer, type TestServer, textReply } from '../../http/fixture.ts';
import { FakeLive } from './live-lookup.fixture.ts';
import { RawClient } from './raw-client.fixture.ts';

const SEGMENT = '/live/cam/v0/7.m4s';
const LIST = '/live/cam/v0/g1.m3u8';

/** A head as players send it. */
function get(path: string, ...fields: string[]): string {
  return `GET ${path} HTTP/1.1\r\n${['Host: x', 'User-Agent: test', ...fields].join('\r\n')}\r\n\r\n`;
}

/** Everything that a connection must survive, over plain TCP or TLS. */
function cases(start: (change?: Partial<HttpDeps>) => Promise<TestServer>): void {
  /** A server with the segment 7, whose text is `seven`, and a client of it. */
  async function stage() {
    const live = new FakeLive();
    live.add(7, 'seven');
    // The slow path answers `slow`.
    const server = await start({ lookup: live, answer: () => textReply('slow', { etag: 'slow' }) });
    return { live, server, client: new RawClient(server), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }

  test('ready responses are sent at once, repeatedly on one connection', async () => {
    await using each = await stage();
    using client = each.client;
    for (let i = 0; i < 3; i++) {
      await client.send(get(SEGMENT));
      const { status, headers, body } = await client.answer();
      assert.deepEqual([status, body], [200, 'seven']);
      assert.equal(headers.get('connection'), 'keep-alive');
      assert.match(headers.get('date')!, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
      assert.equal(headers.get('access-control-allow-origin'), '*');
    }
    assert.equal(each.live.looks, 1);
  });

  test('the fast path and node:http send the same header fields', async () => {
    await using each = await stage();
    using client = each.client;
    await client.send(get(SEGMENT));
    const ready = await client.answer();
    await client.send(`HEAD ${SEGMENT} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const other = await client.answer({ isHead: true });
    const names = (answer: typeof ready) => [...answer.headers.keys()].filter((name) => name !== 'keep-alive').sort();
    assert.deepEqual(names(other), names(ready));
    assert.equal(other.body, '');
  });

  test('a head in two pieces, or byte by byte', async () => {
    await using each = await stage();
    for (const size of [20, 1]) {
      using client = new RawClient(each.server);
      const text = get(SEGMENT);
      for (let at = 0; at < text.length; at += size) await client.send(text.slice(at, at + size));
      assert.equal((await client.answer()).status, 200);
      // The connection has moved to node:http and continues.
      await client.send(get(SEGMENT));
      assert.equal((await client.answer()).status, 200);
    }
    each.client[Symbol.dispose]();
  });

  test('three at once are answered in their order', async () => {
    await using each = await stage();
    using client = each.client;
    await client.send(get(SEGMENT) + get('/version') + get(SEGMENT));
    const answers = [await client.answer(), await client.answer(), await client.answer()];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200],
    );
    assert.match(answers[1]!.body, /"version"/);
  });

  test('media, a page of the API, and media again on one connection that stays', async () => {
    await using each = await stage();
    using client = each.client;
    for (const path of [SEGMENT, '/version', SEGMENT, '/api/v1/time', '/live/cam/v0/init-1.mp4', SEGMENT]) {
      await client.send(get(path));
      const { status, body } = await client.answer();
      assert.equal(status, 200, path);
      if (path === SEGMENT) assert.equal(body, 'seven');
    }
    assert.equal(each.live.looks, 1);
  });

  test('after a ready response, a POST whose body comes late, then a GET', async () => {
    await using each = await stage();
    using client = each.client;
    await client.send(get(SEGMENT));
    assert.equal((await client.answer()).body, 'seven');
    const body = '{"name":"door","source":{"type":"test"}}';
    const head = [
      'POST /api/v1/streams HTTP/1.1',
      'Host: x',
      `Authorization: ${asAdmin.authorization}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    ];
    await client.send(`${head.join('\r\n')}\r\n\r\n${body.slice(0, 5)}`);
    await client.send(body.slice(5));
    assert.equal((await client.answer()).status, 201);
    await client.send(get(SEGMENT));
    assert.equal((await client.answer()).status, 200);
  });

  test('a malformed request gets 400, as from node:http', async () => {
    await using each = await stage();
    each.client[Symbol.dispose]();
    for (const [what, text] of [
      ['both lengths', get(SEGMENT, 'Content-Length: 5', 'Transfer-Encoding: chunked')],
      ['no Host', `GET ${SEGMENT} HTTP/1.1\r\nUser-Agent: x\r\n\r\n`],
      ['bare line feeds', `GET ${SEGMENT} HTTP/1.1\nHost: x\n\n`],
      ['a folded line', `GET ${SEGMENT} HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n 5\r\n\r\nhello`],
      ['a space before the colon', `GET ${SEGMENT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n`],
      ['a control character', `GET ${SEGMENT} HTTP/1.1\r\nHost: x\r\nX: a\u0001b\r\n\r\n`],
    ] as const) {
      using client = new RawClient(each.server);
      await client.send(text);
      const { status } = await client.answer();
      assert.equal(status, 400, what);
    }
  });

  test('two Hosts are left to node:http, and so are HTTP/1.0 and the absolute form', async () => {
    await using each = await stage();
    each.client[Symbol.dispose]();
    for (const text of [
      get(SEGMENT, 'Host: y'),
      `GET ${SEGMENT} HTTP/1.0\r\nHost: x\r\n\r\n`,
      `GET http://x${SEGMENT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    ]) {
      using client = new RawClient(each.server);
      await client.send(text);
      assert.ok([200, 400].includes((await client.answer()).status));
      assert.equal(each.live.looks, 0);
    }
  });

  test('Connection: close closes', async () => {
    await using each = await stage();
    using client = each.client;
    await client.send(get(SEGMENT, 'Connection: close'));
    const { headers } = await client.answer();
    assert.equal(headers.get('connection'), 'close');
    assert.equal(await client.ended(), '');
  });

  test('a range, a validator and OPTIONS are answered on the same connection', async () => {
    await using each = await stage();
    using client = each.client;
    await client.send(get(SEGMENT, 'Range: bytes=1-2'));
    assert.deepEqual([(await client.answer()).status, each.live.looks], [206, 0]);
    await client.send(get(SEGMENT, 'If-None-Match: "slow"'));
    assert.equal((await client.answer()).status, 304);
    await client.send(`OPTIONS ${SEGMENT} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.equal((await client.answer()).status, 204);
    await client.send(get(SEGMENT));
    assert.equal((await client.answer()).body, 'seven');
  });

  test('an agent that mixes all kinds of requests gets all responses', async () => {
    await using each = await stage();
    each.client[Symbol.dispose]();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    if (each.server.url.startsWith('https:')) return; // the same code, and another agent
    for (const [method, path, expected] of [
      ['GET', SEGMENT, 200],
      ['HEAD', SEGMENT, 200],
      ['POST', SEGMENT, 405],
      ['GET', '/nothing', 404],
      ['GET', SEGMENT, 200],
      ['DELETE', '/api/v1/streams/nothing', 401],
      ['GET', LIST, 200],
    ] as const) {
      const asked = request(`${each.server.url}${path}`, { method, agent });
      asked.end();
      const [response] = await once(asked, 'response');
      await bytesOf(response);
      assert.equal(response.statusCode, expected, `${method} ${path}`);
    }
    agent.destroy();
  });

  test('a playlist is current after each change of the window', async () => {
    await using each = await stage();
    using client = each.client;
    for (const text of ['list 1', 'list 2', 'list 3']) {
      if (text !== 'list 1') each.live.change(text);
      for (const path of [LIST, `${LIST}?CMCD=sid%3D%22a%22`]) {
        await client.send(get(path));
        assert.equal((await client.answer()).body, text);
      }
    }
  });

  test('a player with CMCD headers is answered at once, counted and known', async () => {
    await using each = await stage();
    using client = each.client;
    await client.send(get(SEGMENT, 'CMCD-Session: sid="one",sf=h', 'CMCD-Status: bs'));
    assert.equal((await client.answer()).body, 'seven');
    await client.send(get(SEGMENT, 'CMCD-Session: sid="two",sf=h'));
    assert.equal((await client.answer()).body, 'seven');
    assert.equal(each.server.deps.viewers.of('cam'), 2);
    const printed = await each.server.deps.metrics.print();
    assert.match(printed, /^oxbow_cmcd_requests_total\{class="segment"\} 2$/m);
    assert.match(printed, /^oxbow_buffer_starvations_total 1$/m);
  });

  test('a recorded segment of the segment cache is ready, and is not cached here', async () => {
    await using each = await stage();
    using client = each.client;
    const ask = async () => {
      await client.send(get('/live/cam/v0/3.m4s'));
      return (await client.answer()).body;
    };
    assert.equal(await ask(), 'slow');
    each.live.known.set(3, 'three');
    assert.equal(await ask(), 'three');
    each.live.known.delete(3); // retention took it
    assert.equal(await ask(), 'slow');
  });

  test('only clients that accept gzip get it', async () => {
    await using each = await stage();
    using client = each.client;
    each.live.change('plain', { gzip: () => Buffer.from('zipped') });
    await client.send(get(LIST, 'Accept-Encoding: gzip, br'));
    const zipped = await client.answer();
    assert.deepEqual([zipped.body, zipped.headers.get('content-encoding')], ['zipped', 'gzip']);
    await client.send(get(LIST));
    const plain = await client.answer();
    assert.deepEqual([plain.body, plain.headers.get('content-encoding')], ['plain', undefined]);
    for (const { headers } of [zipped, plain]) assert.equal(headers.get('vary'), 'Accept-Encoding, Origin');
  });

  test('a pending reply goes to all waiting clients, whatever they send meanwhile', async () => {
    await using each = await stage();
    using client = each.client;
    using other = new RawClient(each.server);
    await client.send(get('/live/cam/v0/8.0.m4s'));
    await until('it waits', () => each.live.waiting === 1);
    await client.send(get(SEGMENT));
    await other.send(get('/live/cam/v0/8.0.m4s', 'Accept-Encoding: gzip'));
    await until('they wait', async () => /^oxbow_held_requests 2$/m.test(await each.server.deps.metrics.print()));
    assert.equal(each.live.waiting, 1);
    each.live.add(8, 'eight');
    assert.equal((await client.answer()).body, 'eight');
    assert.equal((await client.answer()).body, 'seven');
    assert.equal((await other.answer()).body, 'eight');
    const printed = await each.server.deps.metrics.print();
    assert.match(printed, /^oxbow_held_requests 0$/m);
    assert.match(printed, /^oxbow_http_requests_total\{class="part",status="200"\} 2$/m);
    assert.equal(each.live.waiting, 0);
  });

  test('a waiting client that disconnects is removed', async () => {
    await using each = await stage();
    await each.client.send(get(`${LIST}?_HLS_msn=8`));
    await until('it waits', () => each.live.waiting === 1);
    each.client[Symbol.dispose]();
    await until('it is forgotten', () => each.live.waiting === 0);
    assert.match(await each.server.deps.metrics.print(), /^oxbow_held_requests 0$/m);
  });

  test('a pending request that times out is refused, and the connection stays', async () => {
    await using each = await stage();
    using client = each.client;
    await client.send(get(`${LIST}?_HLS_msn=8`));
    await until('it waits', () => each.live.waiting === 1);
    each.live.fail();
    const { status, body } = await client.answer();
    assert.deepEqual([status, JSON.parse(body).code], [404, 'stream-offline']);
    await client.send(get('/version'));
    assert.equal((await client.answer()).status, 200);
  });

  test('a bug ends only the response, and is counted', async () => {
    await using each = await stage();
    using client = each.client;
    const bugs = async () => /^oxbow_bugs_total (\d+)$/m.exec(await each.server.deps.metrics.print())![1];
    await client.send(get(`${LIST}?_HLS_msn=8`));
    await until('it waits', () => each.live.waiting === 1);
    each.live.fail(new TypeError('ours'));
    const { status, body } = await client.answer();
    assert.deepEqual([status, JSON.parse(body).code], [500, 'internal']);
    assert.equal(await bugs(), '1');
    // The next request takes the slow path.
    await client.send(get(`${LIST}?_HLS_msn=9`));
    assert.equal((await client.answer()).body, 'slow');
    assert.equal(await bugs(), '2');
  });

  test('a reply that cannot be serialized takes the slow path, and that is counted', async () => {
    await using each = await stage();
    using client = each.client;
    await client.send(get(`${LIST}?_HLS_msn=8`, 'Accept-Encoding: gzip'));
    await until('it waits', () => each.live.waiting === 1);
    const gzip = () => {
      throw new TypeError('ours');
    };
    each.live.change('list 2', { gzip });
    each.live.add(8, 'eight');
    assert.equal((await client.answer()).body, 'slow');
    assert.match(await each.server.deps.metrics.print(), /^oxbow_bugs_total 1$/m);
  });

  test('a client that waits at shutdown is refused with Retry-After', async () => {
    await using each = await stage();
    using client = each.client;
    await client.send(get(`${LIST}?_HLS_msn=8`));
    await until('it waits', () => each.live.waiting === 1);
    const closed = each.server.close();
    const { status, headers } = await client.answer();
    assert.deepEqual([status, headers.get('retry-after')], [503, '5']);
    assert.equal(await client.ended(), '');
    await closed;
  });
}

suite('the hot responder', () => {
  cases((change) => startTestServer(change));

  test('a private stream is refused, ready or not', async () => {
    const live = new FakeLive();
    live.add(7, 'seven');
    await using server = await startTestServer({ lookup: live });
    server.deps.streams.isPrivate = () => true;
    using client = new RawClient(server);
    await client.send(get(SEGMENT));
    assert.equal((await client.answer()).status, 404);
    assert.equal(live.looks, 0);
  });

  test('a path with a playback token is ready too, for that stream, until revocation; no shared cache keeps it', async () => {
    const live = new FakeLive();
    live.add(7, 'seven');
    await using server = await startTestServer({ lookup: live });
    const { watch } = server.deps.access;
    server.deps.streams.isPrivate = () => true;
    const inAnHourMs = server.clock.nowMs() + 3_600_000;
    const token = watch.sign('cam', inAnHourMs);
    using client = new RawClient(server);
    for (const expected of ['seven', 'list 1']) {
      await client.send(get(`/t/${token}${expected === 'seven' ? SEGMENT : LIST}`));
      const { status, headers, body } = await client.answer();
      assert.deepEqual([status, body], [200, expected]);
      assert.match(headers.get('cache-control')!, /^private/);
    }
    assert.equal(live.looks, 2);
    await client.send(get(`/t/${watch.sign('door', inAnHourMs)}${SEGMENT}`));
    assert.notEqual((await client.answer()).status, 200);
    await watch.revoke('cam');
    await client.send(get(`/t/${token}${SEGMENT}`));
    assert.notEqual((await client.answer()).status, 200);
    // To everyone it is another answer.
    server.deps.streams.isPrivate = () => false;
    await client.send(get(SEGMENT));
    assert.match((await client.answer()).headers.get('cache-control')!, /^public/);
  });

  test('TLS on a plain port is 400', async () => {
    await using server = await startTestServer();
    using client = new RawClient(server);
    await client.send('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(60, '\x01'));
    assert.equal((await client.answer()).status, 400);
  });

  test('an upgrade goes to node:http', async () => {
    await using server = await startTestServer();
    using client = new RawClient(server);
    await client.send(get('/version', 'Connection: Upgrade', 'Upgrade: other'));
    assert.ok((await client.answer()).status < 500);
  });

  test('viewers are counted by their session', async () => {
    const live = new FakeLive();
    live.add(7, 'seven');
    await using server = await startTestServer({ lookup: live });
    using client = new RawClient(server);
    for (const sid of ['a', 'a', 'b']) {
      await client.send(get(`${SEGMENT}?CMCD=${encodeURIComponent(`bs,sid="${sid}"`)}`));
      assert.equal((await client.answer()).body, 'seven');
    }
    assert.equal(server.deps.viewers.of('cam'), 2);
    assert.match(await server.deps.metrics.print(), /^oxbow_buffer_starvations_total 3$/m);
  });

  test('a client that reads nothing is not sent more and more', async () => {
    const live = new FakeLive();
    live.add(7, 'x'.repeat(400_000));
    await using server = await startTestServer({ lookup: live });
    const { port } = new URL(server.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.pause();
    // One after the other, each in its own packet as far as the system does it so.
    socket.setNoDelay(true);
    const served = async () =>
      Number(/^oxbow_served_bytes_total\{class="segment"\} (\d+)$/m.exec(await server.deps.metrics.print())?.[1] ?? 0);
    let last = 0;
    for (let [sent, still] = [1, 0]; sent <= 50 || still < 20; sent++) {
      await new Promise((resolve) => socket.write(get(SEGMENT), resolve));
      for (let turn = 0; turn < 10; turn++) await settlePromises();
      const now = await served();
      still = now === last ? still + 1 : 0;
      last = now;
    }
    // What the system’s own buffers take, and two megabytes.
    assert.ok(last < 20_000_000, `${last}`);
    socket.destroy();
  });
});

suite('the hot responder over TLS', { skip: need('openssl') }, () => {
  let folder: Folder;
  let pair: CertificatePair;
  before(async () => {
    folder = await openFolder('hot-tls');
    pair = await makeCertificate(folder.path, 'first');
  });
  after(() => folder[Symbol.asyncDispose]());
  cases((change) => startTestServer(change, { cert: pair.cert, key: pair.key }));
});
