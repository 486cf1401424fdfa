import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type {
  AudienceNow,
  PlaybackQuality,
  Retention,
  ViewingSession,
  WatchHeat,
} from '../../src/api/insight/insight-shapes.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';

suite('insight', () => {
  let folder: Folder;
  let server: Server;

  const start = (...args: string[]) =>
    startPlainServer({ data: folder.path, args: [...smallPicture, ...args], adminToken, sample: false });
  const send = (lines: readonly string[], headers: Record<string, string> = {}, query = '', base = '') =>
    fetch(`${server.url}${base}/api/v1/cmcd${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/cmcd', ...headers },
      body: `${lines.join('\n')}\n`,
    });
  const get = <T>(path: string) => server.json<T>(`/api/v1/insight/${path}`);
  const metric = async (line: string) => {
    const text = await (await server.fetch('/metrics')).text();
    return Number(
      text
        .split('\n')
        .find((each) => each.startsWith(line))
        ?.split(' ')[1] ?? 0,
    );
  };
  const taken = (result: string) => metric(`oxbow_insight_reports_total{result="${result}"}`);
  const create = async (name: string, visibility = 'public') => {
    const body = JSON.stringify({ name, source: { type: 'test' }, visibility });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    assert.ok((await server.fetch('/api/v1/streams', init)).ok);
    await server.stream(name, 'live');
  };

  before(async () => {
    folder = await openFolder('insight');
    server = await start();
    await create('door');
    await create('closed', 'private');
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test('events of a player become a session with its start-up time, stalls and bitrate, and stay after a restart', async () => {
    const event = (keys: string) => `br=(1200),cid="door",e=ps,sid="one",st=ll,${keys},ts=${Date.now()},v=2`;
    assert.equal((await send([event('sta=d')])).status, 204);
    const events = [event('sta=s'), event('msd=700,sta=p'), event('sta=r'), event('sta=p')];
    assert.equal((await send(events)).status, 204);
    const now = await get<AudienceNow>('now');
    assert.deepEqual([now.viewers, now.live, now.streams], [1, 1, [{ key: 'door', viewers: 1 }]]);
    assert.deepEqual((await get<AudienceNow>('now?stream=closed')).viewers, 0);
    assert.equal((await send([event('ec=("x"),sta=f')])).status, 204);
    await server[Symbol.asyncDispose]();
    server = await start();
    const { items } = await get<{ readonly items: readonly ViewingSession[] }>('sessions?stream=door');
    assert.equal(items.length, 1);
    const { stream, startup, stalls, failed, errors, player, country, edge } = items[0]!;
    assert.deepEqual(
      { stream, startup, stalls, failed, errors, player, country, edge },
      { stream: 'door', startup: 0.7, stalls: 1, failed: true, errors: 1, player: 'event', country: null, edge: null },
    );
    const quality = await get<{ readonly items: readonly PlaybackQuality[] }>('quality?by=stream');
    assert.deepEqual(
      quality.items.map(({ key, sessions, startup }) => [key, sessions, startup.count]),
      [['door', 1, 1]],
    );
    const csv = await server.fetch('/api/v1/insight/sessions?format=csv');
    assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8');
    const [names, line, end] = (await csv.text()).split('\r\n');
    assert.ok(names!.startsWith('id,stream,asset,startedAt'));
    assert.match(line!, /^[\w-]{16},door,,/);
    assert.equal(end, '');
  });

  test('the report of a page of oxbow is a session too, also what it shows of the past', async () => {
    const shownMs = Date.now() - 3_600_000;
    const report = (keys: string) =>
      server.fetch(`/live/door/session?CMCD=${encodeURIComponent(`${keys},ltc=3600000,sid="page",st=v,v=2`)}`, {
        method: 'POST',
      });
    const before = await taken('taken');
    assert.equal((await report('sta=p')).status, 204);
    assert.equal((await report('sta=p')).status, 204);
    await until('both reports are counted', async () => (await taken('taken')) === before + 2);
    const now = await get<AudienceNow>('now');
    assert.deepEqual([now.viewers, now.live, now.past], [1, 0, 1]);
    assert.equal((await report('sta=e')).status, 204);
    await server[Symbol.asyncDispose]();
    server = await start();
    const range = `from=${Math.floor(shownMs - 60_000)}&to=${Math.ceil(shownMs + 60_000)}`;
    const heat = await get<WatchHeat>(`heat?stream=door&res=5&${range}`);
    assert.ok(heat.most.length > 0 && heat.items.every(({ watched }) => watched < 30), JSON.stringify(heat));
  });

  test('requests with CMCD are a session of a player that sends no reports, through the fast path and the other', async () => {
    const media = await server.fetch('/live/door/index.m3u8');
    const list = /^(?!#).+\.m3u8.*$/m.exec(await media.text())![0];
    const path = new URL(list, `${server.url}/live/door/`).pathname;
    const before = await taken('taken');
    const keys = (session: string) => encodeURIComponent(`br=800,bs,sid="${session}"`);
    // A range is not what the fast path answers.
    assert.ok((await fetch(`${server.url}${path}?CMCD=${keys('slow')}`, { headers: { range: 'bytes=0-' } })).ok);
    assert.ok((await fetch(`${server.url}${path}?CMCD=${keys('fast')}`)).ok);
    const headers = { 'cmcd-session': 'sid="header"', 'cmcd-status': 'bs', 'cmcd-object': 'br=800' };
    assert.ok((await fetch(`${server.url}${path}`, { headers })).ok);
    await until('all three are counted', async () => (await taken('taken')) === before + 3);
    const now = await get<AudienceNow>('now?stream=door');
    assert.ok(now.viewers >= 3, JSON.stringify(now));
  });

  test('a viewer who opted out is counted, and nothing is stored', async () => {
    for (const headers of [{ dnt: '1' }, { 'sec-gpc': '1' }]) {
      const before = await taken('opted-out');
      assert.equal((await send(['cid="door",sid="secret",sta=p'], headers)).status, 204);
      assert.equal(await taken('opted-out'), before + 1);
    }
    const names = async () => (await get<AudienceNow>('now')).viewers;
    const viewers = await names();
    const init = { method: 'POST', headers: { 'sec-gpc': '1' } };
    await server.fetch(`/live/door/session?CMCD=${encodeURIComponent('sid="secret",sta=p')}`, init);
    await until('the report is counted', async () => (await taken('opted-out')) >= 3);
    assert.equal(await names(), viewers);
  });

  test('what may not be watched is not counted, and the answer does not say so', async () => {
    const before = await taken('unknown');
    const { viewers } = await get<AudienceNow>('now');
    for (const cid of ['closed', 'no-such-stream', 'asset:none', 'https://elsewhere.example/x.m3u8']) {
      assert.equal((await send([`cid="${cid}",sid="spy",sta=p`])).status, 204, cid);
    }
    assert.equal(await taken('unknown'), before + 4);
    assert.equal((await get<AudienceNow>('now')).viewers, viewers);
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
    const signed = await server.fetch('/api/v1/streams/closed/watch-tokens', init);
    assert.equal(signed.status, 201);
    const { token } = (await signed.json()) as { readonly token: string };
    assert.equal((await send(['cid="closed",sid="guest",sta=p'], {}, '', `/t/${token}`)).status, 204);
    assert.equal((await get<AudienceNow>('now')).viewers, viewers + 1);
  });

  test('no address of a viewer is in the data folder, not even in part', async () => {
    const viewers = ['203.0.113.77', '2001:db8:77:88:99:aa:bb:cc'];
    const before = await taken('taken');
    for (const [at, address] of viewers.entries()) {
      const headers = { 'x-forwarded-for': address, 'user-agent': 'a-player-of-this-test' };
      const keys = (sid: string) => encodeURIComponent(`br=800,sid="${sid}-${at}",sta=p`);
      assert.equal((await send([`cid="door",sid="seen-${at}",sta=p`], headers)).status, 204);
      assert.ok((await fetch(`${server.url}/live/door/session?CMCD=${keys('page')}`, { method: 'POST', headers })).ok);
      assert.ok((await fetch(`${server.url}/live/door/index.m3u8?CMCD=${keys('asked')}`, { headers })).ok);
      assert.equal((await send(['cid="door",sid="out",sta=p'], { ...headers, dnt: '1' })).status, 204);
    }
    await until('the reports are counted', async () => (await taken('taken')) >= before + 4);
    await server[Symbol.asyncDispose]();
    const files = (await readdir(folder.path, { recursive: true, withFileTypes: true })).filter((file) =>
      /\.(?:db|db-wal|jsonl?|log|txt)$/.test(file.name),
    );
    assert.ok(files.some(({ name }) => name.endsWith('.db')));
    const contents: Buffer[] = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name))));
    const has = (form: string | Buffer) => contents.some((content) => content.includes(form));
    const bytes = [Buffer.of(203, 0, 113, 77), Buffer.from('20010db80077', 'hex')];
    for (const form of ['203.0.113', '2001:db8:77', 'a-player-of-this-test', ...bytes]) {
      assert.ok(!has(form), `${form} is in the data folder`);
    }
    server = await start();
    const { items } = await get<{ readonly items: readonly ViewingSession[] }>('sessions?stream=door');
    assert.ok(items.length >= 4 && items.every(({ id }) => has(id)), 'the sessions themselves are there');
  });

  test('a page of another site may send events; cookies play no part', async () => {
    const preflight = await fetch(`${server.url}/api/v1/cmcd`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://player.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /content-type/i);
    const answer = await send(['cid="door",sid="far",sta=e'], { origin: 'https://player.example' });
    assert.deepEqual([answer.status, answer.headers.get('access-control-allow-origin')], [204, '*']);
    assert.equal(answer.headers.get('set-cookie'), null);
  });

  test('bodies that are too long or no reports are refused, and insight is for administrators', async () => {
    assert.equal((await send([`cid="door",sid="${'x'.repeat(70_000)}"`])).status, 413);
    assert.equal((await send(['<html>'])).status, 400);
    const answer = await fetch(`${server.url}/api/v1/insight/now`);
    assert.equal(answer.status, 401);
    const unknown = await server.fetch('/api/v1/insight/audience?stream=none');
    assert.equal(unknown.status, 404);
    const retention = await server.fetch('/api/v1/insight/retention?asset=none');
    assert.equal(retention.status, 404);
    assert.equal(((await retention.json()) as { readonly code: string } & Partial<Retention>).code, 'asset-unknown');
  });

  test('an address that sends without end is bounded, and others are not affected', async () => {
    // Not from this computer, as a proxy reports it: programs here are not limited.
    const evil = { 'x-forwarded-for': '192.0.2.66' };
    const before = await taken('too-many');
    const sessions = Array.from({ length: 500 }, (_, i) => `cid="door",sid="m-${i}",sta=p`);
    for (const turn of [0, 1, 2, 3]) {
      assert.equal(
        (
          await send(
            sessions.map((line) => line.replace('m-', `m${turn}-`)),
            evil,
          )
        ).status,
        204,
      );
    }
    assert.equal((await taken('too-many')) - before, 1000, 'sessions of one address');
    assert.equal((await send(['cid="door",sid="friend",sta=p'], { 'x-forwarded-for': '198.51.100.1' })).status, 204);
    assert.ok((await metric('oxbow_insight_sessions')) <= 1020);
  });

  test('a stream that is erased leaves nothing', async () => {
    assert.equal((await server.fetch('/api/v1/streams/door?recordings=delete', { method: 'DELETE' })).ok, true);
    const { items } = await get<{ readonly items: readonly ViewingSession[] }>('sessions');
    assert.deepEqual(
      items.filter(({ stream }) => stream === 'door'),
      [],
    );
  });

  test('insight that is off stores nothing', async () => {
    await server[Symbol.asyncDispose]();
    server = await start('--insight-enabled', 'false');
    await create('yard');
    assert.equal((await send(['cid="yard",sid="s",sta=p'])).status, 204);
    assert.equal(await taken('off'), 1);
    assert.equal((await get<AudienceNow>('now')).viewers, 0);
  });
});
