/**
 * A mixer and a channel on PostgreSQL with a bucket, over two nodes: cuts, recordings, markers and the guide
 * at any node, and both continue on the other node when theirs is killed.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import type { ChannelView } from '../../src/api/channel/channel-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import type { MixerView } from '../../src/api/mixer/mixer-shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { keysOf } from '../fixtures/media/key-frames.ts';
import { checkMixed, hashFrames, type MixedFilm, makeMixedFilm } from '../fixtures/media/mixed-films.ts';
import { need } from '../fixtures/need.ts';
import { type FilmLoop, publishLoop } from '../fixtures/publishers/film-loop.ts';
import { createPush } from '../fixtures/publishers/push-streams.ts';
import { type Folder, openFolder, type Server, smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openCluster, type TestCluster } from './cluster.fixture.ts';

const CUTS = 12;
/** RTMP has times in whole milliseconds. */
const BOUNDS = { apartS: 0.0215 };
/** Inputs of the mixer, which is on node a. */
const INPUTS = ['cam-red', 'cam-green', 'cam-blue'] as const;

suite('a mixer and a channel, in a cluster', { skip: needPostgres() || need('redis-server') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  const films = new Map<string, MixedFilm>();
  const keys = new Map<string, string>();
  let cluster: TestCluster;
  let folder: Folder;
  let a: Server;
  let b: Server;
  let args: readonly string[];

  const start = async (name: string) => (await cluster.start(name, { args, sample: false, ingest: ['rtmp'] })).server;
  const call = (server: Server, method: string, path: string, body?: object) =>
    server.fetch(`/api/v1${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  const send = async <T>(server: Server, method: string, path: string, body?: object): Promise<T> => {
    const answer = await call(server, method, path, body);
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  const mixer = (server: Server) => send<MixerView>(server, 'GET', '/streams/show/mixer');
  const channel = (server: Server) => send<ChannelView>(server, 'GET', '/streams/tv/channel');
  const cutTo = async (server: Server, input: string) => {
    await send(server, 'POST', '/streams/show/mixer/cut', { input });
    await until(`${input} is on air`, async () => (await mixer(server)).onAir === input, { everyMs: 20 });
  };
  const publish = (server: Server, name: string): Promise<FilmLoop> =>
    publishLoop(films.get(name.replace('cam-', ''))!, `${server.ingest.rtmp}/${name}?key=${keys.get(name)}`);
  const local = (ms: number) => new Date(ms).toISOString().slice(0, 19);
  const isStored = (server: Server) =>
    until('the recordings are in the bucket', async () => {
      const [store] = (await server.json<StorageView>('/api/v1/storage')).objectStores;
      return store !== undefined && store.objects > 0 && store.waiting === 0;
    });

  before(async () => {
    const bucket = opened.use(await startS3());
    folder = opened.use(await openFolder('mixer-channel'));
    for (const [i, name] of ['red', 'green', 'blue'].entries())
      films.set(name, await makeMixedFilm(join(folder.path, `${name}.ts`), 120 * i, 300 + 500 * i));
    const storage = { targets: { bucket: bucket.target() }, target: 'bucket', mode: 'move', after: '0s' };
    const settings = join(folder.path, 'oxbow.yaml');
    await writeFile(settings, JSON.stringify({ storage }));
    args = ['--config', settings, ...smallPicture];
    cluster = opened.use(await openCluster());
    [a, b] = [await start('a'), await start('b')];
    for (const [server, name] of [
      [a, 'cam-red'],
      [b, 'cam-green'],
      [b, 'cam-blue'],
      [a, 'show'],
    ] as const)
      keys.set(name, await createPush(server, name));
    await send(b, 'POST', '/streams', { name: 'door', source: { type: 'test' } });
    await send(a, 'POST', '/streams', { name: 'tv', source: { type: 'channel' } });
    opened.use(await publish(a, 'cam-red'));
    opened.use(await publish(b, 'cam-green'));
    opened.use(await publish(b, 'cam-blue'));
    for (const name of INPUTS) await a.stream(name, 'live');
  });
  after(() => opened.disposeAsync());

  test('cuts of any node are markers at each, and every recorded frame in the bucket is of one input', async () => {
    await send(b, 'PUT', '/streams/show/mixer', { inputs: INPUTS });
    await until('the first input is on air', async () => (await mixer(b)).onAir === INPUTS[0]);
    await until('all have media', async () => (await mixer(b)).inputs.every(({ state }) => state === 'live'));
    for (let cut = 1; cut <= CUTS + 1; cut++) await cutTo(cut % 2 ? a : b, INPUTS[cut % 3]!);
    const { items } = await send<{ items: readonly MixerView[] }>(b, 'GET', '/mixers');
    assert.deepEqual(
      items.map(({ stream, cuts }) => [stream, cuts]),
      [['show', CUTS + 2]],
    );
    const stoppedMs = Date.now();
    await send(b, 'POST', '/streams/show/stop');
    const spans = await until('all of it is recorded', async () => {
      const { spans: all } = await b.timeline('show');
      return all.length > 0 && Date.parse(all.at(-1)!.to) > stoppedMs - 500 && all;
    });
    await isStored(a);
    for (const server of [a, b]) {
      const { markers, gaps } = await server.timeline('show');
      assert.ok(markers.length > 0 && markers.every(({ text }) => /^✂ cam-\w+/.test(text)), JSON.stringify(markers));
      assert.deepEqual(gaps, []);
      const clip = join(folder.path, 'show.ts');
      const [from, to] = [Date.parse(spans[0]!.from), Date.parse(spans[0]!.to)];
      await writeFile(clip, await server.bytes(`/clip/show/${from}/${to}.ts`));
      checkMixed(await hashFrames(clip), films, CUTS, BOUNDS);
    }
    await send(a, 'POST', '/streams/show/start');
  });

  test('a channel plays what the other node has: an upload, a recording in the bucket, live streams', async () => {
    const film = join(folder.path, 'film.mp4');
    await makeFilm(film, { seconds: 8 });
    const sent = await b.fetch('/api/v1/uploads/file?filename=film.mp4&title=Film&visibility=public', {
      method: 'PUT',
      body: await readFile(film),
    });
    assert.equal(sent.status, 201, await sent.clone().text());
    const { asset } = (await sent.json()) as { asset: string };
    await until(
      'the film is ready',
      async () => (await a.json<AssetView>(`/api/v1/assets/${asset}`)).state === 'ready',
    );
    const span = await until('12 seconds of the door are recorded', async () => {
      const last = (await b.timeline('door')).spans.at(-1);
      return last && Date.parse(last.to) - Date.parse(last.from) > 12_000 && last;
    });
    await send(b, 'POST', '/streams/door/stop');
    await isStored(b);
    await send(b, 'POST', '/streams/door/start');
    const clipped = { stream: 'door', from: span.from, to: '4s', title: 'Ring', visibility: 'public' };
    const clip = await send<{ id: string }>(b, 'POST', '/clips', clipped);
    const startMs = Math.ceil(Date.now() / 1000) * 1000 + 3000;
    const add = async (at: number, item: object) =>
      (
        await send<ChannelView>(b, 'POST', '/streams/tv/channel/items', { start: local(startMs + at), ...item })
      ).items.at(-1)!.id;
    const ids = [
      await add(0, { kind: 'asset', ref: asset, seconds: 4 }),
      await add(4000, { kind: 'recording', ref: 'door', from: span.from, seconds: 4 }),
      await add(8000, { kind: 'clip', ref: clip.id, seconds: 3 }),
      await add(11_000, { kind: 'live', ref: 'cam-green', seconds: 600 }),
    ];
    for (const id of ids) await until(`item ${id} is on the air`, async () => (await channel(b)).onAir?.item === id);
    assert.deepEqual((await channel(a)).skipped, []);
    assert.deepEqual(
      (await channel(a)).items.map(({ state }) => state),
      ['ok', 'ok', 'ok', 'ok'],
    );
    for (const server of [a, b]) {
      const guide = await server.json<{ items: readonly { title: string }[] }>(
        `/api/v1/streams/tv/channel/guide?from=${startMs}&to=60s`,
      );
      assert.deepEqual(
        guide.items.map(({ title }) => title),
        ['Film', 'door', 'Ring', 'cam-green'],
      );
      assert.match(await (await server.fetch('/xmltv.xml?stream=tv')).text(), /<title>Film<[\s\S]*<title>door</);
    }
    await send(b, 'PUT', '/streams/tv/channel/live', { stream: 'cam-blue' });
    await until('it is interrupted', async () => (await channel(a)).onAir?.title === 'cam-blue');
    await send(b, 'DELETE', '/streams/tv/channel/live');
    await until('it returns', async () => (await channel(a)).onAir?.item === ids[3]);
    await send(b, 'DELETE', `/streams/tv/channel/items/${ids[3]}`);
  });

  test('both continue at the other node when theirs is killed: the input that was chosen, the instant of the item', async () => {
    await until('the mixer publishes again', async () => (await mixer(a)).onAir !== null);
    await cutTo(a, 'cam-green');
    const { fromMs } = await until('the past of the door', async () => {
      const [first] = (await b.timeline('door')).spans;
      return first && { fromMs: Math.ceil(Date.parse(first.from) / 1000) * 1000 };
    });
    const startMs = Math.ceil(Date.now() / 1000) * 1000;
    const { items } = await send<ChannelView>(a, 'POST', '/streams/tv/channel/items', {
      kind: 'recording',
      ref: 'door',
      from: new Date(fromMs).toISOString(),
      start: local(startMs),
      seconds: 600,
    });
    const { id } = items.at(-1)!;
    await until('it is on the air', async () => (await channel(b)).onAir?.item === id);
    await until('it is recorded', async () => Date.parse((await b.timeline('tv')).spans.at(-1)!.to) > startMs + 1000);
    const killedMs = Date.now();
    await a.stop('SIGKILL');
    for (const name of ['show', 'tv']) await b.stream(name, 'live', 60_000);
    assert.equal((await mixer(b)).onAir, 'cam-green');
    const { onAir } = await until('the item is on the air again', async () => {
      const view = await channel(b);
      return view.onAir?.item === id && view;
    });
    assert.ok(Date.parse(onAir!.since) > killedMs);
    const there = new Map(
      (await keysOf(b, `/vod/door/${fromMs / 1000}/600s/index.m3u8`)).map((key) => [key.hash, key.atMs]),
    );
    const shown = await until('its pictures are listed', async () => {
      const known = (await keysOf(b, '/live/tv/index.m3u8')).filter(({ hash }) => there.has(hash));
      return known.length > 2 && known;
    });
    // It is entered at the last key frame before its instant, and stays that much behind.
    const times = [...there.values()].sort((one, other) => one - other);
    const keyMs = Math.max(...times.slice(1, 10).map((atMs, i) => atMs - times[i]!));
    const late = shown.map(({ hash, atMs }) => atMs - startMs - (there.get(hash)! - fromMs));
    assert.ok(Math.min(...late) > -40 && Math.max(...late) < keyMs + 40, `pictures are ${late} ms late`);
    assert.ok(Math.max(...late) - Math.min(...late) < 40, `pictures are ${late} ms late`);
    for (const name of ['show', 'tv'])
      assert.ok(
        (await b.timeline(name)).gaps.some(({ cause }) => cause === 'crash'),
        name,
      );
    const before = (await b.timeline('show')).markers.length;
    await cutTo(b, 'cam-blue');
    await until('the cut is a marker', async () => (await b.timeline('show')).markers.length === before + 1);
  });

  test('an input that moves to the other node is still an input', async () => {
    a = await start('a');
    opened.use(await publish(a, 'cam-red'));
    await a.stream('cam-red', 'live');
    await until('it has media', async () => (await mixer(b)).inputs[0]!.state === 'live');
    await cutTo(a, 'cam-red');
    assert.equal((await send<MixerView>(a, 'GET', '/streams/show/mixer')).onAir, 'cam-red');
  });

  test('an input whose node is frozen gives way to the fallback', async () => {
    await send(b, 'PUT', '/streams/show/mixer', { inputs: INPUTS, fallback: 'cam-green' });
    assert.equal((await mixer(b)).onAir, 'cam-red');
    process.kill(a.pid, 'SIGSTOP');
    await until('the fallback is on air', async () => (await mixer(b)).onAir === 'cam-green', { everyMs: 20 });
    process.kill(a.pid, 'SIGCONT');
    const { gaps } = await b.timeline('show');
    // The gap of the takeover, and where the frozen input was noticed: two seconds and a key frame.
    const long = gaps.filter(({ from, to, cause }) => cause !== 'crash' && Date.parse(to) - Date.parse(from) > 4000);
    assert.deepEqual(long, []);
  });
});
