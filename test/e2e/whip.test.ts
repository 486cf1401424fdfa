/*
 * Publishers over WHIP that are no browsers: FFmpeg 8, libdatachannel (OBS), a bad network between, and plain
 * HTTP requests.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StreamStats } from '../../src/api/measure/stats-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { openLossyRelay } from '../fixtures/lossy-relay.ts';
import { need } from '../fixtures/need.ts';
import type { PublishingProcess } from '../fixtures/publishers/publishers.ts';
import { createPush, endRecording, picturesByRun, recordedPictures } from '../fixtures/publishers/push-streams.ts';
import { OFFER_UFRAG, offerOf } from '../fixtures/realtime/offers.ts';
import { openSdpProxy } from '../fixtures/realtime/sdp-proxy.ts';
import {
  makeWhipFilm,
  needDataChannel,
  publishByDataChannel,
  publishByWhip,
} from '../fixtures/realtime/whip-publishers.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest, perTier } from '../full.ts';

const adminToken = 'let-me-in-please';
const FILM_SECONDS = perTier({ first: 4, full: 6 });

// Each film is sent in real time: a few at once, as a machine that is too busy loses datagrams.
suite('publishing over WHIP', { skip: need('ffmpeg'), concurrency: 4 }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let film: string;
  let pictures: readonly string[];

  before(async () => {
    folder = opened.use(await openFolder('whip-e2e'));
    film = join(folder.path, 'film.mp4');
    await makeWhipFilm(film, FILM_SECONDS);
    pictures = await pictureHashes(film);
    server = opened.use(await startServer({ data: join(folder.path, 'data'), adminToken, ingest: ['webrtc'] }));
  });
  after(() => opened.disposeAsync());

  /** What is recorded is the film, in one run, and the session has ended in order. */
  async function assertRecorded(name: string, publisher: PublishingProcess, by = server): Promise<void> {
    assert.equal(await publisher.ended, 0, publisher.stderr);
    const { recorded, tracks } = await endRecording(by, name, FILM_SECONDS - 0.1);
    assert.deepEqual(tracks.map(({ kind }) => kind).sort(), ['audio', 'video']);
    assert.ok(recorded.seconds < FILM_SECONDS + 0.1, `${recorded.seconds} s`);
    assert.deepEqual(await recordedPictures(by, name), pictures);
    const timeline = await by.timeline(name);
    assert.deepEqual([timeline.runs.length, timeline.gaps], [1, []]);
    const left = by.log().find(({ msg, stream }) => msg === 'a publisher left' && stream === name);
    assert.equal(left?.detail, 'the client ended its session');
  }

  for (const dtls of firstOf(1, ['passive', 'active'] as const)) {
    fullTest(`FFmpeg, ${dtls} in DTLS: the recording is the film, with sound`, async () => {
      const key = await createPush(server, dtls);
      await using publisher = publishByWhip({ file: film, url: `${server.url}/whip/${dtls}`, key, dtls });
      await assertRecorded(dtls, publisher);
    });
  }

  test('libdatachannel, as in OBS: the recording is the film, with sound', { skip: needDataChannel() }, async () => {
    const key = await createPush(server, 'obs');
    await using publisher = publishByDataChannel({ file: film, url: `${server.url}/whip/obs`, key });
    await assertRecorded('obs', publisher);
  });

  fullTest(
    'with 10 % loss and reordering the stream is live and recorded, and lost packets are sent again',
    async () => {
      const key = await createPush(server, 'lossy');
      const to = Number(new URL(server.ingest.webrtc!).port);
      const loss = { drop: 0.1, dropMediaOnly: true, delayMs: 10, jitterMs: 20 };
      await using relay = await openLossyRelay({ to, seed: 2, ...loss });
      await using proxy = await openSdpProxy(server.url, relay.port);
      await using publisher = publishByWhip({ file: film, url: `${proxy.url}/whip/lossy`, key, dtls: 'active' });
      await server.stream('lossy', 'live');
      await until('packets are sent again', async () => {
        const { link } = await server.json<StreamStats>('/api/v1/streams/lossy/stats');
        return (link.retransmitted ?? 0) > 0;
      });
      assert.equal(await publisher.ended, 0, publisher.stderr);
      await endRecording(server, 'lossy', 3);
      const { forward } = await relay.counters();
      assert.ok(forward.dropped > forward.received * 0.05, `${forward.dropped} of ${forward.received} were lost`);
      // Pictures without a lost one before them in their group are those of the film.
      // A track that begins late, its first packets lost, joins with another run.
      const recorded = (await picturesByRun(server, 'lossy', folder.path)).flat();
      assert.ok(recorded.length >= 75, `${recorded.length} pictures`);
      const known = new Set(pictures);
      assert.deepEqual(
        recorded.filter((picture) => !known.has(picture)),
        [],
      );
    },
  );

  const sdp = { 'content-type': 'application/sdp' };
  const trickle = { 'content-type': 'application/trickle-ice-sdpfrag' };
  const offer = offerOf(['H264']);
  const candidate = 'a=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host';
  const asPublisher = (key: string) => ({ ...sdp, authorization: `Bearer ${key}` });

  /** Sends a request to the address of a stream; returns the status and the code of the refusal. */
  async function send(path: string, init: RequestInit): Promise<[number, string | undefined]> {
    const response = await server.fetch(path, { method: 'POST', ...init });
    const body = await response.text();
    return [response.status, response.ok ? undefined : (JSON.parse(body) as { code: string }).code];
  }

  test('a body that is no offer, or has no usable codec, is refused with the reason', async () => {
    const headers = asPublisher(await createPush(server, 'refusing'));
    const path = '/whip/refusing';
    const json = { ...headers, 'content-type': 'application/json' };
    assert.deepEqual(await send(path, { headers: json, body: '{}' }), [415, 'unsupported-media']);
    assert.deepEqual(await send(path, { headers, body: 'v=1' }), [400, 'bad-offer']);
    assert.deepEqual(await send(path, { headers, body: offer.replaceAll(/^a=fingerprint.*$/gm, 'a=x') }), [
      400,
      'bad-offer',
    ]);
    assert.deepEqual(await send(path, { headers, body: offerOf(['H263']) }), [422, 'offer-refused']);
    assert.deepEqual(await send(path, { headers: asPublisher('ok_wrong'), body: offer }), [403, 'publish-denied']);
  });

  test('a session takes candidates, refuses an ICE restart, and is unknown after DELETE (RFC 9725 4.3)', async () => {
    const headers = asPublisher(await createPush(server, 'session'));
    const made = await server.fetch('/whip/session', { method: 'POST', headers, body: offer });
    const answer = await made.text();
    assert.deepEqual([made.status, made.headers.get('content-type')], [201, 'application/sdp'], answer);
    assert.match(answer, /^a=ice-lite\r$/m);
    assert.match(
      answer,
      new RegExp(`^a=candidate:1 1 udp \\d+ 127.0.0.1 ${new URL(server.ingest.webrtc!).port} `, 'm'),
    );
    const path = made.headers.get('location')!;
    const fragment = (ufrag: string) => `a=ice-ufrag:${ufrag}\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\n${candidate}\r\n`;
    const patch = { method: 'PATCH', headers: trickle };
    assert.deepEqual(await send(path, { ...patch, body: fragment(OFFER_UFRAG) }), [204, undefined]);
    assert.deepEqual(await send(path, { ...patch, body: fragment('another') }), [400, 'bad-offer']);
    assert.deepEqual(await send(path, { method: 'PATCH', headers: sdp, body: fragment(OFFER_UFRAG) }), [
      415,
      'unsupported-media',
    ]);
    assert.deepEqual(await send('/whip/session', { headers, body: offer }), [409, 'publisher-active']);
    assert.deepEqual(await send(path, { method: 'DELETE' }), [200, undefined]);
    assert.deepEqual(await send(path, { method: 'DELETE' }), [404, 'session-unknown']);
    assert.deepEqual(await send(path, { ...patch, body: fragment(OFFER_UFRAG) }), [404, 'session-unknown']);
    assert.deepEqual(await send('/whip/session/unknown', { method: 'DELETE' }), [404, 'session-unknown']);
  });

  test('pages of other sites may publish and play: OPTIONS permits it (RFC 9725 4.2)', async () => {
    for (const path of ['/whip/any', '/whep/any', '/whip/any/session']) {
      const { status, headers } = await server.fetch(path, { method: 'OPTIONS' });
      assert.equal(status, 204, path);
      assert.equal(headers.get('access-control-allow-origin'), '*');
      assert.match(headers.get('access-control-allow-methods')!, /POST, PATCH, DELETE/);
      assert.match(headers.get('access-control-allow-headers')!, /Authorization, Content-Type/);
      assert.match(headers.get('access-control-expose-headers')!, /Location/);
    }
  });

  test('a stream that does not exist is not played', async () => {
    const viewer = { method: 'POST', headers: sdp, body: offerOf(['H264'], 'recvonly') };
    const response = await fetch(`${server.url}/whep/nowhere`, viewer);
    const { code } = (await response.json()) as { code: string };
    assert.deepEqual([response.status, code], [404, 'stream-unknown']);
  });

  fullTest('without WebRTC every offer is refused with 503', async () => {
    await using folder = await openFolder('whip-off');
    await using off = await startServer({ data: folder.path, adminToken });
    for (const path of ['/whip/any', '/whep/any']) {
      const response = await off.fetch(path, { method: 'POST', headers: sdp, body: offer });
      assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [503, 'webrtc-off']);
    }
  });

  fullTest('what was sent before the end of the session is recorded when the server reads it late', async () => {
    await using busy = await startServer({ data: join(folder.path, 'busy'), adminToken, ingest: ['webrtc'] });
    const key = await createPush(busy, 'late');
    const ends = Promise.withResolvers<void>();
    const onRequest = (method: string) => method === 'DELETE' && ends.resolve();
    const port = Number(new URL(busy.ingest.webrtc!).port);
    await using proxy = await openSdpProxy(busy.url, port, onRequest);
    await using publisher = publishByWhip({ file: film, url: `${proxy.url}/whip/late`, key, dtls: 'passive' });
    await until('most is recorded', async () => {
      const { recorded } = await busy.json<StreamView>('/api/v1/streams/late');
      return recorded.seconds >= FILM_SECONDS / 2;
    });
    process.kill(busy.pid, 'SIGSTOP');
    await ends.promise;
    process.kill(busy.pid, 'SIGCONT');
    await assertRecorded('late', publisher, busy);
  });

  fullTest('a publisher that is killed ends its stream after its silence', async () => {
    const key = await createPush(server, 'killed');
    await using publisher = publishByWhip({ file: film, url: `${server.url}/whip/killed`, key, dtls: 'active' });
    await server.stream('killed', 'live');
    await publisher.kill();
    const view = () => server.json<StreamView>('/api/v1/streams/killed');
    await until('it is over', async () => (await view()).state !== 'live');
    const left = () => server.log().find(({ msg, stream }) => msg === 'a publisher left' && stream === 'killed');
    assert.equal((await until('it has left', left)).detail, 'the peer is silent');
  });
});
