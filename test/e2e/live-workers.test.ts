import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { StreamView } from '../../src/api/shapes.ts';
import type { WorkerView } from '../../src/api/workers/worker-shapes.ts';
import { createEmulatedDevices, type EmulatedDevices } from '../../src/ffmpeg/encoders/emulated.fixture.ts';
import type { EmulatedBehaviour } from '../../src/ffmpeg/encoders/emulated-devices.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { type QualityWatch, watchQuality } from '../fixtures/media/quality-watch.ts';
import { need } from '../fixtures/need.ts';
import { readMultivariant, resolvePath } from '../fixtures/playlists.ts';
import {
  type Folder,
  openFolder,
  type RunningVerb,
  type Server,
  startPlainServer,
  startVerb,
} from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const TOKEN = 'a-token-for-this-test';
const PICTURES_PER_S = 25;
/** Segments after a worker was left in which nothing may be missing. */
const AFTER = 3;

/** A TCP connection to the server that a test cuts: nothing passes any more, and no side is notified. */
interface Cable extends AsyncDisposable {
  readonly url: string;
  cut(): void;
}

async function openCable(server: Server): Promise<Cable> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const { hostname, port } = new URL(server.url);
  const relay: NetServer = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .once('close', () => {
          sockets.delete(socket);
          if (!isCut) (socket === near ? far : near).destroy();
        });
    }
    if (isCut) return;
    near.on('data', (bytes) => isCut || far.write(bytes));
    far.on('data', (bytes) => isCut || near.write(bytes));
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const { port: own } = relay.address() as { port: number };
  return {
    url: `http://127.0.0.1:${own}`,
    cut() {
      isCut = true;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}

suite('live qualities at workers', { skip: need('ffmpeg') || (process.platform !== 'linux' && 'Linux only') }, () => {
  const opened = new AsyncDisposableStack();
  const index = '/live/cam/index.m3u8';
  let folder: Folder;
  let server: Server;
  let devices: EmulatedDevices;
  let token: string;
  let workers: RunningVerb[] = [];

  before(async () => {
    folder = opened.use(await openFolder('live-workers'));
    devices = opened.use(await createEmulatedDevices(Object.fromEntries(['a', 'b'].map((one) => [device(one), {}]))));
    const file = join(folder.path, 'oxbow.yaml');
    await writeFile(
      file,
      "streams:\n  cam: { source: { type: test }, record: false, ladder: '144p', ladderStart: always }\n",
    );
    const args = ['--config', file, '--test-picture-width', '320', '--test-picture-height', '180'];
    server = opened.use(await startPlainServer({ args, data: join(folder.path, 'data'), adminToken: TOKEN }));
    const made = await server.fetch('/api/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ label: 'workers', scopes: ['worker'] }),
    });
    ({ token } = (await made.json()) as { token: string });
  });
  after(async () => {
    await Promise.all(workers.map((worker) => worker.end('SIGKILL')));
    await opened.disposeAsync();
  });

  /** Devices have unique names on the machine. */
  const device = (name: string) => `live-e2e-${name}-${process.pid}`;
  const behave = async (behaviour: EmulatedBehaviour) => {
    for (const name of ['a', 'b']) await devices.behave(device(name), behaviour);
  };
  const made = async () => (await server.json<StreamView>('/api/v1/streams/cam')).ladder!.made;
  const at = async () => (await made())[0]?.worker;

  /** A process with one emulated device, which has one place. */
  function startWorker(name: string, url = server.url): RunningVerb {
    const own = { ...devices.env, OXBOW_WORKER_TOKEN: token };
    const args = ['worker', '--server', url, '--name', name, '--sessions', '1', '--slots', '1'];
    const worker = startVerb(args, own);
    workers.push(worker);
    return worker;
  }

  async function watch(): Promise<QualityWatch> {
    await until('the quality is listed', async () => (await (await server.fetch(index)).text()).includes('av0-144/'));
    const { variants } = await readMultivariant(server, index);
    const path = (id: string) => resolvePath(variants.find(({ uri }) => uri.startsWith(`${id}/`))!.uri, index);
    return watchQuality(server, { source: path('av0'), quality: path('av0-144') });
  }

  const newest = (of: ReadonlyMap<number, unknown>) => Math.max(0, ...of.keys());

  /** Waits until the quality has further segments, and compares all from the first one on with the source. */
  async function check(t: TestContext, { quality, source, delays }: QualityWatch): Promise<void> {
    const first = Math.min(...quality.keys());
    const last = newest(quality);
    await until('further segments are complete', () => newest(quality) >= last + AFTER && source.has(newest(quality)));
    for (let msn = first; msn <= last + AFTER; msn++) {
      const [own, of] = [quality.get(msn), source.get(msn)];
      assert.ok(own && of, `MSN ${msn} is missing`);
      assert.equal(own.segment.gap ?? false, false, `MSN ${msn} is a GAP`);
      assert.deepEqual([own.dateMs, own.segment.durationS], [of.dateMs, of.segment.durationS], `MSN ${msn}`);
    }
    for (let msn = last; msn <= last + AFTER; msn++)
      assert.equal(await countPictures(quality, msn), expected(quality, msn));
    const late = delays(first).sort((a, b) => a - b);
    const [median, most] = [late[late.length >> 1], late.at(-1)];
    t.diagnostic(`${late.length} segments later than the source: median ${median} ms, most ${most} ms`);
  }

  const expected = (quality: QualityWatch['quality'], msn: number) =>
    Math.round(quality.get(msn)!.segment.durationS * PICTURES_PER_S);

  async function countPictures(quality: QualityWatch['quality'], msn: number): Promise<number> {
    const { segment } = quality.get(msn)!;
    const of = (uri: string) => server.bytes(resolvePath(uri, '/live/cam/av0-144/media.m3u8'));
    const path = join(folder.path, `${msn}.mp4`);
    await writeFile(path, Buffer.concat([await of(segment.map!.uri), await of(segment.uri)]));
    const { stdout, stderr } = await run('ffprobe', [
      ...['-v', 'error', '-count_frames', '-select_streams', 'v:0', '-show_entries', 'stream=nb_read_frames'],
      ...['-of', 'csv=p=0', path],
    ]);
    assert.equal(stderr, '');
    return Number(stdout.toString().trim());
  }

  async function connections(state: string): Promise<number> {
    const text = Buffer.from(await server.bytes('/metrics')).toString();
    return Number(new RegExp(`oxbow_live_worker_connections\\{state="${state}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  }

  async function endAll(): Promise<void> {
    await Promise.all(workers.map((worker) => worker.end('SIGKILL')));
    workers = [];
    await until('software encodes', async () => (await at()) === null);
  }

  test('come from this server to clients with the scope worker alone', async () => {
    const ask = async (headers: Record<string, string>) => {
      const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
      const key = { 'sec-websocket-key': Buffer.from('0123456789abcdef').toString('base64') };
      const asked = request(`${server.url}/api/v1/live-workers`, { headers: { ...upgrade, ...key, ...headers } });
      asked.end();
      return await new Promise<number>((resolve, reject) => {
        asked.once('error', reject);
        asked.once('response', ({ statusCode = 0 }) => resolve(statusCode));
        asked.once('upgrade', (_, socket) => {
          socket.destroy();
          resolve(101);
        });
      });
    };
    assert.equal(await ask({}), 401);
    assert.equal(await ask({ authorization: 'Bearer nonsense' }), 401);
    assert.equal(await ask({ authorization: `Bearer ${token}` }), 101);
  });

  test('go to a worker with a device, and continue in software when it is killed, with every segment', async (t) => {
    await using seen = await watch();
    const worker = startWorker('one');
    await until('the worker encodes', async () => (await at()) === 'one' && (await made())[0]?.encoder !== null);
    assert.match((await made())[0]!.encoder!, /^h264_emulated live-e2e-/);
    await check(t, seen);
    const text = Buffer.from(await server.bytes('/metrics')).toString();
    for (const direction of ['in', 'out']) {
      assert.match(text, new RegExp(`oxbow_live_worker_bytes_total\\{stream="cam",direction="${direction}"\\} [1-9]`));
    }
    await worker.end('SIGKILL');
    await until('software encodes', async () => (await at()) === null);
    await check(t, seen);
    await endAll();
  });

  test('continue at another worker when one is drained', async (t) => {
    await using seen = await watch();
    const first = startWorker('first');
    await until('the worker encodes', async () => (await at()) === 'first');
    await check(t, seen);
    startWorker('second');
    await until('the second one offers its device', async () => (await connections('waiting')) === 1);
    const { items } = await server.json<{ items: WorkerView[] }>('/api/v1/workers');
    const { id } = items.find(({ name }) => name === 'first')!;
    await server.fetch(`/api/v1/workers/${id}`, { method: 'DELETE' });
    await until('the second one encodes', async () => (await at()) === 'second');
    assert.equal((await first.end('SIGTERM')).code, 0);
    await check(t, seen);
    await endAll();
  });

  for (const [how, act] of [
    ['is stopped and returns nothing', ({ worker }) => process.kill(worker.pid, 'SIGSTOP')],
    ['is behind a network that is cut', ({ cable }) => cable.cut()],
    ['is slower than the stream', () => behave({ delayMs: 120 })],
    ['has a device that fails', () => behave({ failAfter: 0 })],
    ['has a device that hangs', () => behave({ hangAfter: 0 })],
  ] as const satisfies [string, (of: { worker: RunningVerb; cable: Cable }) => unknown][]) {
    fullTest(`continue in software when a worker ${how}, with every segment`, async (t) => {
      await using cable = await openCable(server);
      await using seen = await watch();
      const worker = startWorker('far', cable.url);
      await until('the worker encodes', async () => (await at()) === 'far' && (await made())[0]?.encoder !== null);
      await check(t, seen);
      const beganMs = performance.now();
      await act({ worker, cable });
      await until('software encodes', async () => (await at()) === null);
      t.diagnostic(`left after ${Math.round(performance.now() - beganMs)} ms`);
      await check(t, seen);
      await behave({});
      await endAll();
    });
  }
});
