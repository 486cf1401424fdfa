// Connections are real, so a test waits for what happens on them; the limits of time pass on virtual time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { truncate, writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type CertificatePair, makeCertificate } from '../../../test/fixtures/certificate.ts';
import { openHttp2 } from '../../../test/fixtures/http2.ts';
import { need } from '../../../test/fixtures/need.ts';
import { type Folder, openFolder } from '../../../test/fixtures/server.ts';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { until } from '../../../test/fixtures/wait.ts';
import type { MediaAddress } from '../../api/media-address.ts';
import { openLocalSegmentStore } from '../../archive/local-segment-store.ts';
import { openRangeReader, type RangeReader } from '../../archive/range-reader.ts';
import { type SegmentStore, segmentLocation } from '../../archive/segment-store.ts';
import { startTestServer, type TestServer } from '../../http/fixture.ts';
import { unsentLimits } from '../tls/http2-budget.ts';

let folder: Folder;
let pair: CertificatePair;
/** A reader of a recording that is larger than any socket buffer. */
let reader: RangeReader;
let segments: SegmentStore;
const FILM = segmentLocation('film');
const FILM_BYTES = 64 * 1024 * 1024;

before(async () => {
  folder = await openFolder('vanished');
  const film = join(folder.path, FILM);
  await writeFile(film, '');
  await truncate(film, FILM_BYTES);
  segments = openLocalSegmentStore({ folder: folder.path });
  reader = openRangeReader(segments);
  if (!need('openssl')) pair = await makeCertificate(folder.path, 'first');
});
after(async () => {
  reader[Symbol.dispose]();
  await segments[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const deps = {
  answer: () => ({
    contentType: 'video/mp4',
    cacheControl: 'no-store',
    length: FILM_BYTES,
    body: [{ location: FILM, offset: 0, length: FILM_BYTES }],
  }),
  get reader() {
    return reader;
  },
};

/**
 * A session that reads nothing: the window of every stream is empty. Resolves after its requests were
 * answered or refused.
 */
async function openDeaf(
  server: TestServer,
  requests: number,
  { path = '/api/v1/openapi.json', allowHalfOpen = false } = {},
): Promise<{ readonly session: ClientHttp2Session; readonly socket: TLSSocket }> {
  const { port } = new URL(server.url);
  const where = { host: '127.0.0.1', port: Number(port), allowHalfOpen };
  const socket = connectTls({ ...where, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  await once(socket, 'secureConnect');
  const session = connectHttp2(server.url, {
    createConnection: () => socket,
    settings: { initialWindowSize: 0 },
  });
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  const answered = Array.from({ length: requests }, () => {
    const stream = session.request({ ':path': path });
    stream.on('error', () => {});
    return new Promise((resolve) => stream.once('response', resolve).once('close', resolve));
  });
  await Promise.all(answered);
  return { session, socket };
}

async function metricOf(server: TestServer, line: RegExp): Promise<number> {
  return Number(line.exec(await server.deps.metrics.print())?.[1] ?? 0);
}

suite('HTTP/2 clients that read nothing', { skip: need('openssl') }, () => {
  test('lose their session, however many streams it has', async () => {
    using time = openVirtualTime();
    await using server = await startTestServer({}, pair);
    for (const [requests, limitMs] of [
      [1, unsentLimits.stallMs],
      [128, unsentLimits.fullStallMs],
    ] as const) {
      const beganMs = time.nowMs;
      const { session } = await openDeaf(server, requests);
      const closed = once(session, 'close');
      await time.runFor(limitMs - 1);
      assert.equal(session.destroyed, false);
      await time.runFor(1);
      await closed;
      assert.equal(time.nowMs - beganMs, limitMs);
    }
    assert.equal(await metricOf(server, /^oxbow_http2_sessions_cut_total\{reason="stalled"\} (\d+)/m), 2);
  });

  test('have at most 1 MiB of answers; further requests are refused and can be repeated', async () => {
    await using server = await startTestServer({}, pair);
    const { session } = await openDeaf(server, 1);
    let refused = 0;
    const ends = Array.from({ length: 100 }, async () => {
      const stream = session.request({ ':path': '/api/v1/openapi.json' });
      stream.on('error', () => {});
      stream.once('close', () => {
        if (stream.rstCode === 7) refused++;
      });
    });
    await Promise.all(ends);
    await until('most are refused', () => Promise.resolve(refused >= 85 || undefined));
    session.destroy();
  });

  test('end first if all sessions together have too many unsent bytes; others continue', async () => {
    using time = openVirtualTime();
    const unsent = { ...unsentLimits, total: 300_000 };
    await using server = await startTestServer(deps, pair, { unsent });
    await using reader = await openHttp2(server.url);
    const first = await openDeaf(server, 1, { path: '/clip/cam/1/2.mp4' });
    const closed = once(first.session, 'close');
    const second = await openDeaf(server, 1, { path: '/clip/cam/1/2.mp4' });
    await time.runFor(unsentLimits.checkMs);
    await closed;
    assert.equal((await reader.ask('/version')).status, 200);
    assert.ok(!second.session.destroyed);
    assert.equal(await metricOf(server, /^oxbow_http2_sessions_cut_total\{reason="memory"\} (\d+)/m), 1);
    second.session.destroy();
  });

  test('that wait for media, or read slowly, keep their session', async () => {
    let held = 0;
    const { promise } = Promise.withResolvers<never>();
    const answer = ({ kind }: MediaAddress) => {
      if (kind === 'clip') return deps.answer();
      held++;
      return promise;
    };
    using time = openVirtualTime();
    await using server = await startTestServer({ ...deps, answer }, pair);
    await using client = await openHttp2(server.url);
    client.session.request({ ':path': '/live/cam/g0.m3u8?_HLS_msn=9' }).on('error', () => {});
    const slow = client.session.request({ ':path': '/clip/cam/1/2.mp4' });
    slow.on('error', () => {});
    let took = 0;
    for await (const bytes of slow) {
      took += (bytes as Buffer).length;
      if (time.nowMs > 3 * unsentLimits.stallMs) break;
      // More than what is on the way, so the server has sent something since the last pause.
      if (took % (1 << 20) < (bytes as Buffer).length)
        await time.runFor(unsentLimits.fullStallMs - unsentLimits.checkMs);
    }
    assert.deepEqual([client.session.destroyed, held], [false, 1]);
  });
});

suite('clients that disconnect', () => {
  test('in the middle of an HTTP/2 answer leave no socket', { skip: need('openssl') }, async () => {
    await using server = await startTestServer(deps, pair);
    for (const path of ['/api/v1/openapi.json', '/clip/cam/1/2.mp4']) {
      const { socket } = await openDeaf(server, 20, { path, allowHalfOpen: true });
      const closed = once(socket, 'close');
      socket.end(); // FIN; this end stays open, so that the server's own end must come
      await closed;
    }
  });

  for (const [what, isTls] of [
    ['HTTP', false],
    ['HTTPS', true],
  ] as const) {
    for (const [how, pieces] of [
      ['on the hot path', ['GET /clip/cam/1/2.mp4 HTTP/1.1\r\nHost: a\r\n\r\n']],
      ['on node:http', ['GET /clip/cam/1/2.mp4 HTTP/1.1\r\n', 'Host: a\r\n\r\n']],
    ] as const) {
      test(`in the middle of a clip over ${what}, ${how}, leave no socket`, {
        skip: isTls && need('openssl'),
      }, async () => {
        await using server = await startTestServer(deps, isTls ? pair : undefined);
        const where = { host: '127.0.0.1', port: Number(new URL(server.url).port), allowHalfOpen: true };
        const socket: Socket = isTls ? connectTls({ ...where, rejectUnauthorized: false }) : connectTcp(where);
        socket.on('error', () => {});
        await once(socket, isTls ? 'secureConnect' : 'connect');
        for (const piece of pieces) {
          socket.write(piece);
          await new Promise((resolve) => setImmediate(resolve));
        }
        await once(socket, 'readable');
        const closed = once(socket, 'close');
        socket.end();
        socket.resume(); // what was sent before the server noticed
        await closed;
      });
    }
  }
});
