import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import { settlePromises } from '../../../test/fixtures/virtual-time.ts';
import { printMediaAddress } from '../../api/media-address.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { HttpDeps } from '../../http/deps.ts';
import { asAdmin, shareTestServer, startTestServer, textReply } from '../../http/fixture.ts';
import { sendRequest } from '../../http/request.fixture.ts';
import { createManualClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';

function serving(reply: Reply): Partial<HttpDeps> {
  return { answer: () => reply };
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz';

suite('whole replies', () => {
  test('have type, length, caching and validator, and any page may play them', async () => {
    await using server = await startTestServer(serving(textReply(alphabet, { etag: 'v1' })));
    const { status, headers, body } = await sendRequest(server, '/live/cam/index.m3u8');
    assert.deepEqual([status, String(body)], [200, alphabet]);
    assert.equal(headers['content-type'], 'text/plain');
    assert.equal(headers['content-length'], '26');
    assert.equal(headers['cache-control'], 'public, max-age=1');
    assert.equal(headers.etag, '"v1"');
    assert.equal(headers['accept-ranges'], 'bytes');
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.match(headers['access-control-expose-headers']!, /Content-Range/);
    assert.equal(headers.vary, 'Origin');
  });

  test('HEAD answers the same headers without the body', async () => {
    await using server = await startTestServer(serving(textReply(alphabet, { etag: 'v1' })));
    const { status, headers, body } = await sendRequest(server, '/live/cam/index.m3u8', { method: 'HEAD' });
    assert.deepEqual([status, headers['content-length'], headers.etag, body.length], [200, '26', '"v1"', 0]);
    const refused = await startTestServer();
    await using _ = refused;
    assert.deepEqual((await sendRequest(refused, '/live/cam/9.m4s', { method: 'HEAD' })).body.length, 0);
  });

  test('a typed time is answered with the address of its instant; only that may be cached', async () => {
    const clock = createManualClock(Date.UTC(2026, 10, 20, 7, 40));
    await using server = await startTestServer({ clock, ...serving(textReply('x')) });
    const at = (path: string, method = 'GET') => sendRequest(server, path, { method });
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, body } = await at('/clip/cam/-10m/now.mp4?x=1', method);
      assert.deepEqual([status, headers['cache-control'], body.length], [302, 'no-store', 0]);
      assert.equal(headers.location, '/clip/cam/1795159800000/1795160400000.mp4?x=1');
    }
    assert.equal((await at('/clip/cam/1795160400/15m.mp4')).status, 200);
    assert.equal((await at('/clip/none/-10m/now.mp4')).status, 302, 'it says nothing about streams');
  });

  test('path and query reach delivery unchanged', async () => {
    const seen: unknown[] = [];
    await using server = await startTestServer({
      answer: (address, query) => {
        seen.push(printMediaAddress(address), query.get('_HLS_msn'));
        return textReply('x');
      },
    });
    await sendRequest(server, '/vod/cam/2026-11-20T07%3A40%3A00Z/15m/index.m3u8?_HLS_msn=7');
    assert.deepEqual(seen, ['/vod/cam/2026-11-20T07%3A40%3A00Z/15m/index.m3u8', '7']);
    await sendRequest(server, `${server.url}/clip/cam/1/2.mp4`);
    assert.equal(seen[2], '/clip/cam/1/2.mp4', 'also in the absolute form of proxies');
  });

  test('a download has a file name, with any characters', async () => {
    await using server = await startTestServer(serving(textReply('x', { filename: 'Tür "1"\r\n.mp4' })));
    const { headers } = await sendRequest(server, '/clip/cam/1/2.mp4');
    assert.equal(
      headers['content-disposition'],
      `attachment; filename="T_r _1___.mp4"; filename*=UTF-8''T%C3%BCr%20%221%22%0D%0A.mp4`,
    );
  });

  test('pieces from memory, from files and generated ones arrive as one body', async () => {
    await using server = await startTestServer();
    const path = join(server.folder, 'chunk.mp4');
    const big = Buffer.alloc(700_000, 'abcdefg');
    await writeFile(path, Buffer.concat([Buffer.from('head'), big, Buffer.from('tail')]));
    Object.assign(
      server.deps,
      serving({
        contentType: 'video/mp4',
        cacheControl: 'no-store',
        length: 3 + big.length + 4,
        body: [
          Buffer.from('one'),
          { location: segmentLocation('chunk.mp4'), offset: 4, length: big.length },
          { length: 4, read: async () => Buffer.from('made') },
        ],
      }),
    );
    const whole = Buffer.concat([Buffer.from('one'), big, Buffer.from('made')]);
    assert.ok((await sendRequest(server, '/clip/cam/1/2.mp4')).body.equals(whole));
    for (const [from, to] of [
      [0, 2],
      [2, 3],
      [1, 400_000],
      [300_000, 700_004],
      [700_004, 700_006],
    ] as const) {
      const { status, headers, body } = await sendRequest(server, '/clip/cam/1/2.mp4', {
        headers: { range: `bytes=${from}-${to}` },
      });
      assert.equal(status, 206);
      assert.equal(headers['content-range'], `bytes ${from}-${to}/${whole.length}`);
      assert.ok(body.equals(whole.subarray(from, to + 1)), `${from}-${to}`);
    }
    assert.match(await server.deps.metrics.print(), /^oxbow_served_bytes_total\{class="clip"\} \d{7}$/m);
  });
});

suite('ranges (RFC 9110 14)', () => {
  const shared = shareTestServer(() => serving(textReply(alphabet, { etag: 'v2' })));

  for (const [range, status, body, contentRange] of [
    ['bytes=0-0', 206, 'a', 'bytes 0-0/26'],
    ['bytes=23-', 206, 'xyz', 'bytes 23-25/26'],
    ['bytes=-3', 206, 'xyz', 'bytes 23-25/26'],
    ['bytes=-99', 206, alphabet, 'bytes 0-25/26'],
    ['bytes=20-99', 206, 'uvwxyz', 'bytes 20-25/26'],
    ['BYTES=1-2', 206, 'bc', 'bytes 1-2/26'],
    ['bytes=5-4', 200, alphabet, undefined],
    ['bytes=0-1,4-5', 200, alphabet, undefined],
    ['bytes=a-b', 200, alphabet, undefined],
    ['lines=1-2', 200, alphabet, undefined],
    ['bytes=-', 200, alphabet, undefined],
  ] as const) {
    test(`${range} is answered ${status}`, async () => {
      const answer = await sendRequest(shared(), '/live/cam/v0/1.m4s', { headers: { range } });
      assert.deepEqual(
        [answer.status, String(answer.body), answer.headers['content-range']],
        [status, body, contentRange],
      );
      assert.equal(answer.headers['content-length'], String(body.length));
    });
  }

  for (const range of ['bytes=26-', 'bytes=30-40', 'bytes=-0']) {
    test(`${range} is not satisfiable: 416 with the length`, async () => {
      const { status, headers, body } = await sendRequest(shared(), '/live/cam/v0/1.m4s', { headers: { range } });
      assert.deepEqual(
        [status, headers['content-range'], JSON.parse(String(body)).code],
        [416, 'bytes */26', 'bad-range'],
      );
    });
  }

  test('HEAD ignores Range', async () => {
    const { status, headers } = await sendRequest(shared(), '/live/cam/v0/1.m4s', {
      method: 'HEAD',
      headers: { range: 'bytes=0-1' },
    });
    assert.deepEqual([status, headers['content-length']], [200, '26']);
  });

  test('If-Range decides whether the range still applies', async () => {
    const statuses = [];
    for (const validator of ['"v2"', '"v1"', 'W/"v2"', 'Thu, 19 Nov 2026 08:00:00 GMT']) {
      const headers = { range: 'bytes=0-1', 'if-range': validator };
      statuses.push((await sendRequest(shared(), '/clip/cam/1/2.mp4', { headers })).status);
    }
    assert.deepEqual(statuses, [206, 200, 200, 200]);
  });
});

suite('conditional requests', () => {
  test('If-None-Match: one, several, weak or any', async () => {
    await using server = await startTestServer(serving(textReply(alphabet, { etag: 'v2' })));
    const statuses = [];
    for (const header of ['"v2"', '"v1", W/"v2"', '*', '"v1"', 'v2']) {
      const { status, headers, body } = await sendRequest(server, '/live/cam/index.m3u8', {
        headers: { 'if-none-match': header },
      });
      statuses.push(status);
      if (status === 304)
        assert.deepEqual([headers.etag, headers['cache-control'], body.length], ['"v2"', 'public, max-age=1', 0]);
    }
    assert.deepEqual(statuses, [304, 304, 304, 200, 200]);
  });

  test('a reply without a validator is sent', async () => {
    await using server = await startTestServer(serving(textReply(alphabet)));
    assert.equal((await sendRequest(server, '/live/cam/1.m4s', { headers: { 'if-none-match': '*' } })).status, 200);
  });
});

suite('gzip', () => {
  const zippable = textReply(alphabet, { etag: 'v1', gzip: () => gzipSync(alphabet) });
  const shared = shareTestServer(() => serving(zippable));

  for (const [accepted, coding] of [
    ['gzip', 'gzip'],
    ['br, gzip;q=0.5', 'gzip'],
    ['*', 'gzip'],
    ['gzip;q=0, *', undefined],
    ['br', undefined],
    ['identity', undefined],
  ] as const) {
    test(`Accept-Encoding: ${accepted} is answered ${coding ?? 'plain'}, with Vary`, async () => {
      const { headers, body } = await sendRequest(shared(), '/live/cam/index.m3u8', {
        headers: { 'accept-encoding': accepted },
      });
      assert.equal(headers['content-encoding'], coding);
      assert.equal(headers.vary, 'Accept-Encoding, Origin');
      assert.equal(headers.etag, coding ? '"v1-gz"' : '"v1"');
      assert.equal(headers['content-length'], String(body.length));
      assert.equal(String(coding ? gunzipSync(body) : body), alphabet);
    });
  }

  test('a range is of the uncompressed bytes, and 304 has the ETag of the form that was sent', async () => {
    const ranged = await sendRequest(shared(), '/live/cam/index.m3u8', {
      headers: { 'accept-encoding': 'gzip', range: 'bytes=0-2' },
    });
    assert.deepEqual([ranged.status, String(ranged.body), ranged.headers['content-encoding']], [206, 'abc', undefined]);
    const again = { 'accept-encoding': 'gzip', 'if-none-match': '"v1-gz"' };
    assert.equal((await sendRequest(shared(), '/live/cam/index.m3u8', { headers: again })).status, 304);
  });
});

suite('refusals', () => {
  test('are problem documents with no-store, readable by any page', async () => {
    await using server = await startTestServer({
      answer: () => {
        throw new OxbowError('stream-offline', 'cam is offline', { extra: { retryAfterSeconds: 2 } });
      },
    });
    const { status, headers, body } = await sendRequest(server, '/live/cam/index.m3u8');
    assert.deepEqual(
      [status, headers['content-type'], headers['cache-control']],
      [404, 'application/problem+json', 'no-store'],
    );
    assert.deepEqual([headers['retry-after'], headers['access-control-allow-origin']], ['2', '*']);
    const problem = JSON.parse(String(body));
    assert.equal(problem.code, 'stream-offline');
    assert.match(problem.traceId, /^[0-9a-f]{32}$/);
  });

  test('malformed input is 400, a bug 500 without its message', async () => {
    for (const [thrown, status] of [
      [new FormatError('not a time', 3), 400],
      [new TypeError('secret'), 500],
    ] as const) {
      await using server = await startTestServer({ answer: () => Promise.reject(thrown) });
      const answer = await sendRequest(server, '/vod/cam/x/y/index.m3u8');
      assert.equal(answer.status, status);
      assert.ok(!String(answer.body).includes('secret'));
      assert.match(await server.deps.metrics.print(), new RegExp(`^oxbow_bugs_total ${status === 500 ? 1 : 0}$`, 'm'));
    }
  });

  test('other methods are 405 with Allow, and their body is not waited for', async () => {
    await using server = await startTestServer(serving(textReply('x')));
    const { status, headers } = await sendRequest(server, '/live/cam/1.m4s', {
      method: 'POST',
      headers: { 'content-length': 1e9 },
    });
    assert.deepEqual([status, headers.allow, headers.connection], [405, 'GET, HEAD, OPTIONS', 'close']);
  });

  test('OPTIONS returns what browsers may send', async () => {
    await using server = await startTestServer();
    const { status, headers } = await sendRequest(server, '/live/cam/1.m4s', { method: 'OPTIONS' });
    assert.deepEqual(
      [status, headers['access-control-allow-origin'], headers['access-control-allow-methods']],
      [204, '*', 'GET, HEAD, OPTIONS'],
    );
    assert.match(headers['access-control-allow-headers']!, /Range/);
  });
});

suite('private streams', () => {
  test('exist only for administrators, whose answers no shared cache stores', async () => {
    await using server = await startTestServer(
      serving(textReply(alphabet, { cacheControl: 'public, max-age=31536000, immutable' })),
    );
    for (const path of [
      '/live/private/index.m3u8',
      '/vod/private/1/2/index.m3u8',
      '/clip/private/1/2.mp4',
      '/thumb/private/1.jpg',
    ]) {
      const hidden = await sendRequest(server, path);
      assert.deepEqual([hidden.status, JSON.parse(String(hidden.body)).code], [404, 'stream-unknown']);
      const { status, headers } = await sendRequest(server, path, { headers: asAdmin });
      assert.deepEqual(
        [status, headers['cache-control'], headers.vary],
        [200, 'private, max-age=31536000, immutable', 'Authorization, Origin'],
      );
    }
  });
});

suite('held requests', () => {
  test('wait for the reply of delivery, and are counted meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<Reply>();
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
    await using server = await startTestServer({
      answer: () => {
        onAsked();
        return promise;
      },
    });
    const waiting = sendRequest(server, '/live/cam/v0/7.1.m4s');
    await asked;
    assert.match(await server.deps.metrics.print(), /^oxbow_held_requests 1$/m);
    resolve(textReply('part'));
    assert.equal(String((await waiting).body), 'part');
    const printed = await server.deps.metrics.print();
    assert.match(printed, /^oxbow_held_requests 0$/m);
    assert.match(printed, /^oxbow_http_requests_total\{class="part",status="200"\} 1$/m);
  });

  test('a viewer that disconnects aborts the request in delivery', async () => {
    const { promise: aborted, resolve: onAborted } = Promise.withResolvers<unknown>();
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
    await using server = await startTestServer({
      answer: (_, __, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            onAborted(signal.reason);
            reject(signal.reason);
          });
          onAsked();
        }),
    });
    const leaving = request(`${server.url}/live/cam/v0/g1.m3u8?_HLS_msn=8`);
    leaving.on('error', () => {});
    leaving.end();
    await asked;
    leaving.destroy();
    assert.equal(((await aborted) as Error).name, 'AbortError');
    assert.match(await server.deps.metrics.print(), /^oxbow_bugs_total 0$/m);
  });

  test('of one address are limited; one more gets Retry-After', async () => {
    let asked = 0;
    const { promise: full, resolve: onFull } = Promise.withResolvers<void>();
    await using server = await startTestServer({
      answer: () => {
        if (++asked === 1000) onFull();
        return new Promise(() => {});
      },
    });
    // Pipelined on one connection: the answers are sent in order, but the server handles all requests at
    // once.
    const crowd = connect(Number(new URL(server.url).port), '127.0.0.1');
    crowd.on('error', () => {});
    crowd.write('GET /live/cam/v0/7.1.m4s HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000));
    await full;
    const { status, headers } = await sendRequest(server, '/live/cam/v0/7.1.m4s');
    assert.deepEqual([status, headers['retry-after']], [503, '1']);
    crowd.destroy();
  });

  test('are answered when oxbow stops, even if delivery ignores the signal', async () => {
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
    await using server = await startTestServer({
      answer: () => {
        onAsked();
        return new Promise(() => {});
      },
    });
    const waiting = sendRequest(server, '/live/cam/v0/7.1.m4s');
    await asked;
    const closed = server.close();
    const { status, headers } = await waiting;
    assert.deepEqual(
      [status, headers['retry-after'], headers['cache-control'], headers.connection],
      [503, '5', 'no-store', 'close'],
    );
    await closed;
  });
});

suite('files that fail', () => {
  const fileReply = (location: string, length: number): Reply => ({
    contentType: 'video/mp4',
    cacheControl: 'no-store',
    length,
    body: [{ location: segmentLocation(location), offset: 0, length }],
  });

  test('a file that retention has just deleted is 410, not a broken answer', async () => {
    await using server = await startTestServer(serving(fileReply('nowhere/at/all.mp4', 10)));
    const { status, body } = await sendRequest(server, '/clip/cam/1/2.mp4');
    assert.deepEqual([status, JSON.parse(String(body)).code], [410, 'gone']);
  });

  test('a file that ends early aborts the answer, so that the client does not take it for complete', async () => {
    await using server = await startTestServer();
    const path = join(server.folder, 'short.mp4');
    await writeFile(path, '');
    await truncate(path, 300_000);
    Object.assign(server.deps, serving(fileReply('short.mp4', 9_000_000)));
    await assert.rejects(sendRequest(server, '/clip/cam/1/2.mp4'), { code: 'ECONNRESET' });
    assert.ok(server.logged.some((line) => line.includes('"level":"error"')));
  });

  test('for a client that reads nothing, the server reads no more than one block ahead', async () => {
    let read = 0;
    const { promise: stalled, resolve: onStalled } = Promise.withResolvers<void>();
    const length = 64 * 1024 * 1024;
    await using server = await startTestServer({
      ...serving(fileReply('virtual', length)),
      reader: {
        async read(_path, _offset, wanted) {
          read += wanted;
          if (read >= 1024 * 1024) setImmediate(() => setImmediate(onStalled));
          return Buffer.alloc(wanted);
        },
        shared: () => Promise.reject(new Error('a download is not shared')),
      },
    });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.pause();
    socket.write('GET /clip/cam/1/2.mp4 HTTP/1.1\r\nHost: x\r\n\r\n');
    await stalled;
    for (let [idleTurns, before] = [0, read]; idleTurns < 200; idleTurns = before === read ? idleTurns + 1 : 0) {
      before = read;
      await settlePromises();
    }
    assert.ok(read < length / 2, `${read} bytes were read for a client that took none`);
    socket.destroy();
    await server.close();
  });
});
