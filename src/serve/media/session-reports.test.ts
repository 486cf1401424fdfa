import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asAdmin, shareTestServer, startTestServer, textReply } from '../../http/fixture.ts';
import { FakeLive } from '../hot/live-lookup.fixture.ts';
import { RawClient } from '../hot/raw-client.fixture.ts';

const reportOf = (text: string) => `?CMCD=${encodeURIComponent(text)}`;
const PLAYING = reportOf('bl=800,br=3200,ltc=450,oxbow-rendition="av0",sid="one",st=ll,sta=p');
const body = (text: string, type = 'application/cmcd') => ({
  method: 'POST',
  headers: { 'content-type': type },
  body: text,
});
const post = { method: 'POST' };

suite('reports of players', () => {
  const shared = shareTestServer(() => ({ answer: () => textReply('media') }));
  const send = (path: string, init: RequestInit = post) => fetch(`${shared().url}${path}`, init);

  test('in the query or the body, count as requests of the same session do; a goodbye ends it; nothing is stored by caches', async () => {
    const { url, deps } = shared();
    const answer = await send(`/live/public/session${PLAYING}`);
    assert.deepEqual([answer.status, answer.headers.get('cache-control')], [204, 'no-store']);
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    await (await fetch(`${url}/live/public/av0/g1.m3u8${reportOf('sid="one"')}`)).text();
    assert.equal(deps.viewers.of('public'), 1);
    const lines = 'e=t,sid="two",sta=p,v=2\ne=t,sid="three",sta=a,v=2\n';
    assert.equal((await send('/live/public/session', body(lines))).status, 204);
    assert.equal((await send('/live/public/session', body('sid="four"', 'text/plain;charset=UTF-8'))).status, 204);
    assert.equal(deps.viewers.of('public'), 4);
    const list = (await (await fetch(`${url}/api/v1/streams/public/sessions`, { headers: asAdmin })).json()) as {
      items: { state: string | null; rendition: string | null }[];
    };
    assert.deepEqual(list.items.map(({ state }) => String(state)).sort(), ['null', 'paused', 'playing', 'playing']);
    assert.deepEqual(
      { ...list.items.find(({ rendition }) => rendition === 'av0'), id: '' },
      {
        id: '',
        startedAt: '2026-11-19T08:00:00.000Z',
        seenAt: '2026-11-19T08:00:00.000Z',
        reportedAt: '2026-11-19T08:00:00.000Z',
        state: 'playing',
        live: true,
        at: '2026-11-19T07:59:59.550Z',
        latency: 0.45,
        buffer: 0.8,
        rendition: 'av0',
        bitrate: 3_200_000,
      },
    );
    for (const sid of ['one', 'two', 'three', 'four'])
      await send(`/live/public/session${reportOf(`sid="${sid}",sta=e`)}`);
    assert.equal(deps.viewers.of('public'), 0);
  });

  test('need what playback needs, and nothing else answers there', async () => {
    const { deps, url } = shared();
    const token = deps.access.watch.sign('signed', deps.clock.nowMs() + 60_000);
    for (const [path, init, status] of [
      [`/live/private/session${PLAYING}`, post, 404],
      [`/live/unknown/session${PLAYING}`, post, 404],
      [`/live/private/session${PLAYING}`, { ...post, headers: asAdmin }, 204],
      [`/live/signed/session${PLAYING}`, post, 404],
      [`/t/${token}/live/signed/session${PLAYING}`, post, 204],
      [`/t/${token}/live/private/session${PLAYING}`, post, 403],
      ['/live/public/session', post, 400],
      [`/live/public/session${reportOf('sta=p')}`, post, 400],
      ['/live/public/session', body('x'.repeat(20_000)), 413],
      [`/live/public/session${PLAYING}`, { method: 'GET' }, 405],
      ['/live/public/session', { method: 'OPTIONS' }, 204],
      ['/live/public/av0/g1.m3u8', post, 405],
    ] as const) {
      const answer = await send(path, init);
      assert.deepEqual([answer.status, path], [status, path]);
      await answer.text();
    }
    assert.deepEqual(
      ['public', 'private', 'signed', 'unknown'].map((name) => deps.viewers.of(name)),
      [0, 1, 1, 0],
    );
    assert.equal((await fetch(`${url}/api/v1/streams/private/sessions`)).status, 401);
    assert.equal((await fetch(`${url}/api/v1/streams/unknown/sessions`, { headers: asAdmin })).status, 404);
  });

  test('of a live stream leave their connection on the fast path, and count there', async () => {
    const live = new FakeLive();
    live.add(7, 'seven');
    await using server = await startTestServer({ lookup: live, answer: () => textReply('slow', { etag: 'slow' }) });
    using client = new RawClient(server);
    const ask = async (line: string, ...fields: string[]) => {
      await client.send(`${line} HTTP/1.1\r\n${['Host: x', ...fields].join('\r\n')}\r\n\r\n`);
      const { status, headers, body: text } = await client.answer();
      return [status, headers.get('cache-control') ?? '', text];
    };
    for (const fields of [['Content-Length: 0'], []]) {
      assert.deepEqual(await ask(`POST /live/cam/session${PLAYING}`, ...fields), [204, 'no-store', '']);
    }
    assert.equal((await ask('GET /live/cam/v0/7.m4s'))[2], 'seven', 'the connection was not moved');
    assert.equal((await ask(`POST /live/cam/session${reportOf('sta=p')}`))[0], 404, 'the slow path refuses');
    assert.equal((await ask('GET /live/cam/v0/7.m4s'))[2], 'seven');
    const reported = server.deps.viewers.sessions('cam').flatMap(({ report }) => report?.rendition ?? []);
    assert.deepEqual(reported, ['av0']);
    const printed = await server.deps.metrics.print();
    assert.match(printed, /^oxbow_http_requests_total\{class="session",status="204"\} 2$/m);
  });
});
