/**
 * A mixer and a channel of one process with live streams of another process of the same server.
 * In: films over RTMP. Out: cuts, a recording whose every frame is known, what happens when a process is
 * killed.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ChannelView } from '../../src/api/channel/channel-shapes.ts';
import type { MixerView } from '../../src/api/mixer/mixer-shapes.ts';
import { canSharePorts } from '../../src/serve/hot/listeners.ts';
import { checkMixed, hashFrames, type MixedFilm, makeMixedFilm } from '../fixtures/media/mixed-films.ts';
import { need } from '../fixtures/need.ts';
import { type FilmLoop, publishLoop } from '../fixtures/publishers/film-loop.ts';
import { createPush } from '../fixtures/publishers/push-streams.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { pidsOf } from './pids.fixture.ts';

const ADMIN = 'let-me-in-please';
const CUTS = 30;
/** RTMP has times in whole milliseconds. */
const BOUNDS = { apartS: 0.0215 };
const INPUTS = ['cam-red', 'cam-green', 'cam-blue'] as const;

suite('a mixer over processes', { skip: canSharePorts ? need('ffmpeg') : 'needs shared ports' }, () => {
  const opened = new AsyncDisposableStack();
  const films = new Map<string, MixedFilm>();
  const keys = new Map<string, string>();
  let folder: Folder;
  let server: Server;

  const send = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await server.fetch(`/api/v1${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  const mixer = () => send<MixerView>('GET', '/streams/show/mixer');
  const cutTo = async (input: string) => {
    await send('POST', '/streams/show/mixer/cut', { input });
    await until(`${input} is on air`, async () => (await mixer()).onAir === input, { everyMs: 20 });
  };
  /** The process of a stream, as the log of its start says. */
  const processOf = (stream: string) =>
    String(server.log().findLast((line) => line.stream === stream && line.process !== undefined)?.process);
  const publish = (name: string): Promise<FilmLoop> =>
    publishLoop(films.get(name.replace('cam-', ''))!, `${server.ingest.rtmp}/${name}?key=${keys.get(name)}`);

  before(async () => {
    folder = opened.use(await openFolder('mixer-processes'));
    for (const [i, name] of ['red', 'green', 'blue'].entries())
      films.set(name, await makeMixedFilm(join(folder.path, `${name}.ts`), 120 * i, 300 + 500 * i));
    const data = join(folder.path, 'data');
    server = await startPlainServer({
      data,
      adminToken: ADMIN,
      ingest: ['rtmp'],
      sample: false,
      args: ['--processes', '2'],
    });
    opened.defer(() => server[Symbol.asyncDispose]());
    for (const name of [...INPUTS, 'show']) keys.set(name, await createPush(server, name));
  });
  after(() => opened.disposeAsync());

  test(`cuts ${CUTS} times between inputs of both processes: no frame is missing, none is of two`, async () => {
    for (const name of INPUTS) opened.use(await publish(name));
    for (const name of INPUTS) await server.stream(name, 'live');
    await send('PUT', '/streams/show/mixer', { inputs: INPUTS, fallback: 'cam-red' });
    await until('the first input is on air', async () => (await mixer()).onAir === INPUTS[0]);
    const places = INPUTS.map(processOf);
    assert.equal(new Set(places).size, 2, `the inputs are on ${places}, the mixer on ${processOf('show')}`);
    await until('all have media', async () => (await mixer()).inputs.every(({ state }) => state === 'live'));
    for (let cut = 1; cut <= CUTS + 1; cut++) await cutTo(INPUTS[cut % 3]!);
    const view = await mixer();
    assert.ok(view.inputs.every(({ isSeamless, state }) => isSeamless && state === 'live'));
    assert.deepEqual([view.cuts, view.discontinuities], [CUTS + 2, 0]);
    const stoppedMs = Date.now();
    await send('POST', '/streams/show/stop');
    const { spans, gaps, markers } = await until('all of it is recorded', async () => {
      const timeline = await server.timeline('show');
      return timeline.spans.length > 0 && Date.parse(timeline.spans.at(-1)!.to) > stoppedMs - 500 && timeline;
    });
    await send('POST', '/streams/show/start');
    assert.deepEqual([spans.length, gaps], [1, []]);
    assert.ok(markers.every(({ text }) => /^✂ cam-\w+/.test(text)));
    const clip = join(folder.path, 'show.ts');
    const [from, to] = [Date.parse(spans[0]!.from), Date.parse(spans[0]!.to)];
    await writeFile(clip, await server.bytes(`/clip/show/${from}/${to}.ts`));
    checkMixed(await hashFrames(clip), films, CUTS, BOUNDS);
  });

  test('an input whose process is killed ends at once, and is there again when it is published again', async () => {
    await until('the mixer publishes again', async () => (await mixer()).onAir !== null);
    const away = INPUTS.find((name) => processOf(name) !== processOf('show'))!;
    // The fallback is an input that stays.
    const here = INPUTS.find((name) => processOf(name) === processOf('show'))!;
    await send('PUT', '/streams/show/mixer', { inputs: INPUTS, fallback: here });
    await cutTo(away);
    const pid = (await pidsOf(server)).get(processOf(away))!;
    process.kill(pid, 'SIGKILL');
    await until('the fallback is on air', async () => (await mixer()).onAir === here, { everyMs: 20 });
    const lost = (await mixer()).inputs.find(({ stream }) => stream === away);
    assert.equal(lost?.state, 'waiting');
    assert.equal(
      (
        await server.fetch('/api/v1/streams/show/mixer/cut', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ input: away }),
        })
      ).status,
      409,
    );
    await until(
      'its process is back',
      async () => ![undefined, pid].includes((await pidsOf(server)).get(processOf(away))),
    );
    await until('its stream is open', async () => (await server.fetch(`/api/v1/streams/${away}`)).status === 200);
    opened.use(await publish(away));
    await until('the mixer returns to it', async () => (await mixer()).onAir === away);
    const { gaps } = await server.timeline('show');
    // The mixer waited for a key frame of the fallback: a gap where that took half a second.
    const long = gaps.filter(({ from, to }) => Date.parse(to) - Date.parse(from) > 3000);
    assert.deepEqual(long, []);
  });

  test('a channel shows live streams of the other process, planned and at once', async () => {
    await send('POST', '/streams', { name: 'tv', source: { type: 'channel' } });
    const away = INPUTS.find((name) => processOf(name) !== processOf('tv'))!;
    const channel = () => send<ChannelView>('GET', '/streams/tv/channel');
    await send('PUT', '/streams/tv/channel/live', { stream: away });
    const shown = await until('it is on the air', async () => {
      const { onAir } = await channel();
      return onAir?.kind === 'live' && onAir;
    });
    assert.equal(shown.title, away);
    await until('two seconds are recorded', async () => {
      const { spans } = await server.timeline('tv');
      return spans.length > 0 && Date.parse(spans.at(-1)!.to) - Date.parse(spans.at(-1)!.from) > 2000;
    });
    await send('DELETE', '/streams/tv/channel/live');
    const start = new Date(Date.now() + 2000).toISOString().slice(0, 19);
    const { items } = await send<ChannelView>('POST', '/streams/tv/channel/items', {
      kind: 'live',
      ref: away,
      start,
      seconds: 60,
    });
    assert.equal(items[0]!.state, 'ok');
    await until('the planned item is on the air', async () => (await channel()).onAir?.item === items[0]!.id);
    // Where it ends, the time is filled.
    await send('POST', `/streams/${away}/stop`);
    const { onAir } = await until('its time is filled', async () => {
      const view = await channel();
      return view.onAir?.kind === 'fill' && view;
    });
    assert.equal(onAir?.why, 'the stream is not live');
    assert.equal((await channel()).items[0]!.state, 'offline');
  });
});
