import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { WebSocket } from 'ws';
import { makeCertificate } from '../fixtures/certificate.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { freePort } from '../fixtures/free-port.ts';
import { openHttp2 } from '../fixtures/http2.ts';
import { need } from '../fixtures/need.ts';
import { EDGE_TOKEN, type RunningEdge, startEdge } from '../fixtures/proxies/edge.ts';
import { type Folder, openFolder, runOxbow, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';

const adminToken = 'let-me-in-please';
const watchSecret = 'a secret of origin and edges';

const get = async (url: string, headers: Record<string, string> = {}) => {
  const response = await fetch(url, { headers });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
};

/** The live playlist of a stream and the part that it announces. */
async function livePlaylist(base: string, stream: string): Promise<{ path: string; msn: number; part: number }> {
  return until('the playlist announces a part', async () => {
    const index = (await get(`${base}/live/${stream}/index.m3u8`)).bytes.toString();
    const name = /^[^#\n].*\.m3u8$/m.exec(index)?.[0];
    const path = `/live/${stream}/${name}`;
    const [, msn, part] =
      /PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"/.exec((await get(base + path)).bytes.toString()) ?? [];
    return msn !== undefined && { path, msn: Number(msn), part: Number(part) };
  });
}

/** Sums of one kind. */
const sum = (numbers: Readonly<Record<string, number>>) => Object.values(numbers).reduce((all, one) => all + one, 0);

suite('an edge before a server', () => {
  let folder: Folder;
  let origin: Server;
  let originHttp: string;
  let edge: RunningEdge;
  const serverArgs = [...smallPicture, '--default-stream', 'cam', '--watch-secret', watchSecret];
  const post = async (path: string, body: unknown) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await origin.fetch(path, init);
    assert.ok(response.ok, await response.clone().text());
    return (await response.json()) as Record<string, string>;
  };
  const startOrigin = () =>
    startPlainServer({
      data: join(folder.path, 'data'),
      args: serverArgs,
      adminToken,
      http: originHttp,
      sample: false,
    });

  /**
   * Asks an edge and the origin for one reload that is held, until both answers are one version of the
   * playlist: on a busy machine a request may come when the next part is there too.
   */
  const sameReload = <T extends { readonly bytes: Buffer }>(ask: (held: string) => Promise<T>, part = 0) =>
    until('the edge and the origin have the same playlist', async () => {
      const { path, msn } = await livePlaylist(origin.url, 'cam');
      const held = `${path}?_HLS_msn=${msn + 1}&_HLS_part=${part}`;
      const [here, there] = await Promise.all([ask(held), get(origin.url + held)]);
      assert.equal(here.bytes.toString(), there.bytes.toString());
      return [here, there] as const;
    });

  before(async () => {
    folder = await openFolder('edge');
    originHttp = `127.0.0.1:${await freePort()}`;
    origin = await startOrigin();
    const streams = firstOf(1, [
      ['cam', 'public'],
      ['closed', 'signed'],
    ] as const);
    for (const [name, visibility] of streams)
      await post('/api/v1/streams', { name, source: { type: 'test' }, visibility });
    for (const [name] of streams) await origin.stream(name, 'live');
    edge = await startEdge(origin.url, {
      args: ['--cache', join(folder.path, 'copies'), '--watch-secret', watchSecret, '--recheck', '1s'],
    });
  });
  after(async () => {
    await edge?.[Symbol.asyncDispose]();
    await origin?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test('playlists, init sections, segments and parts are the bytes of the origin, with its fields', async () => {
    const { path, msn } = await livePlaylist(edge.url, 'cam');
    const list = (await get(edge.url + path)).bytes.toString();
    const base = path.slice(0, path.lastIndexOf('/'));
    const segment = /^(\d+\.m4s)$/m.exec(list)![1]!;
    const init = /EXT-X-MAP:URI="([^"]+)"/.exec(list)![1]!;
    for (const name of [segment, init, `${msn}.0.m4s`]) {
      const [here, there] = await Promise.all([get(`${edge.url}${base}/${name}`), get(`${origin.url}${base}/${name}`)]);
      assert.equal(here.status, 200);
      assert.deepEqual(here.bytes, there.bytes);
      for (const field of ['content-type', 'cache-control', 'etag', 'access-control-allow-origin', 'accept-ranges'])
        assert.equal(here.headers.get(field), there.headers.get(field), field);
      assert.match(here.headers.get('age') ?? '', /^\d+$/);
    }
    const [here, there] = await sameReload((held) => get(edge.url + held));
    assert.equal(here.headers.get('cache-control'), there.headers.get('cache-control'));
    // Not before it is long enough to be compressed.
    await until('the playlist varies by encoding', async () => {
      const { headers } = await get(edge.url + path, { 'accept-encoding': 'gzip' });
      return headers.get('vary')?.includes('Accept-Encoding');
    });
  });

  test('ranges, conditions and HEAD are answered from the copy', async () => {
    const { path, msn } = await livePlaylist(edge.url, 'cam');
    const url = `${edge.url}${path.slice(0, path.lastIndexOf('/'))}/${msn}.0.m4s`;
    const whole = await get(url);
    const etag = whole.headers.get('etag')!;
    const asked = async () => {
      const { miss, revalidate } = (await edge.status()).originRequests;
      return { miss, revalidate };
    };
    const before = await asked();
    const range = await get(url, { range: 'bytes=4-11' });
    assert.equal(range.status, 206);
    assert.deepEqual(range.bytes, whole.bytes.subarray(4, 12));
    assert.equal((await get(url, { 'if-none-match': etag })).status, 304);
    const head = await fetch(url, { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), String(whole.bytes.length));
    assert.equal((await get(url, { range: 'bytes=99999999-' })).status, 416);
    assert.equal((await fetch(url, { method: 'DELETE' })).status, 405);
    assert.deepEqual(await asked(), before);
  });

  fullTest('fifty viewers that wait for one reload and its part cause one request of each to the origin', async () => {
    await using quiet = await startEdge(origin.url, { args: ['--prefetch', 'off'] });
    const { path, msn } = await livePlaylist(origin.url, 'cam');
    const held = `${quiet.url}${path}?_HLS_msn=${msn + 1}&_HLS_part=0`;
    const part = `${quiet.url}${path.slice(0, path.lastIndexOf('/'))}/${msn + 1}.0.m4s`;
    const lists = await Promise.all(Array.from({ length: 50 }, () => get(held)));
    const parts = await Promise.all(Array.from({ length: 50 }, () => get(part)));
    assert.deepEqual(new Set([...lists, ...parts].map(({ status }) => status)), new Set([200]));
    assert.equal(new Set(lists.map(({ bytes }) => bytes.toString())).size, 1);
    const { originRequests, requests } = await quiet.status();
    assert.equal(sum(originRequests), 2);
    assert.equal(sum(requests), 100);
  });

  test('the announced part is here before a viewer asks, since the edge asked the origin for it', async () => {
    const { path, msn } = await livePlaylist(edge.url, 'cam');
    const list = (await get(`${edge.url}${path}?_HLS_msn=${msn + 1}&_HLS_part=0`)).bytes.toString();
    const [, hint] = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(list) ?? [];
    await until('the part was requested', async () => ((await edge.status()).originRequests.prefetch ?? 0) > 0);
    const { originRequests } = await edge.status();
    assert.equal((await get(`${edge.url}${path.slice(0, path.lastIndexOf('/'))}/${hint}`)).status, 200);
    assert.equal((await edge.status()).originRequests.miss, originRequests.miss);
  });

  fullTest(
    'a stream with tokens is for clients with a valid one; a revocation holds after the time of --recheck',
    async () => {
      const { token } = await post('/api/v1/streams/closed/watch-tokens', { expires: '1h' });
      const { token: other } = await post('/api/v1/streams/cam/watch-tokens', { expires: '1h' });
      const signed = `${edge.url}/t/${token}`;
      const { path, msn } = await livePlaylist(signed, 'closed');
      const part = `${path.slice(0, path.lastIndexOf('/'))}/${msn}.0.m4s`;
      const first = await get(signed + part);
      assert.equal(first.status, 200);
      assert.match(first.headers.get('cache-control')!, /^private/);
      for (const url of [edge.url + path, edge.url + part]) assert.equal((await get(url)).status, 404);
      const wrong = await get(`${edge.url}/t/${other}${part}`);
      assert.equal(wrong.status, 403);
      assert.equal(JSON.parse(wrong.bytes.toString()).code, 'watch-refused');
      assert.equal((await get(`${edge.url}/t/${token!.slice(0, -2)}AA${part}`)).status, 403);
      const revoked = await origin.fetch('/api/v1/streams/closed/watch-tokens/revoke', { method: 'POST' });
      assert.ok(revoked.ok, await revoked.text());
      await until('the token is refused', async () => (await get(signed + part)).status === 403);
    },
  );

  test('pages, the API, reports of players and events reach the origin through the edge', async () => {
    assert.match((await get(`${edge.url}/watch/cam`)).bytes.toString(), /<!doctype html>/i);
    assert.equal((await get(`${edge.url}/api/v1/streams/cam`)).status, 200);
    const url = `${edge.url}/live/cam/session?CMCD=${encodeURIComponent('e=t,sid="an-edge-viewer",st=l,sta=p,v=2')}`;
    assert.equal((await fetch(url, { method: 'POST' })).status, 204);
    await until('the viewer is counted', async () => (await origin.stream('cam')).viewers > 0);
    const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/api/v1/events?stream=cam`);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.close();
  });

  test('a purge deletes the copies of a stream, and a warm-up loads what playlists list', async () => {
    const { path } = await livePlaylist(edge.url, 'cam');
    const { purged } = await edge.manage<{ purged: number }>('/edge/purge', { stream: 'cam' });
    assert.ok(purged > 0);
    const warmed = await edge.manage<{ loaded: number; failed: number }>('/edge/warm', { paths: [path], follow: true });
    assert.ok(warmed.loaded >= 3, JSON.stringify(warmed));
    const list = (await get(edge.url + path)).bytes.toString();
    const segment = `${path.slice(0, path.lastIndexOf('/'))}/${/^(\d+\.m4s)$/m.exec(list)![1]}`;
    const { requests } = await edge.status();
    await get(edge.url + segment);
    assert.equal((await edge.status()).requests.hit, requests.hit! + 1);
    assert.equal((await fetch(`${edge.url}/edge/status`)).status, 401);
    const wrong = { authorization: `Bearer ${EDGE_TOKEN}x` };
    assert.equal((await fetch(`${edge.url}/edge/purge`, { method: 'POST', headers: wrong, body: '{}' })).status, 401);
  });

  fullTest('an edge before an edge serves the same bytes, and an edge that asks itself says so', async () => {
    await using second = await startEdge(edge.url);
    await sameReload((held) => get(second.url + held), 1);
    const port = await freePort();
    await using loop = await startEdge(`http://127.0.0.1:${port}`, { http: `127.0.0.1:${port}` });
    const looped = await get(`${loop.url}/live/cam/index.m3u8`);
    assert.equal(looped.status, 508);
    assert.equal((await get(`${loop.url}/api/v1/time`)).status, 508);
  });

  fullTest('over HTTPS, HTTP/2 gets the same bytes, also of a held reload', { skip: need('openssl') }, async () => {
    const { cert, key } = await makeCertificate(folder.path, 'edge');
    await using secure = await startEdge(origin.url, { args: ['--tls-cert', cert, '--tls-key', key] });
    await using client = await openHttp2(secure.url);
    const [here] = await sameReload(async (held) => {
      const { status, body } = await client.ask(held);
      return { status, bytes: body };
    });
    assert.equal(here.status, 200);
    assert.equal((await client.ask('/api/v1/streams/cam')).status, 200);
    assert.equal((await client.ask('/live/cam/time.txt')).status, 200);
  });

  fullTest('a player plays through the edge', { skip: need('ffmpeg') }, async () => {
    const from = `${edge.url}/live/cam/index.m3u8`;
    const { code, stderr } = await run('ffmpeg', ['-v', 'error', '-i', from, '-t', '2', '-f', 'null', '-']);
    assert.equal(code, 0, stderr);
  });

  test('health and metrics are those of the edge', async () => {
    assert.equal((await get(`${edge.url}/health`)).status, 200);
    assert.match((await get(`${edge.url}/metrics`)).bytes.toString(), /oxbow_edge_requests_total\{result="hit"\} \d/);
  });

  fullTest(
    'while the origin is gone its media and last playlist are served; then everything continues by itself',
    async () => {
      const { path, msn } = await livePlaylist(edge.url, 'cam');
      const part = `${path.slice(0, path.lastIndexOf('/'))}/${msn}.0.m4s`;
      const list = await get(edge.url + path);
      assert.equal((await get(edge.url + part)).status, 200);
      await origin.stop('SIGKILL');
      assert.equal((await get(edge.url + part)).status, 200);
      await until(
        'the playlist is older than its max-age',
        async () => Number((await get(edge.url + path)).headers.get('age')) > 1,
      );
      const stale = await get(edge.url + path);
      assert.equal(stale.status, 200);
      assert.equal(stale.headers.get('etag'), list.headers.get('etag'));
      // A reload that cannot be held gets the last playlist too, so that players continue.
      const held = await get(`${edge.url}${path}?_HLS_msn=${msn + 2}`);
      assert.equal(held.status, 200);
      assert.equal((await get(`${edge.url}/live/cam/av0/1.m4s`)).status, 503);
      assert.equal((await get(`${edge.url}/api/v1/time`)).status, 503);
      origin = await startOrigin();
      await origin.stream('cam', 'live');
      const again = await until('the edge has the new playlist', async () => {
        const found = await livePlaylist(edge.url, 'cam');
        return found.path !== path && found;
      });
      assert.equal((await get(`${edge.url}${again.path}?_HLS_msn=${again.msn + 1}`)).status, 200);
    },
  );
});

fullTest('copies on the disk survive the end of the edge, and are served while the origin is gone', async () => {
  await using folder = await openFolder('edge-restart');
  await using origin = await startPlainServer({
    data: join(folder.path, 'data'),
    args: [...smallPicture],
    sample: true,
  });
  await origin.stream('demo', 'live');
  const args = ['--cache', join(folder.path, 'copies')];
  const { path } = await livePlaylist(origin.url, 'demo');
  const list = (await get(origin.url + path)).bytes.toString();
  const segment = `${path.slice(0, path.lastIndexOf('/'))}/${/^(\d+\.m4s)$/m.exec(list)![1]}`;
  let bytes: Buffer;
  {
    await using edge = await startEdge(origin.url, { args });
    ({ bytes } = await get(edge.url + segment));
    await until('the copy is on the disk', async () => (await edge.status()).disk!.objects > 0);
  }
  await origin.stop('SIGKILL');
  await using edge = await startEdge(origin.url, { args });
  const again = await get(edge.url + segment);
  assert.equal(again.status, 200);
  assert.deepEqual(again.bytes, bytes);
});

fullTest('an edge with a wrong option ends with the reason', async () => {
  const none = await runOxbow(['edge']);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /needs an origin/);
  await using taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const busy = await runOxbow(['edge', '--origin', 'http://127.0.0.1:1', '--http', `127.0.0.1:${port}`]);
  assert.equal(busy.code, 1);
  assert.match(busy.stderr, new RegExp(`Port ${port}`));
});
