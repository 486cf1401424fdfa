import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { enterRoom, refusalOf } from '../../src/features/rooms/sockets/room-client.fixture.ts';
import { type CertificatePair, makeCertificate } from '../fixtures/certificate.ts';
import { type Http2Client, openHttp2 } from '../fixtures/http2.ts';
import { need } from '../fixtures/need.ts';
import { EventStream } from '../fixtures/proxies/event-stream.ts';
import { type RunningProxy, startCaddyProxy, startHaproxy, startNginx } from '../fixtures/proxies/proxy.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

/**
 * Rounds in which an answer may come too late: one that comes through a proxy must come before the next part
 * is there. A proxy that holds back is late in each round, a busy machine is not.
 */
const ROUNDS = 12;
/** Longer than by default: a busy machine has half a second for an answer. */
const PART = '500ms';
const asAdmin = { authorization: 'Bearer let-me-in-please' };

let folder: Folder;
let server: Server;
let certificate: CertificatePair;
/** Path of the live list. */
let list: string;
let room: string;

before(async () => {
  folder = await openFolder('proxies');
  if (need('openssl')) return;
  certificate = await makeCertificate(folder.path, 'proxy');
  server = await startServer({
    data: join(folder.path, 'data'),
    args: [...smallPicture, '--hls-part-duration', PART, '--admin-token', 'let-me-in-please'],
  });
  const made = await server.fetch('/api/v1/rooms', {
    method: 'POST',
    headers: { ...asAdmin, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Friday' }),
  });
  room = ((await made.json()) as { id: string }).id;
  await server.stream('demo');
  const index = Buffer.from(await server.bytes('/live/demo/index.m3u8')).toString();
  list = `/live/demo/${index.trim().split('\n').at(-1)}`;
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** What the live list announces: the part that is not there yet. */
async function hinted(): Promise<{ readonly msn: number; readonly part: number; readonly path: string }> {
  const text = Buffer.from(await server.bytes(list)).toString();
  const [, uri, msn, part] = /PRELOAD-HINT:TYPE=PART,URI="((\d+)\.(\d+)\.m4s)"/.exec(text) ?? assert.fail(text);
  return { msn: Number(msn), part: Number(part), path: `${list.replace(/[^/]+$/, '')}${uri}` };
}

async function straight(path: string): Promise<{ readonly body: Buffer; readonly atMs: number }> {
  const body = Buffer.from(await server.bytes(path));
  return { body, atMs: performance.now() };
}

/** Players that have reported a session. */
async function reported(): Promise<readonly { readonly state: string | null; readonly live: boolean | null }[]> {
  const answer = await server.fetch('/api/v1/streams/demo/sessions', { headers: asAdmin });
  const { items } = (await answer.json()) as { items: { state: string | null; live: boolean | null }[] };
  return items.filter(({ state }) => state !== null);
}

/** When the part behind one that is not there yet is listed, straight from oxbow. */
async function nextPart({ msn, part }: { readonly msn: number; readonly part: number }): Promise<number> {
  return (await straight(`${list}?_HLS_msn=${msn}&_HLS_part=${part + 1}`)).atMs;
}

for (const [program, start] of [
  ['nginx', startNginx],
  ['haproxy', startHaproxy],
  ['caddy', startCaddyProxy],
] as const) {
  suite(`behind ${program}, with the file in deploy/`, { skip: need(program) || need('openssl') }, () => {
    let proxy: RunningProxy;
    let client: Http2Client;

    before(async () => {
      const own = join(folder.path, program);
      await mkdir(own);
      proxy = await start({ origin: new URL(server.url).host, certificate, folder: own });
      client = await openHttp2(proxy.url);
    });
    after(async () => {
      await client?.[Symbol.asyncDispose]();
      await proxy?.[Symbol.asyncDispose]();
    });

    test('viewers get HTTP/2; plain HTTP redirects to HTTPS', async () => {
      assert.equal(client.session.alpnProtocol, 'h2');
      const [response] = (await once(get(`${proxy.plainUrl}/watch/demo`), 'response')) as [IncomingMessage];
      response.resume();
      assert.equal(response.statusCode, 308);
      assert.match(
        response.headers.location!,
        /^https:\/\/127\.0\.0\.1\/watch\/demo|^https:\/\/127\.0\.0\.1:\d+\/watch/,
      );
    });

    test('a held reload, and the part it announces, come as fast as directly from oxbow', async () => {
      let inTime = 0;
      for (let i = 0; i < ROUNDS && inTime < 3; i++) {
        const { msn, part, path } = await hinted();
        const reload = `${list}?_HLS_msn=${msn}&_HLS_part=${part}`;
        const [nextMs, ownPart, proxied, proxiedPart] = await Promise.all([
          nextPart({ msn, part }),
          straight(path),
          client.ask(`${reload}&CMCD=sid%3D%22${i}%22`),
          client.ask(path),
        ]);
        assert.equal(proxied.status, 200);
        assert.ok(String(proxied.body).includes(`"${msn}.${part}.m4s"`), 'it has the requested part');
        const [, target] = /TARGETDURATION:(\d+)/.exec(String(proxied.body))!;
        assert.equal(proxied.headers['cache-control'], `public, max-age=${6 * Number(target)}`);
        assert.equal(proxiedPart.status, 200);
        assert.ok(proxiedPart.body.equals(ownPart.body));
        if (proxied.atMs < nextMs && proxiedPart.atMs < nextMs) inTime += 1;
      }
      assert.equal(inTime, 3, 'rounds in which both came before the next part was there');
    });

    test('all viewers with the same held reload get it at the same time', async () => {
      const late: number[] = [];
      do {
        const { msn, part } = await hinted();
        const asked = Array.from({ length: 40 }, () => client.ask(`${list}?_HLS_msn=${msn}&_HLS_part=${part}`));
        const [nextMs, ...answers] = await Promise.all([nextPart({ msn, part }), ...asked]);
        assert.ok(answers.every(({ status }) => status === 200));
        late.push(answers.filter(({ atMs }) => atMs > nextMs).length);
      } while (late.at(-1)! > 0 && late.length < ROUNDS);
      assert.equal(late.at(-1), 0, `so many of 40 came after the next part was there: ${late.join(', ')}`);
    });

    test('each later reload gets another response, and one without directives is never stale', async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 3; i++) {
        const { msn, part } = await hinted();
        const { status, body } = await client.ask(`${list}?_HLS_msn=${msn}&_HLS_part=${part}`);
        assert.equal(status, 200);
        seen.add(/PRELOAD-HINT.*/.exec(String(body))![0]);
      }
      assert.equal(seen.size, 3);
      const { msn } = await hinted();
      const { body } = await client.ask(list);
      const [, shown] = /PRELOAD-HINT.*URI="(\d+)\./.exec(String(body))!;
      assert.ok(Number(shown) >= msn - 1, 'it may be kept for a second: no longer than a segment');
    });

    test('the proxy passes ranges, 304, HEAD, gzip and types unchanged', async () => {
      // One that is listed: what comes before the hint may have its parts and not be closed yet.
      const [listed] = /^\d+\.m4s$/m.exec(Buffer.from(await server.bytes(list)).toString())!;
      const segment = `${list.replace(/[^/]+$/, '')}${listed}`;
      const { body: whole } = await straight(segment);
      // Asked twice: the second answer may come from the proxy's cache.
      for (const round of [1, 2]) {
        const { status, headers, body } = await client.ask(segment);
        assert.equal(status, 200, `round ${round}`);
        assert.ok(body.equals(whole));
        assert.equal(headers['content-type'], 'video/iso.segment');
        assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
        assert.equal(headers['access-control-allow-origin'], '*');
        assert.match(headers['access-control-expose-headers']!, /Retry-After/);
        const range = await client.ask(segment, { range: 'bytes=100-299' });
        assert.deepEqual([range.status, range.headers['content-range']], [206, `bytes 100-299/${whole.length}`]);
        assert.ok(range.body.equals(whole.subarray(100, 300)));
        assert.equal((await client.ask(segment, { range: `bytes=${whole.length}-` })).status, 416);
        assert.equal((await client.ask(segment, { 'if-none-match': headers.etag! })).status, 304);
        const head = await client.ask(segment, { ':method': 'HEAD' });
        assert.deepEqual([head.status, head.headers['content-length']], [200, String(whole.length)]);
        const preflight = await client.ask(segment, { ':method': 'OPTIONS', origin: 'https://elsewhere.example' });
        assert.deepEqual([preflight.status, preflight.headers['access-control-max-age']], [204, '86400']);
      }
      const zipped = await client.ask(list, { 'accept-encoding': 'br, gzip' });
      const plain = await client.ask(list);
      assert.equal(zipped.headers['content-encoding'], 'gzip');
      assert.equal(plain.headers['content-encoding'], undefined);
      assert.match(String(plain.headers.vary), /^Accept-Encoding\b/);
      assert.match(String(gunzipSync(zipped.body)), /^#EXTM3U/);
      assert.match(String(plain.body), /^#EXTM3U/);
    });

    // The files for HAProxy and Caddy keep nothing.
    const caches = program === 'nginx' ? test : () => {};
    caches('oxbow is asked once for what many want, and for what differs in nothing but CMCD', async () => {
      const asked = async (kind: string): Promise<number> => {
        const printed = Buffer.from(await server.bytes('/metrics')).toString();
        const found = printed.matchAll(new RegExp(`^oxbow_http_requests_total\\{class="${kind}",.*\\} (\\d+)$`, 'gm'));
        return [...found].reduce((sum, [, count]) => sum + Number(count), 0);
      };
      // The newest listed one; the first one was requested already.
      const listed = await until('there are two segments', async () => {
        const [, ...others] = Buffer.from(await server.bytes(list))
          .toString()
          .matchAll(/^\d+\.m4s$/gm);
        return others.at(-1)?.[0];
      });
      const segments = await asked('segment');
      const segment = `${list.replace(/[^/]+$/, '')}${listed}`;
      const crowd = await Promise.all(Array.from({ length: 30 }, (_, i) => client.ask(`${segment}?CMCD=rtp%3D${i}`)));
      assert.ok(crowd.every(({ status }) => status === 200));
      assert.equal((await asked('segment')) - segments, 1);
      const { msn, part } = await hinted();
      const playlists = await asked('playlist');
      const reload = `${list}?_HLS_msn=${msn}&_HLS_part=${part}`;
      const first = await client.ask(reload);
      for (const query of ['&CMCD=bs', '&CMCD=bl%3D100', '']) {
        assert.deepEqual((await client.ask(reload + query)).body, first.body);
      }
      assert.equal((await asked('playlist')) - playlists, 1);
    });

    test('viewers whose requests the cache answers are counted by their reports, once each, and leave with a goodbye', async () => {
      const players = Array.from({ length: 12 }, (_, i) => `${program}-${i}`);
      const cmcd = (text: string) => `?CMCD=${encodeURIComponent(text)}`;
      const count = async () => (await server.stream('demo')).viewers;
      const report = (sid: string, state: string) =>
        client.ask(`/live/demo/session${cmcd(`sid="${sid}",sta=${state},st=ll`)}`, { ':method': 'POST' });
      const { path } = await hinted();
      const folderOf = path.replace(/[^/]+$/, '');
      const [segment] = /^\d+\.m4s$/m.exec(Buffer.from(await server.bytes(list)).toString())!;
      const before = await count();
      for (const sid of players) await client.ask(`${folderOf}${segment}${cmcd(`sid="${sid}"`)}`);
      const known = await count();
      if (program === 'nginx') assert.ok(known <= before + 1, `${known - before} of ${players.length} reached oxbow`);
      for (const sid of players) {
        const { status, headers } = await report(sid, 'p');
        assert.deepEqual([status, headers['cache-control']], [204, 'no-store']);
      }
      assert.ok((await count()) >= players.length, 'each is counted');
      // The same players with requests that do reach oxbow.
      for (const sid of players) await server.bytes(`${folderOf}${segment}${cmcd(`sid="${sid}"`)}`);
      const playing = async () => (await reported()).filter(({ state, live }) => state === 'playing' && live).length;
      assert.equal(await playing(), players.length, 'and no more than once');
      for (const sid of players) await report(sid, 'e');
      assert.equal(await playing(), 0);
    });

    test('the proxy passes errors unchanged and caches none', async () => {
      const { msn } = await hinted();
      for (const [path, status, code] of [
        [`${list.replace(/[^/]+$/, '')}${msn + 50}.m4s`, 404, 'not-found'],
        [`${list}?_HLS_msn=${msn + 50}`, 400, 'bad-request'],
        ['/live/unknown/index.m3u8', 404, 'stream-unknown'],
        ['/vod/demo/1000000000/1000000600/index.m3u8', 404, 'no-media'],
        ['/api/v1/nothing', 404, 'not-found'],
      ] as const) {
        const { status: was, headers, body } = await client.ask(path);
        assert.deepEqual([was, JSON.parse(String(body)).code], [status, code], path);
        assert.deepEqual([headers['content-type'], headers['cache-control']], ['application/problem+json', 'no-store']);
      }
    });

    test('links in a page have the address and port that viewers use, and ignore other forwarded hosts', async () => {
      const page = await client.ask('/watch/demo', { 'x-forwarded-host': 'evil.example' });
      const [, url] = /property="og:url" content="([^"]*)"/.exec(String(page.body)) ?? [];
      assert.equal(url, `${proxy.url}/watch/demo`);
    });

    test('oxbow accepts any host name that viewers use, without a setting', async () => {
      const name = { ':authority': 'tv.example' };
      const page = await client.ask('/watch/demo', name);
      assert.equal(page.status, 200);
      assert.match(String(page.body), /property="og:url" content="https:\/\/tv\.example\/watch\/demo"/);
      for (const path of [list, '/api/v1/streams']) assert.equal((await client.ask(path, name)).status, 200, path);
      assert.equal((await client.ask('/metrics', name)).status, 401, 'and it is no operator');
    });

    test('events come over a WebSocket', async () => {
      const socket = new WebSocket(`${proxy.url.replace('https', 'wss')}/api/v1/events`, { rejectUnauthorized: false });
      const [message] = (await once(socket, 'message')) as [Buffer];
      assert.equal(JSON.parse(String(message)).type, 'events.ready');
      socket.terminate();
    });

    test('server-sent events come at once, also through a proxy that buffers; one that restarts loses none', async () => {
      const mark = async (text: string) => {
        const headers = { ...asAdmin, 'content-type': 'application/json' };
        const body = JSON.stringify({ at: new Date().toISOString(), text });
        const made = await server.fetch('/api/v1/streams/demo/markers', { method: 'POST', headers, body });
        assert.equal(made.status, 201, await made.text());
      };
      const own = join(folder.path, `${program}-events`);
      await mkdir(own);
      const plan = { origin: new URL(server.url).host, certificate, folder: own, buffers: true };
      const first = await start(plan);
      const before = await EventStream.open(first.url);
      const { id } = await before.next('events.ready');
      await mark('one');
      assert.equal((await before.next('marker.added')).data.text, 'one');
      await first[Symbol.asyncDispose]();
      await before.ended;
      await mark('two');
      await using second = await start(plan);
      await using after = await EventStream.open(second.url, { 'last-event-id': id });
      assert.equal((await after.next('events.ready')).data.replayed, 2);
      assert.deepEqual(
        [(await after.next('marker.added')).data.text, (await after.next('marker.added')).data.text],
        ['one', 'two'],
      );
      await mark('three');
      assert.equal((await after.next('marker.added')).data.text, 'three');
    });

    test('a room works over a WebSocket, for pages of the public address alone', async () => {
      const options = { headers: asAdmin, rejectUnauthorized: false };
      const [first, second] = await Promise.all(
        [1, 2].map(() => enterRoom(proxy.url, room, { ...options, origin: proxy.url })),
      );
      first!.send({ t: 'chat', id: `message-${program}`, text: 'through the proxy' });
      assert.equal((await second!.next('message')).message.text, 'through the proxy');
      assert.equal((await first!.next('ack')).id, `message-${program}`);
      for (const { socket } of [first!, second!]) socket.terminate();
      const origin = 'https://evil.example';
      assert.equal(await refusalOf(proxy.url, room, { ...options, origin }), '403 cross-site');
    });

    test('a page, the API and a clip work; remote users are not operators', async () => {
      assert.match((await client.ask('/')).headers['content-security-policy']!, /default-src 'self'/);
      assert.equal((await client.ask('/api/v1/streams')).status, 200);
      const { recorded } = await server.stream('demo');
      const fromS = Math.ceil(Date.parse(recorded.from!) / 1000);
      const { status, body } = await client.ask(`/clip/demo/${fromS}/2.mp4`);
      assert.deepEqual([status, String(body.subarray(4, 8))], [200, 'ftyp']);
      // Metrics are for this computer alone, and a request that was forwarded is not from here.
      assert.equal((await client.ask('/metrics')).status, 401);
    });

    test('rate limits apply to clients with forged forwarding headers', async () => {
      const forged = { 'x-forwarded-for': '1.2.3.4, unknown', forwarded: 'for=1.2.3.4' };
      const crowd = () => Promise.all(Array.from({ length: 40 }, () => client.ask(path, forged)));
      const path = '/clip/demo/1000000000/60.mp4';
      // A minute has 120 turns, so a slow machine needs more requests than that.
      await until('one is refused', async () => (await crowd()).some(({ status }) => status === 429), { everyMs: 0 });
    });
  });
}
