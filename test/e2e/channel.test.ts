/**
 * A channel on the real program: two assets and a range of a recording play as LL-HLS, a live stream
 * interrupts them, a deleted asset is skipped, and a process that was killed returns into its item.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ChannelView, NewChannelItem } from '../../src/api/channel/channel-shapes.ts';
import { type PlaybackState, positionAt } from '../../src/api/room/playback.ts';
import { newestStretch } from '../browser/stretch.ts';
import { checkLive, printFindings } from '../conformance/checker.ts';
import { openHttpFetch } from '../conformance/http-fetch.ts';
import { writeFilms } from '../fixtures/library/films.ts';
import { keysOf } from '../fixtures/media/key-frames.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const adminToken = 'an-administrator';

suite('a channel', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let http: string;
  let films: string[];
  const start = () =>
    startServer({ data: join(folder.path, 'data'), adminToken, args: smallPicture, ...(http && { http }) });
  const send = async <T = ChannelView>(method: string, path: string, body?: unknown) => {
    const answer = await server.fetch(`/api/v1${path}`, {
      method,
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, view: (text ? JSON.parse(text) : {}) as T };
  };
  const get = async () => (await send('GET', '/streams/tv/channel')).view;
  /** Local time of a channel in UTC. */
  const local = (ms: number) => new Date(ms).toISOString().slice(0, 19);
  const add = async (item: NewChannelItem) => {
    const { status, view } = await send('POST', '/streams/tv/channel/items', item);
    assert.equal(status, 201, JSON.stringify(view));
    return view.items.find(({ start }) => start === item.start)!;
  };

  before(async () => {
    folder = opened.use(await openFolder('channel'));
    films = await writeFilms(
      join(folder.path, 'data'),
      { title: 'First', seconds: 8 },
      { title: 'Second', seconds: 6 },
    );
    server = await start();
    opened.defer(() => server[Symbol.asyncDispose]());
    http = new URL(server.url).host;
    const { status } = await send('POST', '/streams', { name: 'cam', source: { type: 'test' } });
    assert.equal(status, 201);
  });
  after(() => opened.disposeAsync());

  test('two assets and a range of a recording follow each other at their times, as LL-HLS without a finding', async () => {
    const { fromMs } = await newestStretch(server, 8, 'cam');
    assert.equal((await send('POST', '/streams', { name: 'tv', source: { type: 'channel' } })).status, 201);
    const startMs = Math.ceil(Date.now() / 1000) * 1000 + 2000;
    const items = [
      await add({ kind: 'asset', ref: films[0]!, start: local(startMs), seconds: 6 }),
      await add({ kind: 'asset', ref: films[1]!, start: local(startMs + 6000), seconds: 5 }),
      await add({
        kind: 'recording',
        ref: 'cam',
        from: new Date(fromMs + 1000).toISOString(),
        start: local(startMs + 11_000),
        seconds: 120, // it is on the air when the checker ends, however busy the machine is
      }),
    ];
    await server.stream('tv', 'live');
    const { fetch } = openHttpFetch(server.url);
    const findings = await checkLive(fetch, '/live/tv/index.m3u8', {
      goOn: () => Date.now() < startMs + 15_500,
      overHttp: true,
    });
    assert.equal(printFindings(findings.filter(({ severity }) => severity === 'must')), '');
    const view = await get();
    assert.deepEqual([view.onAir?.item, view.onAir?.kind, view.skipped], [items[2]!.id, 'item', []]);
    const { spans, gaps, runs } = await server.timeline('tv');
    assert.deepEqual([spans.length, gaps], [1, []]);
    assert.ok(Math.abs(Date.parse(spans[0]!.from) - startMs) <= 40, `it begins at ${spans[0]!.from}`);
    assert.ok(runs.length >= 2, 'other parameters begin a run');
    const guide = await (await server.fetch('/xmltv.xml?stream=tv')).text();
    // It is over now, and its stream fills what follows.
    assert.equal((await send('PATCH', `/streams/tv/channel/items/${items[2]!.id}`, { seconds: 1 })).status, 200);
    assert.match(guide, /<title>First<\/title>[\s\S]*<title>Second<\/title>[\s\S]*<title>cam<\/title>/);
  });

  test('a live stream interrupts at once, and its end returns to the schedule; an empty hour is filled', async () => {
    const nowMs = Math.floor(Date.now() / 1000) * 1000;
    assert.equal((await send('PUT', '/streams/tv/channel/live', { stream: 'tv' })).status, 422);
    assert.equal((await send('PUT', '/streams/tv/channel/live', { stream: 'cam' })).status, 200);
    const live = await until('cam is on the air', async () => {
      const { onAir } = await get();
      return onAir?.kind === 'live' && onAir;
    });
    const sinceMs = Date.parse(live.since);
    // It begins where the channel is, and that is a little before now.
    assert.ok(sinceMs >= nowMs - 1000, `${live.since}, not before ${nowMs}`);
    // It is sent as fast as it comes, not only begun.
    await until('two seconds of it are recorded', async () => {
      const { spans } = await server.timeline('tv');
      return Date.parse(spans.at(-1)!.to) >= sinceMs + 2000;
    });
    assert.equal((await send('DELETE', '/streams/tv/channel/live')).status, 204);
    const fill = await until('the empty hour is filled', async () => {
      const { onAir } = await get();
      return onAir?.kind === 'fill' && onAir;
    });
    assert.deepEqual([fill.title, fill.why], ['cam', 'nothing is scheduled']);
  });

  fullTest('an asset that is deleted while it is scheduled is shown as missing, and its time is filled', async () => {
    const startMs = Math.ceil(Date.now() / 1000) * 1000 + 4000;
    const item = await add({ kind: 'asset', ref: films[1]!, start: local(startMs), seconds: 1800 });
    assert.equal((await send('DELETE', `/assets/${films[1]}`)).status, 204);
    const view = await until('it is skipped', async () => {
      const now = await get();
      return now.skipped.length > 0 && now;
    });
    assert.equal(view.items.find(({ id }) => id === item.id)?.state, 'missing');
    assert.match(view.skipped[0]!.reason, /was deleted/);
    await until('it is filled', async () => {
      const { onAir } = await get();
      return onAir?.kind === 'fill' && onAir.item === item.id && /was deleted/.test(onAir.why);
    });
    assert.equal((await send('DELETE', `/streams/tv/channel/items/${item.id}`)).status, 204);
  });

  fullTest('after kill -9 the item continues at the second at which it is then', async () => {
    const fromMs = Math.floor((await newestStretch(server, 8, 'cam')).fromMs / 1000) * 1000;
    const startMs = Math.ceil(Date.now() / 1000) * 1000 + 1000;
    const item = await add({
      kind: 'recording',
      ref: 'cam',
      from: new Date(fromMs).toISOString(),
      start: local(startMs),
      seconds: 600,
    });
    await until('it is on the air', async () => (await get()).onAir?.item === item.id);
    await server.stop('SIGKILL');
    server = await start();
    const { since } = await until('it is on the air again', async () => {
      const { onAir } = await get();
      return onAir?.kind === 'item' && onAir.item === item.id && onAir;
    });
    assert.ok(Date.parse(since) > startMs + 1000, 'in its middle');
    await server.stream('tv', 'live');
  });

  test('a channel follows a room: what its owner chooses and where they seek, and nothing that its viewers may not see', async () => {
    const { fromMs } = await newestStretch(server, 12, 'cam');
    assert.equal((await send('POST', '/streams', { name: 'sofa', source: { type: 'channel' } })).status, 201);
    const { view: room } = await send<{ id: string }>('POST', '/rooms', { name: 'Film night' });
    const targets = [
      { name: 'Door', target: { kind: 'stream', stream: 'cam' } },
      { name: 'Film', target: { kind: 'asset', asset: films[0]! } },
      { name: 'Elsewhere', target: { kind: 'link', url: 'https://example.org/film.mp4' } },
    ];
    const { view: added } = await send<{ items: { id: string }[] }>('POST', `/rooms/${room.id}/items`, {
      items: targets,
    });
    const [door, film, link] = added.items.map(({ id }) => id);
    let state: PlaybackState | undefined;
    const command = async (body: object) => {
      const { view: now } = await send<{ state: PlaybackState }>('GET', `/rooms/${room.id}/state`);
      const answer = await send<{ state: PlaybackState }>('POST', `/rooms/${room.id}/commands`, {
        rev: now.state.rev,
        ...body,
      });
      assert.equal(answer.status, 200, JSON.stringify(answer.view));
      state = answer.view.state;
    };
    const look = async () => (await send('GET', '/streams/sofa/channel')).view;
    const onAir = (title: string, kind = 'room') =>
      until(`${title} is on the air`, async () => {
        const { onAir: now } = await look();
        return now?.kind === kind && now.title === title && now;
      });
    assert.equal((await send('PATCH', '/streams/sofa/channel', { room: 'none' })).status, 422);
    const { view } = await send('PATCH', '/streams/sofa/channel', { room: room.id });
    assert.deepEqual(view.room, { id: room.id, name: 'Film night' });
    await command({ do: 'item', item: door, positionMs: fromMs + 7000 });
    await onAir('Film night: Door');
    const guide = await (await server.fetch('/xmltv.xml?stream=sofa')).text();
    assert.match(guide, /<title>Film night: Door<\/title>/);
    const list = await (await server.fetch('/playlist.m3u?stream=sofa&format=hls')).text();
    const address = new URL(list.split('\n').find((line) => line.startsWith('http'))!).pathname;
    /** How far the newest pictures of the list of IPTV are behind the room, ms. */
    const behind = async () => {
      const there = new Map(
        (await keysOf(server, `/vod/cam/${fromMs}/60s/index.m3u8`)).map(({ hash, atMs }) => [hash, atMs]),
      );
      const last = (await keysOf(server, address)).at(-1);
      const atMs = last && there.get(last.hash);
      return atMs === undefined ? undefined : positionAt(state!, last!.atMs) - atMs;
    };
    const isInStep = () => until('it is in step', async () => Math.abs((await behind()) ?? 99_999) < 2500);
    await isInStep();
    await command({ do: 'seek', positionMs: fromMs + 500 });
    await isInStep();
    const skipped = (reason: RegExp) =>
      until(`${reason} is a reason`, async () => reason.test((await look()).skipped[0]?.reason ?? ''));
    await command({ do: 'item', item: film });
    await skipped(/visibility is private/);
    const refused = await (await server.fetch('/xmltv.xml?stream=sofa')).text();
    assert.match(refused, /<title>Film night<\/title>/);
    assert.doesNotMatch(refused, /Film night: /);
    assert.equal((await send('PATCH', `/assets/${films[0]}`, { visibility: 'public' })).status, 200);
    await until('the film is on the air', async () => {
      // It is short: on a busy machine it is over before it is seen.
      const { view: now } = await send<{ state: PlaybackState }>('GET', `/rooms/${room.id}/state`);
      if (now.state.item !== film) await command({ do: 'item', item: film });
      const { onAir: shown } = await look();
      return shown?.kind === 'room' && shown.title === 'Film night: Film';
    });
    await command({ do: 'item', item: link });
    await skipped(/another server/);
    assert.equal((await send('PATCH', `/rooms/${room.id}`, { password: 'secret words' })).status, 200);
    await skipped(/Not all may enter the room/);
    assert.doesNotMatch(await (await server.fetch('/xmltv.xml?stream=sofa')).text(), /Film night/);
    assert.equal((await send('DELETE', `/rooms/${room.id}`)).status, 204);
    await until('it follows no room any more', async () => (await look()).room === null);
  });

  test('only administrators see and change a schedule; its viewers see the guide', async () => {
    const visit = (path: string, init?: RequestInit) => fetch(`${server.url}/api/v1/streams/${path}`, init);
    assert.deepEqual(
      [
        (await visit('tv/channel')).status,
        (await visit('tv/channel/live', { method: 'DELETE' })).status,
        (await visit('tv/channel/guide')).status,
        (await visit('none/channel/guide')).status,
      ],
      [401, 401, 200, 404],
    );
    const wrong = { kind: 'asset', ref: films[0]!, start: '2026-02-30T10:00:00', seconds: 5 } as const;
    assert.equal((await send('POST', '/streams/tv/channel/items', wrong)).status, 400);
    const overlap = { ...wrong, start: '2030-01-01T10:00:00', seconds: 60 };
    await add(overlap);
    assert.equal((await send('POST', '/streams/tv/channel/items', overlap)).status, 409);
    assert.equal((await send('POST', '/streams/tv/channel/items', { ...overlap, ref: 'none' })).status, 422);
    assert.equal((await send('GET', '/streams/cam/channel')).status, 409);
  });
});
