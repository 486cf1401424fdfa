import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server as StandIn } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { WebSocket } from 'ws';
import { need } from '../fixtures/need.ts';
import { type RunningCache, startNginxCache, startVarnishCache } from '../fixtures/proxies/cache.ts';
import { type CrowdReport, hintIn, watch } from '../fixtures/proxies/viewers.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
const VIEWERS = 500;
/** Reloads of the viewer next to the crowd. */
const RELOADS = 30;

let folder: Folder;
let server: Server;
/** Path of the live list of a stream, of its only rendition. */
let list: string;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** The address of the client. */
  readonly from?: string;
}

/** One request on its own connection; the path is sent as it is. */
async function ask(base: string, path: string, { method = 'GET', headers = {}, from }: Asked = {}): Promise<Answer> {
  const { hostname, port } = new URL(base);
  const sent = request({ host: hostname, port, path, method, headers, localAddress: from, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return { status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) };
}

/** Requests of media that oxbow has answered, by class. */
async function counts(): Promise<Readonly<Record<string, number>>> {
  const text = Buffer.from(await server.bytes('/metrics')).toString();
  const sums: Record<string, number> = {};
  for (const [, kind, count] of text.matchAll(/^oxbow_http_requests_total\{class="([a-z]+)",.*\} (\d+)$/gm))
    sums[kind!] = (sums[kind!] ?? 0) + Number(count);
  return sums;
}

/** How many requests of some classes a piece of work causes at oxbow. */
async function caused(kinds: readonly string[], work: () => Promise<unknown>): Promise<number> {
  const sum = (all: Readonly<Record<string, number>>) => kinds.reduce((total, kind) => total + (all[kind] ?? 0), 0);
  const begin = sum(await counts());
  await work();
  return sum(await counts()) - begin;
}

const post = async (path: string, body: unknown = {}, method = 'POST') => {
  const init = { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await server.fetch(path, init);
  assert.ok(response.ok, await response.clone().text());
  return response.status === 204 ? {} : ((await response.json()) as Record<string, string>);
};

/** The path of the live list of a stream. */
async function listOf(name: string, prefix = ''): Promise<string> {
  const { body } = await ask(server.url, `${prefix}/live/${name}/index.m3u8`);
  return `/live/${name}/${String(body).trim().split('\n').at(-1)}`;
}

/** What a list announces. */
async function hinted(path = list): Promise<{ readonly msn: number; readonly part: number; readonly uri: string }> {
  return hintIn(String((await ask(server.url, path)).body)) ?? assert.fail('the list announces a part');
}

/** The newest listed segment. */
const segmentOf = (path: string, prefix = '') =>
  until('a segment is listed', async () => {
    const [segment] =
      String((await ask(server.url, prefix + path)).body)
        .match(/^\d+\.m4s$/gm)
        ?.slice(-1) ?? [];
    return segment !== undefined && `${path.slice(0, path.lastIndexOf('/'))}/${segment}`;
  });

before(async () => {
  folder = await openFolder('cdn');
  server = await startPlainServer({
    data: join(folder.path, 'data'),
    args: [...smallPicture, '--hls-part-duration', '500ms'],
    adminToken,
    sample: false,
  });
  for (const [name, visibility] of [
    ['cam', 'public'],
    ['closed', 'signed'],
  ] as const)
    await post('/api/v1/streams', { name, source: { type: 'test' }, visibility });
  for (const name of ['cam', 'closed']) await server.stream(name);
  list = await listOf('cam');
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const caches = {
  nginx: {
    start: startNginxCache,
    program: 'nginx',
    purge: (base: string, path: string, asked: Asked = {}) => ask(base, `/_oxbow/purge${path}`, asked),
    /** As docs/9-run/cdn.md says. */
    async purgeStream({ reload }: RunningCache, own: string, stream: string) {
      const line = `"~^(?:/_oxbow/purge|/t/[^/]+)?/[a-z]+/${stream}/" 1;\n`;
      await writeFile(join(own, 'oxbow_purged.map'), line);
      reload();
    },
  },
  varnish: {
    start: startVarnishCache,
    program: 'varnishd',
    purge: (base: string, path: string, asked: Asked = {}) => ask(base, path, { ...asked, method: 'PURGE' }),
    async purgeStream({ url }: RunningCache, _: string, stream: string) {
      assert.equal((await ask(url, `/live/${stream}/`, { method: 'PURGE' })).status, 200);
    },
  },
};

for (const [name, { start, program, purge, purgeStream }] of Object.entries(caches)) {
  suite(`behind ${name}, with the file that oxbow prints`, { skip: need(program) }, () => {
    let own: string;
    let cache: RunningCache;
    before(async () => {
      own = join(folder.path, name);
      await mkdir(own);
      cache = await start({ origin: server.url, folder: own, flags: ['--recheck', '1s'] });
    });
    after(() => cache?.[Symbol.asyncDispose]());

    test(`${VIEWERS} viewers cause at most 1.1 times the requests of one`, async (context) => {
      using _end = { [Symbol.dispose]: () => leave.abort() };
      const leave = new AbortController();
      const { signal } = leave;
      let one = 0;
      let crowd: CrowdReport | undefined;
      const all = await caused(['playlist', 'part'], async () => {
        const watching = watch({ base: cache.url, lists: [list], viewers: VIEWERS, signal });
        one = (await watch({ base: server.url, lists: [list], viewers: 1, reloads: RELOADS, signal })).requests;
        leave.abort();
        crowd = await watching;
      });
      const { requests, refused, reloads, addresses } = crowd!;
      assert.deepEqual(refused, []);
      assert.ok(requests > (VIEWERS * one) / 2, `${requests} requests of ${VIEWERS} viewers, ${one} of one`);
      assert.ok(reloads.size >= RELOADS / 2);
      const counted = `${requests} requests of ${VIEWERS} viewers: ${all - one} at oxbow, for ${addresses} addresses`;
      context.diagnostic(`${counted}; of one viewer ${one}`);
      // On a busy machine a viewer that is late leaves parts out; one that is never late requests each
      // address.
      assert.ok(all - one <= 1.1 * addresses, counted);
    });

    test('a held reload comes when the part is there, with the bytes of oxbow and without waste of CMCD', async () => {
      const { msn, part, uri } = await hinted();
      const reload = `${list}?_HLS_msn=${msn}&_HLS_part=${part}`;
      const path = `${list.slice(0, list.lastIndexOf('/'))}/${uri}`;
      const playlists = await caused(['playlist'], async () => {
        const [first, second] = await Promise.all([
          ask(cache.url, `${reload}&CMCD=sid%3D%22a%22`),
          ask(cache.url, `${list}?CMCD=bs&_HLS_part=${part}&_HLS_msn=${msn}`),
        ]);
        assert.equal(first.status, 200);
        assert.ok(String(first.body).includes(`"${msn}.${part}.m4s"`), 'it has the requested part');
        assert.deepEqual(second.body, first.body);
        assert.equal(first.headers['access-control-allow-origin'], '*');
      });
      assert.equal(playlists, 1);
      assert.deepEqual((await ask(cache.url, path)).body, (await ask(server.url, path)).body);
    });

    test('a directive in other letters is no part of the key, and reaches oxbow as nothing', async () => {
      const { msn, part } = await hinted();
      for (const query of [`_hls_msn=${msn}`, `%5FHLS_msn=${msn + 1}`]) {
        assert.equal((await ask(cache.url, `${list}?${query}&_HLS_skip=x!`)).status, 200);
      }
      const { body } = await ask(cache.url, `${list}?_HLS_msn=${msn}&_HLS_part=${part}`);
      assert.ok(String(body).includes(`"${msn}.${part}.m4s"`), 'the key of the part has no older list');
      const segment = await segmentOf(list);
      const fetched = await caused(['segment'], async () => {
        for (const query of ['', '?x=1', '?_HLS_msn=1', '?_HLS_skip=YES']) await ask(cache.url, segment + query);
      });
      assert.ok(fetched <= 1, `${fetched} requests at oxbow for one segment`);
    });

    test('ranges, 304, HEAD, preflights and gzip pass; reports, the API and WebSockets are forwarded', async () => {
      const segment = await segmentOf(list);
      const { body: whole, headers } = await ask(server.url, segment);
      for (const _ of ['from oxbow', 'from the cache']) {
        const answer = await ask(cache.url, segment);
        assert.deepEqual([answer.status, answer.body], [200, whole]);
        assert.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable');
        const range = await ask(cache.url, segment, { headers: { range: 'bytes=10-19' } });
        assert.deepEqual([range.status, range.body], [206, whole.subarray(10, 20)]);
        const same = await ask(cache.url, segment, { headers: { 'if-none-match': headers.etag! } });
        assert.equal(same.status, 304);
        const head = await ask(cache.url, segment, { method: 'HEAD' });
        assert.equal(head.headers['content-length'], String(whole.length));
        assert.equal((await ask(cache.url, segment, { method: 'OPTIONS' })).status, 204);
      }
      const zipped = await ask(cache.url, list, { headers: { 'accept-encoding': 'gzip' } });
      assert.equal(zipped.headers['content-encoding'], 'gzip');
      assert.equal((await ask(cache.url, list)).headers['content-encoding'], undefined);
      const cmcd = encodeURIComponent(`e=t,sid="${name}",st=l,sta=p,v=2`);
      for (const _ of ['first', 'second']) {
        const report = await ask(cache.url, `/live/cam/session?CMCD=${cmcd}`, { method: 'POST' });
        assert.deepEqual([report.status, report.headers['cache-control']], [204, 'no-store']);
      }
      assert.equal((await ask(cache.url, '/api/v1/streams/cam')).status, 200);
      assert.equal((await ask(cache.url, '/metrics')).status, 401, 'a forwarded request is not from this computer');
      const socket = new WebSocket(`${cache.url.replace('http', 'ws')}/api/v1/events?stream=cam`);
      const [message] = (await once(socket, 'message')) as [Buffer];
      assert.equal(JSON.parse(String(message)).type, 'events.ready');
      socket.terminate();
    });

    test('an error is not kept: a stream that did not exist is there as soon as it is made', async () => {
      const later = `later-${name}`;
      const path = `/live/${later}/index.m3u8`;
      const missing = await ask(cache.url, path);
      assert.deepEqual([missing.status, missing.headers['cache-control']], [404, 'no-store']);
      assert.equal(JSON.parse(String(missing.body)).code, 'stream-unknown');
      await post('/api/v1/streams', { name: later, source: { type: 'test' }, visibility: 'public' });
      await server.stream(later);
      assert.equal((await ask(cache.url, path)).status, 200);
      await server.fetch(`/api/v1/streams/${later}`, { method: 'DELETE' });
    });

    test('of an origin that answers 503, 404, 410 and private media, only 410 is kept; one that is away is a 503', async () => {
      const asked: string[] = [];
      const fields: Readonly<Record<string, [number, string]>> = {
        503: [503, 'no-store'],
        404: [404, 'no-store'],
        410: [410, 'public, max-age=60'],
        200: [200, 'private, max-age=60'],
        201: [200, 'public, max-age=60'],
      };
      await using origin = await standIn((message, answer) => {
        const key = /(\d+)\.m4s/.exec(message)![1]!;
        asked.push(key);
        const [status, cacheControl] = fields[key]!;
        answer(status, { 'cache-control': cacheControl }, key);
      });
      const further = join(own, 'stand-in');
      await mkdir(further);
      await using before = await start({ origin: origin.url, folder: further });
      for (const key of Object.keys(fields)) {
        for (const _ of [1, 2, 3]) {
          const { status, body } = await ask(before.url, `/live/cam/v0/${key}.m4s`);
          assert.deepEqual([status, String(body)], [fields[key]![0], key]);
        }
      }
      const times = Object.fromEntries(
        Object.keys(fields).map((key) => [key, asked.filter((each) => each === key).length]),
      );
      assert.deepEqual(times, { 503: 3, 404: 3, 410: 1, 200: 3, 201: 1 });
      await origin[Symbol.asyncDispose]();
      for (const path of ['/live/cam/v0/1.m4s', '/t/AAAA/live/cam/v0/1.m4s', '/api/v1/streams']) {
        const { status, headers } = await ask(before.url, path);
        assert.equal(status, 503, path);
        assert.deepEqual([headers['cache-control'], headers['retry-after']], ['no-store', '1']);
        assert.equal(headers['access-control-allow-origin'], '*');
      }
    });

    test('viewers with different tokens share a copy, which no one gets without a valid token', async () => {
      const tokens = await Promise.all(
        [1, 2].map(async () => (await post('/api/v1/streams/closed/watch-tokens', { expires: '1h' })).token!),
      );
      const { token: other } = await post('/api/v1/streams/cam/watch-tokens', { expires: '1h' });
      const path = await listOf('closed', `/t/${tokens[0]}`);
      const segment = await segmentOf(path, `/t/${tokens[0]}`);
      const fetched = await caused(['segment'], async () => {
        for (const token of [...tokens, ...tokens]) {
          const { status, headers } = await ask(cache.url, `/t/${token}${segment}`);
          assert.equal(status, 200);
          assert.match(headers['cache-control']!, /^private/);
        }
      });
      assert.equal(fetched, 1);
      assert.equal((await ask(cache.url, segment)).status, 404);
      for (const token of [other, `${tokens[0]!.slice(0, -2)}AA`]) {
        const refused = await ask(cache.url, `/t/${token}${segment}`);
        assert.equal(refused.status, 403);
        assert.equal(JSON.parse(String(refused.body)).code, 'watch-refused');
        assert.equal(refused.headers['cache-control'], 'no-store');
      }
      // Of a stream that the token is for, with a path that leads to another.
      for (const up of ['..', '%2e%2e', '.%2E', 'v0/../..'])
        assert.notEqual(
          (await ask(cache.url, `/t/${other}/live/cam/${up}${segment.slice('/live'.length)}`)).status,
          200,
        );
      const { msn, part } = hintIn(String((await ask(server.url, `/t/${tokens[1]}${path}`)).body))!;
      const reload = `/t/${tokens[1]}${path}?_HLS_msn=${msn}&_HLS_part=${part}`;
      assert.ok(String((await ask(cache.url, reload)).body).includes(`"${msn}.${part}.m4s"`));
      await post('/api/v1/streams/closed/watch-tokens/revoke');
      await until('the tokens are refused', async () => {
        const statuses = await Promise.all(
          tokens.map(async (token) => (await ask(cache.url, `/t/${token}${segment}`)).status),
        );
        return statuses.every((status) => status === 403);
      });
    });

    test('rules by network hold for each viewer, also where another one has brought a copy', async () => {
      const [inside, outside] = ['127.0.0.5', '127.0.0.6'];
      const rule = (stream: string, watchRules: unknown) => post(`/api/v1/streams/${stream}`, { watchRules }, 'PATCH');
      const { token } = await post('/api/v1/streams/closed/watch-tokens', { expires: '1h' });
      const paths = new Map([
        ['cam', list],
        ['closed', await listOf('closed', `/t/${token}`)],
      ]);
      for (const [stream, path] of paths) {
        await rule(stream, { allow: [inside] });
        const prefix = stream === 'closed' ? `/t/${token}` : '';
        try {
          // A segment of before the rules may be in the cache, public: this one is new.
          const { msn } = await until('a segment comes', async () => {
            const { body } = await ask(server.url, prefix + path, { from: inside });
            return hintIn(String(body));
          });
          const segment = `${path.slice(0, path.lastIndexOf('/'))}/${msn}.m4s`;
          const from = (address: string) => ask(cache.url, prefix + segment, { from: address });
          await until('the viewer inside has it', async () => (await from(inside)).status === 200);
          for (const _ of ['first', 'again']) {
            const refused = await from(outside);
            assert.equal(refused.status, 403, stream);
            assert.equal(JSON.parse(String(refused.body)).code, 'watch-denied-here');
            assert.equal(refused.headers['cache-control'], 'no-store');
            const sent = await from(inside);
            assert.equal(sent.status, 200, stream);
            assert.match(sent.headers['cache-control']!, /^private/);
          }
        } finally {
          await rule(stream, null);
        }
      }
    });

    test('a purge from the address of oxbow, and from no other, lets the next request through to oxbow', async () => {
      const segment = await segmentOf(list);
      const asks = () => ask(cache.url, segment);
      await asks();
      assert.equal(await caused(['segment'], asks), 0);
      assert.equal((await purge(cache.url, segment, { from: '127.0.0.2' })).status, 403);
      const headers = { 'x-forwarded-for': '127.0.0.1' };
      assert.equal((await purge(cache.url, segment, { headers })).status, 403);
      assert.equal(await caused(['segment'], asks), 0);
      assert.equal((await purge(cache.url, segment)).status, 200);
      await until('oxbow is asked again', async () => (await caused(['segment'], asks)) > 0);
      await until('it is kept again', async () => (await caused(['segment'], asks)) === 0);
      await purgeStream(cache, own, 'cam');
      await until('oxbow is asked after a purge of the stream', async () => (await caused(['segment'], asks)) > 0);
      await until('it is kept once more', async () => (await caused(['segment'], asks)) === 0);
    });
  });
}

interface RunningStandIn extends AsyncDisposable {
  readonly url: string;
}

/** A server that answers in place of oxbow. @param respond gets the path */
async function standIn(
  respond: (path: string, answer: (status: number, headers: Record<string, string>, body: string) => void) => void,
): Promise<RunningStandIn> {
  const running: StandIn = createServer((message, response) =>
    respond(message.url!, (status, headers, body) => response.writeHead(status, headers).end(body)),
  ).listen(0, '127.0.0.1');
  await once(running, 'listening');
  return {
    url: `http://127.0.0.1:${(running.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      if (!running.listening) return;
      running.closeAllConnections();
      running.close();
      await once(running, 'close');
    },
  };
}
