import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { settlePromises } from '../../test/fixtures/virtual-time.ts';
import { type Delivery, generation, makeGroup, openDelivery, tracks } from '../delivery/delivery.fixture.ts';
import { START_US } from '../recording/recording.fixture.ts';
import { startTestServer, type TestServer } from './fixture.ts';
import { sendRequest } from './request.fixture.ts';

/*
 * Every class of address with what its answers say of themselves, through the whole of delivery: segments 90
 * to 92 are recorded, 100 to 129 are live and whole, 130 has two parts; its third is the hinted one.
 */

const startS = START_US / 1e6;
const LIST = '/live/door/av0/g7.m3u8';
const WINDOW = `/vod/door/${startS - 20}/${startS - 14}`;

const forever = 'public, max-age=31536000, immutable';
const playlist = 'application/vnd.apple.mpegurl';

/** Path, type, Cache-Control, and whether the gzipped form is offered. */
const kinds: readonly [what: string, path: string, type: string, caching: string, gzip: boolean][] = [
  ['multivariant playlist', '/live/door/index.m3u8', playlist, 'public, max-age=1', false],
  ['live list', LIST, playlist, 'public, max-age=1', true],
  [
    'live list with a query that is not ours',
    `${LIST}?utm_source=x&CMCD=sid%3D%22a%22`,
    playlist,
    'public, max-age=1',
    true,
  ],
  ['delta update', `${LIST}?_HLS_skip=YES`, playlist, 'public, max-age=1', true],
  ['answer to a blocking reload', `${LIST}?_HLS_msn=130&_HLS_part=1`, playlist, 'public, max-age=12', true],
  ['init section', '/live/door/av0/init-1.mp4', 'video/mp4', forever, false],
  ['live segment', '/live/door/av0/129.m4s', 'video/iso.segment', forever, false],
  ['recorded segment', '/live/door/av0/91.m4s', 'video/iso.segment', forever, false],
  ['part', '/live/door/av0/130.1.m4s', 'video/iso.segment', forever, false],
  ['index of a window', `${WINDOW}/index.m3u8`, playlist, 'public, max-age=10', false],
  ['list of a window', `${WINDOW}/av0.m3u8`, playlist, 'public, max-age=10', false],
  ['index of a window by revision', `${WINDOW}/v3/index.m3u8`, playlist, forever, false],
  ['list of a window by revision', `${WINDOW}/v3/av0.m3u8`, playlist, forever, false],
  ['clip', `/clip/door/${startS - 20}/6.mp4`, 'video/mp4', 'public, max-age=10', false],
  ['still', `/thumb/door/${startS - 19}.jpg`, 'image/jpeg', 'public, max-age=86400, immutable', false],
];

/** Path, status, code, Cache-Control, Retry-After. */
const refusals: readonly [what: string, path: string, status: number, code: string, caching: string, again?: string][] =
  [
    ['a part that was not announced', '/live/door/av0/130.7.m4s', 404, 'not-found', 'no-store'],
    ['a segment that does not exist yet', '/live/door/av0/131.m4s', 404, 'not-found', 'no-store'],
    ['a part that is no longer kept on its own', '/live/door/av0/99.1.m4s', 410, 'gone', 'public, max-age=60'],
    ['a segment that retention took', '/live/door/av0/80.m4s', 410, 'gone', 'public, max-age=60'],
    ['a reload too far ahead', `${LIST}?_HLS_msn=140`, 400, 'bad-request', 'no-store'],
    ['a reload of no number', `${LIST}?_HLS_msn=soon`, 400, 'bad-request', 'no-store'],
    ['a generation that is over', '/live/door/av0/g3.m3u8', 404, 'stream-offline', 'no-store', '2'],
    ['a rendition that does not exist', '/live/door/v9/129.m4s', 404, 'not-found', 'no-store'],
    ['a stream that does not exist', '/live/unknown/index.m3u8', 404, 'stream-unknown', 'no-store'],
    ['a time that is none', '/vod/door/someday/1h/index.m3u8', 400, 'bad-time', 'no-store'],
    ['a stretch without media', `/vod/door/${startS - 9000}/60/index.m3u8`, 404, 'no-media', 'no-store'],
  ];

suite('header fields of answers', () => {
  let delivery: Delivery;
  let server: TestServer;

  before(async () => {
    delivery = await openDelivery();
    const past = [90, 91, 92].map((msn) =>
      makeGroup({ msn, startUs: START_US + (msn - 100) * 2_000_000 }, delivery.init),
    );
    await delivery.record(...past);
    delivery.state.settledUs = START_US;
    delivery.rig.clock.advance(60_000);
    delivery.state.horizonUs = START_US - 20_000_000;
    Object.assign(delivery.stream, { createdUs: START_US - 3_600_000_000 });
    delivery.listWriter.begin(generation, tracks);
    for (let msn = 100; msn < 130; msn++) delivery.live({ msn });
    delivery.open({ msn: 130 });
    for (const index of [0, 1]) delivery.part({ msn: 130 }, index);
    server = await startTestServer({ answer: delivery.answer });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await delivery?.[Symbol.asyncDispose]();
  });

  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    sendRequest(server, path, { headers, method });

  for (const [what, path, type, caching, gzip] of kinds) {
    test(`${what}: type, caching, validator, ranges, HEAD and gzip`, async () => {
      const { status, headers, body } = await ask(path);
      assert.equal(status, 200, String(body));
      assert.equal(headers['content-type'], type);
      assert.equal(headers['cache-control'], caching);
      assert.equal(headers['content-length'], String(body.length));
      assert.equal(headers['accept-ranges'], 'bytes');
      assert.equal(headers['access-control-allow-origin'], '*');
      assert.equal(headers['set-cookie'], undefined);
      assert.match(headers['access-control-expose-headers']!, /Content-Range.*ETag.*Retry-After/);
      assert.ok(!Number.isNaN(Date.parse(headers.date!)));

      // The uncompressed form has Vary too: otherwise a cache confuses the two.
      assert.equal(headers.vary, gzip ? 'Accept-Encoding, Origin' : 'Origin');
      const zipped = await ask(path, { 'accept-encoding': 'gzip' });
      assert.equal(zipped.headers['content-encoding'], gzip ? 'gzip' : undefined);
      if (gzip) {
        assert.ok(body.length >= 1400);
        assert.ok(gunzipSync(zipped.body).equals(body));
        assert.notEqual(zipped.headers.etag, headers.etag);
      } else if (type === playlist) assert.ok(body.length < 1400, `${body.length} bytes are worth packing`);

      const head = await ask(path, {}, 'HEAD');
      const { date: _, ...whole } = headers;
      const { date: __, ...same } = head.headers;
      assert.deepEqual([head.status, head.body.length, same], [200, 0, whole]);

      const range = await ask(path, { range: 'bytes=1-2' });
      assert.equal(range.status, 206);
      assert.equal(range.headers['content-range'], `bytes 1-2/${body.length}`);
      assert.ok(range.body.equals(body.subarray(1, 3)));
      assert.equal(range.headers['cache-control'], caching);

      // A still is rendered again after a while and has no ETag.
      if (type === 'image/jpeg') return;
      assert.match(headers.etag!, /^"[\w.-]+"$/);
      const unchanged = await ask(path, { 'if-none-match': headers.etag! });
      assert.deepEqual([unchanged.status, unchanged.body.length], [304, 0]);
      for (const name of ['etag', 'cache-control', 'vary', 'access-control-allow-origin']) {
        assert.equal(unchanged.headers[name], headers[name], `${name} of 304`);
      }
      assert.equal((await ask(path, { range: 'bytes=1-3', 'if-range': headers.etag! })).status, 206);
      assert.equal((await ask(path, { range: 'bytes=1-3', 'if-range': '"other"' })).status, 200);
    });
  }

  for (const [what, path, status, code, caching, again] of refusals) {
    test(`${what}: ${status}, ${caching}`, async () => {
      const { headers, body, status: was } = await ask(path);
      assert.deepEqual([was, JSON.parse(String(body)).code], [status, code]);
      assert.equal(headers['content-type'], 'application/problem+json');
      assert.equal(headers['cache-control'], caching);
      assert.equal(headers['access-control-allow-origin'], '*');
      assert.equal(headers['retry-after'], again);
    });
  }

  test('a preflight allows every page to send what players send', async () => {
    for (const path of [LIST, '/live/door/av0/129.m4s', `/clip/door/${startS - 20}/6.mp4`]) {
      const { status, headers } = await ask(
        path,
        {
          origin: 'https://elsewhere.example',
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'range,cmcd-request',
        },
        'OPTIONS',
      );
      assert.equal(status, 204);
      assert.equal(headers['access-control-allow-origin'], '*');
      assert.equal(headers['access-control-max-age'], '86400');
      const allowed = headers['access-control-allow-headers']!.toLowerCase().split(', ');
      for (const name of ['range', 'authorization', 'if-none-match', 'cmcd-request', 'cmcd-object', 'cmcd-session'])
        assert.ok(allowed.includes(name), name);
    }
  });

  test('cookies change nothing', async () => {
    const [plain, baked] = [await ask(LIST), await ask(LIST, { cookie: 'session=secret' })];
    assert.deepEqual([baked.headers.etag, baked.headers.vary], [plain.headers.etag, plain.headers.vary]);
  });

  test('requests with CMCD are counted, in query and headers', async () => {
    await ask(`${LIST}?CMCD=${encodeURIComponent('bl=300,bs,sid="a,bs"')}`);
    await ask('/live/door/av0/129.m4s', { 'cmcd-status': 'bs', 'cmcd-session': 'sid="b"' });
    await ask('/live/door/av0/129.m4s', { 'cmcd-request': 'bl=2000' });
    const printed = await server.deps.metrics.print();
    assert.match(printed, /^oxbow_cmcd_requests_total\{class="segment"\} 2$/m);
    assert.match(printed, /^oxbow_cmcd_requests_total\{class="playlist"\} \d+$/m);
    assert.match(printed, /^oxbow_buffer_starvations_total 2$/m);
  });

  test('a part that is produced during the request arrives complete; if the stream ends instead, 404 with no-store', async () => {
    const held = async (count: number) => {
      while (!new RegExp(`^oxbow_held_requests ${count}$`, 'm').test(await server.deps.metrics.print()))
        await settlePromises();
    };
    const reload = ask(`${LIST}?_HLS_msn=130&_HLS_part=2`);
    const hinted = ask('/live/door/av0/130.2.m4s');
    await held(2);
    delivery.part({ msn: 130 }, 2);
    assert.match(String((await reload).body), /130\.2\.m4s/);
    const part = await hinted;
    assert.deepEqual([part.status, part.headers['cache-control']], [200, forever]);
    const never = ask('/live/door/av0/130.3.m4s');
    const last = ask(`${LIST}?_HLS_msn=130&_HLS_part=3`);
    await held(2);
    delivery.listWriter.end();
    const { status, headers } = await never;
    assert.deepEqual([status, headers['cache-control']], [404, 'no-store']);
    assert.match(String((await last).body), /#EXT-X-ENDLIST/);
  });
});
