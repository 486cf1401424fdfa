import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { connectSrt } from '@oxbow/wire/srt/connect';
import { WebSocket } from 'ws';
import type { StreamStats } from '../../src/api/measure/stats-shapes.ts';
import type { ClusterNodeView } from '../../src/api/nodes/node-shapes.ts';
import type { RoomView } from '../../src/api/room/room-shapes.ts';
import type { StreamView, SystemView, TimelineView } from '../../src/api/shapes.ts';
import { canSharePorts } from '../../src/serve/hot/listeners.ts';
import { end, upgrade, withoutNpm } from '../fixtures/cli/upgrade.ts';
import { encode, filmArgs } from '../fixtures/encoder.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, type Origin, openOrigin } from '../fixtures/origin.ts';
import { openBondedSender } from '../fixtures/publishers/bonded-sender.ts';
import { publishByFfmpeg } from '../fixtures/publishers/publishers.ts';
import { createPush, post } from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { type Folder, isRunning, main, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { perSecond, putSlidingList } from '../fixtures/sliding-list.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { pidsOf } from './pids.fixture.ts';

const ADMIN = 'let-me-in-please';
const SECONDS = 240;
const skip = canSharePorts ? need('ffmpeg') : 'needs shared ports';

/** A request over a new connection, which the system gives to any process. */
function ask(server: Server, path: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'close', authorization: `Bearer ${ADMIN}` };
    get(`${server.url}${path}`, { agent: false, headers, signal: AbortSignal.timeout(20_000) }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode!, body })).on('error', reject);
    }).on('error', reject);
  });
}

/** The same request many times: some reach each process. */
const askAll = (server: Server, path: string) => Promise.all(Array.from({ length: 24 }, () => ask(server, path)));

/** The processes with their streams. */
async function processesOf(server: Server): Promise<ReadonlyMap<string, ClusterNodeView>> {
  const { items } = await server.json<{ items: readonly ClusterNodeView[] }>('/api/v1/nodes');
  return new Map(items.map((node) => [node.name, node]));
}

const countsOf = async (server: Server) =>
  Array.from((await processesOf(server)).values(), ({ owns }) => owns.streams).sort();

/** The process of a stream, as the log of its start says. */
const processOf = (server: Server, stream: string) =>
  String(server.log().findLast((line) => line.stream === stream && line.msg === 'the stream is live')?.process);

suite('several processes that are one server', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: Origin;
  let url: string;
  let film: string;
  let bondedPort: number;
  let server: Server;

  before(async () => {
    folder = opened.use(await openFolder('processes'));
    const media = join(folder.path, 'media');
    await makeHls({ folder: media, seconds: SECONDS, fps: 5, size: '128x72', container: 'fmp4' });
    origin = opened.use(await openOrigin({ folder: media }));
    const released = perSecond({ first: 30, seconds: 1 });
    url = await putSlidingList(origin, { folder: media, window: 30, released, startMs: Date.now() - 30_000 });
    film = await encode(filmArgs(60), join(folder.path, 'film.flv'));
    bondedPort = await freeUdpPort();
    server = await start(2);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await opened.disposeAsync();
  });

  const start = (count: number, ...args: string[]) =>
    startPlainServer({
      data: join(folder.path, 'data'),
      adminToken: ADMIN,
      ingest: ['rtmp', 'srt'],
      env: withoutNpm,
      args: [
        ...[`one=${url}`, `two=${url}`, '--processes', String(count), '--srtla', `127.0.0.1:${bondedPort}`],
        ...args,
      ],
    });
  /** Creates a stream for a publisher; its key, and its process. */
  const createAt = async (name: string) => {
    const before = await processesOf(server);
    const key = await createPush(server, name);
    const home = await until(`${name} has a process`, async () => {
      const nodes = [...(await processesOf(server)).values()];
      return nodes.find((node) => node.owns.streams > before.get(node.name)!.owns.streams)?.name;
    });
    return { name, key, home };
  };
  const create = (name: string) => post<StreamView>(server, '/streams', { name, source: { type: 'pull', url } });

  test('spread the streams of the settings and of the API, and each answers for all of them', async () => {
    for (const name of ['three', 'four']) await create(name);
    for (const name of ['one', 'two', 'three', 'four']) await server.stream(name, 'live');
    assert.deepEqual(await countsOf(server), [2, 2]);
    for (const name of ['one', 'two', 'three', 'four']) {
      for (const { status, body } of await askAll(server, `/live/${name}/index.m3u8`)) {
        assert.equal(status, 200);
        assert.match(body, /#EXT-X-STREAM-INF/);
      }
    }
    for (const { body } of await askAll(server, '/api/v1/streams')) {
      const { items } = JSON.parse(body) as { items: readonly StreamView[] };
      assert.deepEqual(items.map(({ name }) => name).sort(), ['four', 'one', 'three', 'two']);
    }
  });

  test('are one in metrics, system and log', async () => {
    for (const { body } of await askAll(server, '/metrics')) {
      assert.match(body, /^oxbow_streams\{state="live"\} 4$/m);
      assert.match(body, /^oxbow_build_info\{.*\} 1$/m);
    }
    for (const { body } of await askAll(server, '/api/v1/system')) {
      const { streams, memory } = JSON.parse(body) as SystemView;
      assert.equal(streams, 4);
      assert.ok(memory.rss > 100 * 1024 * 1024, String(memory.rss));
    }
    const { items } = await server.json<{ items: readonly { detail: string }[] }>('/api/v1/logs?level=info');
    for (const name of ['process-1', 'process-2'])
      assert.ok(items.some(({ detail }) => detail.includes(`process=${name}`)));
  });

  test('hear each other: a member of a room, and a subscriber to events, at any of them', async () => {
    const room = await post<RoomView>(server, '/rooms', { name: 'Both' });
    const headers = { authorization: `Bearer ${ADMIN}` };
    const wsUrl = server.url.replace('http', 'ws');
    const texts: string[] = [];
    const sockets = Array.from({ length: 6 }, () => {
      const socket = new WebSocket(`${wsUrl}/api/v1/rooms/${room.id}/socket`, { headers });
      socket.on('open', () => socket.send(JSON.stringify({ t: 'hello' })));
      socket.on('message', (data) => texts.push(String(data)));
      return socket;
    });
    const events: string[] = [];
    const listeners = Array.from({ length: 6 }, () => {
      const socket = new WebSocket(`${wsUrl}/api/v1/events`, { headers });
      socket.on('message', (data) => events.push(String(data)));
      return socket;
    });
    const welcomes = () => texts.filter((text) => text.includes('"t":"welcome"')).length;
    await until('all have joined', () => welcomes() === sockets.length);
    await until('all listen', () => listeners.every(({ readyState }) => readyState === WebSocket.OPEN));
    sockets[0]!.send(JSON.stringify({ t: 'chat', id: 'a-message-of-the-test', text: 'hello, all of you' }));
    const heard = () => texts.filter((text) => text.includes('"t":"message"') && text.includes('all of you')).length;
    await until('all have read it', () => heard() >= sockets.length - 1);
    await create('heard');
    const ids = () => events.filter((text) => text.includes('stream.created') && text.includes('heard'));
    await until('all have received it', () => ids().length === listeners.length);
    assert.deepEqual(
      [...new Set(ids().map((text) => (JSON.parse(text) as { id: string }).id))].length,
      1,
      ids().join('\n'),
    );
    for (const socket of [...sockets, ...listeners]) socket.close();
    assert.equal((await server.fetch('/api/v1/streams/heard?recordings=delete', { method: 'DELETE' })).status, 204);
  });

  test('a process that is killed starts again; its streams have no gap, and publishers at others notice nothing', async () => {
    const key = await createPush(server, 'pushed');
    const port = new URL(server.ingest.srt!).port;
    await using publisher = publishByFfmpeg(film, `srt://127.0.0.1:${port}?streamid=publish:pushed:${key}`, {
      format: 'mpegts',
    });
    await server.stream('pushed', 'live');
    const home = await until('its process is known', () => processOf(server, 'pushed'));
    const killed = home === 'process-1' ? 'process-2' : 'process-1';
    const streams = ['one', 'two', 'three', 'four'].filter((name) => processOf(server, name) === killed);
    assert.equal(streams.length, 2);
    process.kill((await pidsOf(server)).get(killed)!, 'SIGKILL');
    await until('it starts again', () =>
      server.log('error').some(({ msg, process: name }) => name === killed && String(msg).includes('has ended')),
    );
    const sinceMs = Date.now();
    for (const name of streams) {
      const timeline = await until(`${name} is recorded again`, async () => {
        const read = await ask(server, `/api/v1/streams/${name}/timeline`);
        if (read.status !== 200) return undefined;
        const view = JSON.parse(read.body) as TimelineView;
        return Date.parse(view.spans.at(-1)?.to ?? '') > sinceMs && view;
      });
      assertCovered(timeline);
      assert.deepEqual(timeline.gaps, [], 'the list of the source reaches back to before');
    }
    const pushed = await server.timeline('pushed');
    assert.deepEqual([pushed.spans.length, pushed.gaps], [1, []]);
    await until('it has its streams', async () => (await processesOf(server)).get(killed)?.owns.streams === 2);
    assert.equal(publisher.stderr, '');
  });

  fullTest('a process that is frozen is killed and starts again, and its streams continue', async () => {
    const frozen = processOf(server, 'one');
    const lines = () => server.log('error').filter(({ process: name }) => name === frozen);
    const starts = () =>
      server.log().filter(({ process: name, msg }) => name === frozen && msg === 'oxbow runs').length;
    const startsBefore = starts();
    const { length } = lines();
    process.kill((await pidsOf(server)).get(frozen)!, 'SIGSTOP');
    const after = await until('it starts again', () => lines().length >= length + 2 && lines().slice(length));
    assert.match(String(after[0]!.msg), /does not answer; killing it/);
    assert.match(String(after[1]!.msg), /has ended; starting it again/);
    const sinceMs = Date.now();
    const timeline = await until('its stream is recorded again', async () => {
      const read = await ask(server, '/api/v1/streams/one/timeline').catch(() => undefined); // by the killed one
      if (read?.status !== 200) return undefined;
      const view = JSON.parse(read.body) as TimelineView;
      return Date.parse(view.spans.at(-1)?.to ?? '') > sinceMs && view;
    });
    assert.deepEqual(timeline.gaps, [], 'the list of the source reaches back to before');
    await until('it runs again', () => starts() > startsBefore);
  });

  test('a publisher over RTMP may connect to any of them', async () => {
    const key = await createPush(server, 'rtmp');
    await using publisher = publishByFfmpeg(film, `${server.ingest.rtmp}/rtmp?key=${key}`);
    await server.stream('rtmp', 'live');
    for (const { status } of await askAll(server, '/live/rtmp/index.m3u8')) assert.equal(status, 200);
    assert.equal(publisher.stderr, '');
  });

  test('a publisher that connects again reaches the process of its stream, which continues', async () => {
    const key = await createPush(server, 'again');
    const text = async (path: string) => Buffer.from(await server.bytes(path)).toString();
    const isPassed = async () => /^oxbow_rtmp_ended_total\{.*reason="passed"\} [1-9]/m.test(await text('/metrics'));
    const generations = new Set<string | undefined>();
    for (let connection = 0; connection < 4 || !(await isPassed()); connection++) {
      await using publisher = publishByFfmpeg(film, `${server.ingest.rtmp}/again?key=${key}`);
      await server.stream('again', 'live');
      generations.add(/v0\/g\d+/.exec(await text('/live/again/index.m3u8'))?.[0]);
      assert.equal(publisher.stderr, '');
      await publisher.kill();
      await server.stream('again', 'unpublished');
    }
    assert.equal(generations.size, 1);
    const lines = server.log().filter(({ stream, msg }) => stream === 'again' && msg === 'the stream is live');
    assert.equal(new Set(lines.map(({ process: name }) => name)).size, 1);
  });

  fullTest('publishers and viewers over SRT reach the process of their stream through any of them', async () => {
    const port = Number(new URL(server.ingest.srt!).port);
    const key = await createPush(server, 'srt-again');
    const url = `srt://127.0.0.1:${port}?streamid=`;
    const text = async (path: string) => Buffer.from(await server.bytes(path)).toString();
    const passed = async () => Number(/^oxbow_srt_passed_total (\d+)$/m.exec(await text('/metrics'))?.[1] ?? 0);
    const generations = new Set<string | undefined>();
    for (let connection = 0; connection < 2 || (await passed()) === 0; connection++) {
      await using publisher = publishByFfmpeg(film, `${url}publish:srt-again:${key}`, { format: 'mpegts' });
      await server.stream('srt-again', 'live');
      generations.add(/v0\/g\d+/.exec(await text('/live/srt-again/index.m3u8'))?.[0]);
      assert.equal(publisher.stderr, '');
      await publisher.kill();
      await server.stream('srt-again', 'unpublished');
    }
    assert.equal(generations.size, 1, 'its stream stays where it is');
    await using publisher = publishByFfmpeg(film, `${url}publish:srt-again:${key}`, { format: 'mpegts' });
    await server.stream('srt-again', 'live');
    const before = await passed();
    for (let viewer = 0; viewer < 3 || (await passed()) === before; viewer++) {
      const signal = AbortSignal.timeout(30_000);
      const caller = await connectSrt({ address: '127.0.0.1', port, streamId: 'request:srt-again', signal });
      await new Promise<void>((resolve) => {
        caller.onData = () => resolve();
      });
      caller.close();
    }
    assert.equal(publisher.stderr, '');
  });

  fullTest('bonded senders reach the process of their stream, which has the figures of their links', async () => {
    const phone = await createAt('phone');
    const others = [await createAt('backpack-0')];
    // Where processes have as many streams, a new one is at the process that the request reached.
    while (others.at(-1)!.home === phone.home) others.push(await createAt(`backpack-${others.length}`));
    const bondedStreams = [phone, others.at(-1)!];
    await using publishers = new AsyncDisposableStack();
    for (const [seed, { name, key }] of bondedStreams.entries()) {
      const bonded = publishers.use(await openBondedSender(bondedPort, seed, [{ delayMs: 5 }, { delayMs: 30 }]));
      const to = `srt://127.0.0.1:${bonded.port}?streamid=publish:${name}:${key}`;
      publishers.use(publishByFfmpeg(film, to, { format: 'mpegts' }));
    }
    for (const { name, home } of bondedStreams) {
      await server.stream(name, 'live');
      await until('both links carry', async () => {
        const { body } = await ask(server, `/api/v1/streams/${name}/stats`);
        const { links } = (JSON.parse(body) as StreamStats).link;
        return links.length === 2 && links.every(({ up, bitrate }) => up && bitrate > 1000);
      });
      await until(`${name} is at ${home}`, () => processOf(server, name) === home);
    }
    await publishers[Symbol.asyncDispose]();
    for (const { name } of [phone, ...others]) {
      assert.equal((await server.fetch(`/api/v1/streams/${name}?recordings=delete`, { method: 'DELETE' })).status, 204);
    }
  });

  test('follow each other in an upgrade, and no client is refused', async () => {
    const data = join(folder.path, 'data');
    const { pid } = await upgrade(data);
    assert.notEqual(pid, server.pid);
    await until('the first server has ended', async () => !isRunning(server.pid));
    const sinceMs = Date.now();
    const timeline = await until('the new one records', async () => {
      const view = JSON.parse((await ask(server, '/api/v1/streams/one/timeline')).body) as TimelineView;
      return Date.parse(view.spans.at(-1)?.to ?? '') > sinceMs && view;
    });
    assert.deepEqual(timeline.gaps, []);
    await end(pid);
  });

  fullTest('more, fewer or one have all that the others had', async () => {
    for (const count of [3, 2]) {
      await using next = await start(count);
      await until('all streams run', async () => {
        const counts = await countsOf(next);
        return counts.length === count && counts.reduce((sum, streams) => sum + streams) === 8;
      });
      const counts = await countsOf(next);
      assert.ok(counts.at(-1)! - counts[0]! <= 1, counts.join());
      await next.stream('one', 'live');
    }
    await using sole = await start(1);
    assert.equal((await sole.json<{ items: readonly StreamView[] }>('/api/v1/streams')).items.length, 8);
    const timeline = await sole.timeline('three');
    assert.ok(timeline.spans.length > 0);
    const clip = `/clip/three/${Date.parse(timeline.spans[0]!.from)}/${Date.parse(timeline.spans[0]!.from) + 2000}.mp4`;
    assert.ok((await sole.bytes(clip)).length > 1000);
  });
});

suite('settings of processes', () => {
  const refused = (...args: string[]) =>
    promisify(execFile)(process.execPath, [main, 'serve', '--processes', '2', ...args]).then(
      () => assert.fail('it was started'),
      ({ stderr }: { stderr: string }) => stderr,
    );

  test('a node of a cluster is one process, and each process has one thread', async () => {
    assert.match(await refused('--cluster-enabled', 'true'), /a node of a cluster is one process/);
    assert.match(await refused('--threads', '2'), /each process has one thread/);
  });
});
