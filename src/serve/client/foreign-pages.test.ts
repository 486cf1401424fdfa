import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { WebSocket } from 'ws';
import { makeCertificate } from '../../../test/fixtures/certificate.ts';
import { openHttp2 } from '../../../test/fixtures/http2.ts';
import { need } from '../../../test/fixtures/need.ts';
import { openFolder } from '../../../test/fixtures/server.ts';
import { asAdmin, shareTestServer, startTestServer, textReply } from '../../http/fixture.ts';
import { sendRequest } from '../../http/request.fixture.ts';
import { FakeLive } from '../hot/live-lookup.fixture.ts';
import { createForeignPages, isFromForeignPage, readableFields } from './foreign-pages.ts';

const FOREIGN = { origin: 'https://evil.example' };
const answer = () => textReply('media');
const CORS = 'access-control-allow-origin';

suite('a page of another site, on a loopback address', () => {
  const live = new FakeLive();
  live.add(7, 'seven');
  const opened = async () => ({ id: 'session', sdp: 'v=0' });
  const webrtc = { iceServers: [], publish: opened, play: opened, end: async () => {}, trickle: () => {} };
  const shared = shareTestServer(() => ({ answer, lookup: live, webrtc }));
  const corsOf = async (path: string, headers: Record<string, string> = FOREIGN, method = 'GET') =>
    (await sendRequest(shared(), path, { headers, method })).headers[CORS];
  const rightTo = (stream: string) =>
    `/t/${shared().deps.access.watch.sign(stream, shared().clock.nowMs() + 3_600_000)}`;

  test('reads no media of a stream that was not set to public: from the hot path, the media path, refusals, or preflight', async () => {
    const paths = [
      '/live/cam/v0/7.m4s',
      '/live/unlisted/index.m3u8',
      '/clip/unlisted/1/2.mp4',
      '/live/private/index.m3u8',
    ];
    for (const path of paths) {
      for (const method of ['GET', 'HEAD', 'OPTIONS']) {
        const { headers } = await sendRequest(shared(), path, { headers: FOREIGN, method });
        assert.deepEqual([headers[CORS], headers['timing-allow-origin']], [undefined, undefined], `${method} ${path}`);
        assert.match(String(headers.vary), /\bOrigin\b/, 'no cache gives it the answer for others');
      }
    }
  });

  test('reads neither its state nor its timeline', async () => {
    for (const path of ['', '/timeline?from=1&to=2', '/gaps?from=1&to=2']) {
      assert.equal(await corsOf(`/api/v1/streams/unlisted${path}`), undefined, path);
      assert.equal(await corsOf(`/api/v1/streams/public${path}`), '*', path);
    }
    assert.equal(await corsOf('/api/v1/time'), '*');
  });

  test('reads a stream that was set to public', async () => {
    assert.equal(await corsOf('/live/public/index.m3u8'), '*');
    assert.equal(await corsOf('/live/public/index.m3u8', FOREIGN, 'OPTIONS'), '*');
  });

  test('reads with a playback token in the path, and not with one that is forged or for another stream', async () => {
    for (const path of ['/live/signed/index.m3u8', '/api/v1/streams/signed']) {
      assert.equal(await corsOf(rightTo('signed') + path), '*', path);
      assert.equal(await corsOf(`/t/${'A'.repeat(40)}${path}`), undefined, path);
    }
    assert.equal(await corsOf(`${rightTo('signed')}/live/unlisted/index.m3u8`), undefined);
    assert.equal(await corsOf(`${rightTo('signed')}/api/v1/streams/unlisted`), undefined);
  });

  test('is distinguished from requests without Origin, pages of this computer and this server, and forwarded requests', async () => {
    const { url } = shared();
    const others: readonly Record<string, string>[] = [
      {},
      { origin: 'http://localhost:3000' },
      { origin: 'http://127.0.0.1:5173' },
      { origin: 'http://[::1]' },
      { origin: url },
      { host: 'tv.example', origin: 'http://tv.example' },
      { ...FOREIGN, 'sec-fetch-site': 'same-origin' },
      { ...FOREIGN, 'x-forwarded-for': '192.0.2.1' },
    ];
    for (const path of ['/live/cam/v0/7.m4s', '/live/unlisted/index.m3u8', '/api/v1/streams/unlisted']) {
      for (const headers of others) assert.equal(await corsOf(path, headers), '*', JSON.stringify(headers));
      for (const origin of ['null', 'https://localhost.evil.example', 'nonsense']) {
        assert.equal(await corsOf(path, { origin }), undefined, origin);
      }
    }
  });

  test('opens no WebSocket, except for a stream that was set to public or with a playback token', async () => {
    const open = async (path: string, headers: Record<string, string>) => {
      const socket = new WebSocket(shared().url.replace('http', 'ws') + path, { headers });
      socket.on('error', () => {}); // that it was refused is what is looked at
      const opened = once(socket, 'open').then(() => 101);
      const refused = once(socket, 'unexpected-response').then(async ([, response]) => {
        const [body] = (await once(response, 'data')) as [Buffer];
        assert.match(String(body), /"code":"cross-site".*visibility: public/);
        return response.statusCode as number;
      });
      const status = await Promise.race([opened, refused]);
      socket.terminate();
      return status;
    };
    assert.equal(await open('/api/v1/events', FOREIGN), 403);
    assert.equal(await open('/api/v1/events', { origin: 'null' }), 403);
    assert.equal(await open('/api/v1/events?stream=unlisted', FOREIGN), 403);
    assert.equal(await open('/api/v1/events?stream=public', FOREIGN), 101);
    assert.equal(await open(`${rightTo('signed')}/api/v1/events?stream=signed`, FOREIGN), 101);
    assert.equal(await open('/api/v1/events', {}), 101);
    assert.equal(await open('/api/v1/events', { origin: shared().url }), 101);
    assert.equal(await open('/api/v1/events', { ...FOREIGN, ...asAdmin }), 101, 'a program with a token is not a page');
  });

  test('watches by WHEP what it may watch, and publishes by WHIP with a key alone', async () => {
    const offer = async (path: string, fields: Record<string, string>) => {
      const headers = { ...FOREIGN, 'content-type': 'application/sdp', ...fields };
      const response = await fetch(shared().url + path, { method: 'POST', headers, body: 'v=0' });
      return [response.status, response.headers.get(CORS)];
    };
    const preflight = async (path: string, needs: string) =>
      (
        await sendRequest(shared(), path, {
          headers: { ...FOREIGN, 'access-control-request-headers': needs, 'access-control-request-method': 'POST' },
          method: 'OPTIONS',
        })
      ).headers[CORS];
    const bearer = (stream: string) => ({ authorization: `Bearer ${rightTo(stream).slice('/t/'.length)}` });
    for (const stream of ['unlisted', 'signed', 'private', 'none', 'cam']) {
      assert.deepEqual(await offer(`/whep/${stream}`, {}), [403, null], stream);
      assert.deepEqual(await offer(`/whep/${stream}`, { origin: 'null' }), [403, null], stream);
      assert.deepEqual(await offer(`/whep/${stream}`, bearer('public')), [403, null], 'a token of another stream');
      assert.equal(await preflight(`/whep/${stream}`, 'content-type'), undefined, stream);
    }
    assert.deepEqual(await offer('/whep/public', {}), [201, '*']);
    assert.deepEqual(await offer('/whep/signed', bearer('signed')), [201, '*']);
    assert.deepEqual(await offer('/whep/unlisted', { origin: 'http://localhost:3000' }), [201, '*']);
    assert.deepEqual(await offer('/whep/unlisted', { 'x-forwarded-for': '192.0.2.1' }), [201, '*']);
    assert.equal(await preflight('/whep/public', 'content-type'), '*');
    assert.equal(await preflight('/whep/unlisted', 'authorization,content-type'), '*', 'it may have a token');
    for (const stream of ['unlisted', 'public']) {
      assert.deepEqual(await offer(`/whip/${stream}`, {}), [403, null], stream);
      assert.equal(await preflight(`/whip/${stream}`, 'content-type'), undefined, stream);
    }
    assert.deepEqual(
      await offer('/whip/unlisted', { authorization: 'Bearer ok_key' }),
      [201, '*'],
      'its key is judged',
    );
    assert.deepEqual(await offer('/whip/unlisted', { origin: shared().url }), [201, '*']);
    assert.equal(await preflight('/whip/unlisted', 'Content-Type, Authorization'), '*');
    assert.equal(await corsOf('/whep/unlisted/session', FOREIGN, 'DELETE'), '*', 'who has its address was given it');
  });

  test('reads no media over HTTP/2 either', { skip: need('openssl') }, async () => {
    await using folder = await openFolder('foreign-pages');
    const pair = await makeCertificate(folder.path, 'first');
    await using server = await startTestServer({ answer }, pair);
    await using client = await openHttp2(server.url);
    const cors = async (path: string, headers: Record<string, string>) =>
      (await client.ask(path, headers)).headers[CORS];
    for (const path of ['/live/unlisted/index.m3u8', '/api/v1/streams/unlisted']) {
      assert.equal(await cors(path, FOREIGN), undefined, path);
      assert.equal(await cors(path, {}), '*', path);
      assert.equal(await cors(path, { origin: server.url }), '*', path);
    }
    assert.equal(await cors('/live/public/index.m3u8', FOREIGN), '*');
  });
});

test('a foreign page is one whose origin is not on this computer, and whose request was not forwarded', () => {
  assert.ok(!isFromForeignPage({}));
  assert.ok(isFromForeignPage(FOREIGN));
  assert.ok(!isFromForeignPage({ ...FOREIGN, forwarded: 'for=192.0.2.1' }));
});

test('if other computers reach the listener, directly or by a proxy, caches store one answer for all', async () => {
  assert.equal(readableFields('127.0.0.1', undefined).vary, 'Origin');
  assert.equal(readableFields('127.0.0.1', 'http://localhost:8080').vary, 'Origin');
  assert.equal(readableFields('127.0.0.1', 'https://tv.example').vary, undefined);
  assert.equal(readableFields('0.0.0.0', undefined).vary, undefined);
  await using server = await startTestServer();
  const pages = createForeignPages('0.0.0.0', false, server.deps);
  const asked = { headers: FOREIGN, remoteAddress: '192.0.2.1', sender: undefined };
  assert.equal(pages.fieldsFor(asked, { stream: 'unlisted', token: undefined })[CORS], '*');
  pages.refuseForeign(asked, { stream: undefined, token: undefined });
});
