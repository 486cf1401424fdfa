/*
 * Cameras of a cluster and of several processes: the owner of the stream has the subscription, another node
 * takes it over without a second marker or clip, and every node moves and finds the camera.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { CameraView, FoundCameraView, StreamCamera } from '../../src/api/cameras/camera-shapes.ts';
import type { ClipView } from '../../src/api/clips/clip-shapes.ts';
import type { MarkerView } from '../../src/api/shapes.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { type LiveCamera, openLiveCamera } from '../fixtures/rtsp/live-camera.ts';
import { openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { ADMIN, openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server');
const login = { user: 'admin', password: 'p@ss-of-the-camera' };
const picture = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');
const MOTION = 'RuleEngine/CellMotionDetector/Motion';
const motion = (isOn: boolean) => ({ name: 'IsMotion', value: String(isOn) });

async function send<T>(
  server: Server,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: T }> {
  const response = await server.fetch(`/api/v1${path}`, {
    method,
    // A request reaches any of several processes.
    headers: { connection: 'close', ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as T };
}

const openCamera = () => openLiveCamera({ media: { main: 'rtsp://192.0.2.9/cam' }, ...login, picture });

/** Sets the camera of a stream with a test picture. */
async function setCamera(server: Server, name: string, camera: LiveCamera): Promise<void> {
  const { status, body } = await send(server, 'PUT', `/streams/${name}/camera`, {
    address: `http://127.0.0.1:${camera.port}/onvif/device_service`,
    ...login,
    profile: 'main',
    events: { kinds: ['motion', 'line'], clips: true, before: 2, after: 1 },
  });
  assert.equal(status, 200, JSON.stringify(body));
  await until('events are read', () => camera.subscriptions() === 1 && camera.requests.at(-1) === 'PullMessages');
}

const markersOf = async (server: Server, name: string) =>
  (await send<{ items: MarkerView[] }>(server, 'GET', `/streams/${name}/markers`)).body.items;
const clipsOf = async (server: Server, name: string) =>
  (await send<{ items: ClipView[] }>(server, 'GET', `/clips?stream=${name}`)).body.items;
const addStream = async (server: Server, name: string) => {
  const { status, body } = await send(server, 'POST', '/streams', { name, source: { type: 'test' } });
  assert.equal(status, 201, JSON.stringify(body));
  await until(`${name} is live`, async () => {
    const { body: stream } = await send<{ state: string }>(server, 'GET', `/streams/${name}`);
    return stream.state === 'live';
  });
};

suite('the camera of a stream in a cluster', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let cluster: TestCluster;
  let camera: LiveCamera;
  let a: TestNode;
  let b: TestNode;
  const start = (name: string) =>
    cluster.start(name, { args: [...smallPicture, '--cameras-probe', `127.0.0.1:${camera.probePort}`] });

  before(async () => {
    cluster = opened.use(await openCluster());
    camera = opened.use(await openCamera());
    [a, b] = [await start('a'), await start('b')];
  });
  after(() => opened.disposeAsync());

  test('another node sets, shows, moves and finds it; only the owner of the stream has the subscription', async () => {
    await addStream(a.server, 'hall');
    await setCamera(b.server, 'hall', camera);
    for (const { server } of [a, b]) {
      const { body: shown } = await send<StreamCamera>(server, 'GET', '/streams/hall/camera');
      assert.deepEqual([shown.isSet, shown.moves, shown.problem], [true, true, null]);
      assert.deepEqual(
        shown.presets.map(({ name }) => name),
        ['Gate', 'Yard'],
      );
      const { body: found } = await send<{ items: FoundCameraView[] }>(server, 'POST', '/cameras/find');
      assert.deepEqual(
        found.items.map(({ streams }) => streams),
        [['hall']],
      );
      const address = `127.0.0.1:${camera.port}`;
      const { body: look } = await send<CameraView>(server, 'POST', '/cameras/look', { address, ...login });
      assert.equal(look.picture, picture.toString('base64'));
      assert.equal((await send(server, 'POST', '/streams/hall/camera/move', { pan: 0.5 })).status, 204);
      await until('the camera stops', () => camera.movements.at(-1)?.what === 'stop');
      assert.equal((await send(server, 'POST', '/streams/hall/camera/goto', { preset: '1' })).status, 204);
      assert.equal(camera.movements.at(-1)?.what, 'goto');
    }
    assert.equal(camera.subscriptions(), 1);
  });

  test('after kill -9 of the owner the moment continues on the other node: one marker, one clip', async (t) => {
    await until('three seconds are recorded', async () => {
      const { spans } = await a.server.timeline('hall');
      return spans.some(({ from, to }) => Date.parse(to) - Date.parse(from) >= 3000);
    });
    camera.notice(MOTION, motion(true));
    await until('it is marked', async () => (await markersOf(b.server, 'hall')).length === 1);
    const killedMs = Date.now();
    await a.server.stop('SIGKILL');
    await until('the other node has a subscription', () => camera.subscriptions() === 2);
    t.diagnostic(`watched again after ${Date.now() - killedMs} ms`);
    // It gets what is on, again.
    const pulls = () => camera.requests.filter((request) => request === 'PullMessages').length;
    const before = pulls();
    await until('it has read', () => pulls() >= before + 2);
    camera.notice(MOTION, motion(false));
    const [clip] = await until('the clip', async () => {
      const clips = await clipsOf(b.server, 'hall');
      return clips.length > 0 && clips;
    });
    const [marker, ...others] = await markersOf(b.server, 'hall');
    assert.deepEqual(others, []);
    assert.equal(Date.parse(marker!.at) - Date.parse(clip!.from), 2000);
    assert.ok(Date.parse(clip!.to) > killedMs);
    assert.equal((await send(b.server, 'POST', '/streams/hall/camera/move', { pan: 0.5 })).status, 204);

    // The first node comes back: the stream and the subscription stay where they are.
    a = await start('a');
    assert.equal((await send<StreamCamera>(a.server, 'GET', '/streams/hall/camera')).body.isSet, true);
    camera.notice('RuleEngine/LineDetector/Crossed', undefined);
    await until('a second marker', async () => (await markersOf(a.server, 'hall')).length === 2);
    assert.equal((await send(a.server, 'POST', '/streams/hall/camera/move', { zoom: 1 })).status, 204);
    assert.equal(camera.subscriptions(), 2);
  });

  test('a node that ends in order leaves the moment to the next one; an owner that was asleep makes no second clip', async () => {
    const clipsBefore = (await clipsOf(a.server, 'hall')).length;
    camera.notice(MOTION, motion(true));
    await until('it is marked', async () => (await markersOf(a.server, 'hall')).length === 3);
    await b.server.stop('SIGTERM');
    await until('the subscription has moved', async () => {
      const { body } = await send<StreamCamera>(a.server, 'GET', '/streams/hall/camera');
      return body.isSet && body.problem === null;
    });
    b = await start('b');
    process.kill(a.server.pid, 'SIGSTOP');
    try {
      await until('the stream is live elsewhere', async () => {
        const { body } = await send<StreamCamera>(b.server, 'GET', '/streams/hall/camera');
        return body.isSet && body.problem === null;
      });
    } finally {
      process.kill(a.server.pid, 'SIGCONT');
    }
    camera.notice(MOTION, motion(false));
    await until('the clip', async () => (await clipsOf(b.server, 'hall')).length > clipsBefore);
    // Its lease is another one's: it ends.
    await a.server.closed;
    assert.equal((await markersOf(b.server, 'hall')).length, 3);
    const clips = await clipsOf(b.server, 'hall');
    assert.equal(new Set(clips.map(({ from, title }) => `${from} ${title}`)).size, clips.length);
  });
});

test('several processes of one server: one of them has the subscription, all of them move the camera', {
  skip: process.platform === 'linux' ? false : 'several processes are for Linux',
}, async () => {
  await using folder = await openFolder('camera-processes');
  await using camera = await openCamera();
  const args = [...smallPicture, '--processes', '2', '--cameras-probe', `127.0.0.1:${camera.probePort}`];
  await using server = await startPlainServer({ data: folder.path, adminToken: ADMIN, sample: false, args });
  for (const name of ['one', 'two', 'three']) await addStream(server, name);
  await setCamera(server, 'two', camera);
  for (let i = 0; i < 6; i++) {
    assert.equal((await send<StreamCamera>(server, 'GET', '/streams/two/camera')).body.isSet, true);
    assert.equal((await send(server, 'POST', '/streams/two/camera/move', { pan: 0.1 })).status, 204);
    const { body: found } = await send<{ items: FoundCameraView[] }>(server, 'POST', '/cameras/find');
    assert.deepEqual(
      found.items.map(({ streams }) => streams),
      [['two']],
    );
  }
  camera.notice('RuleEngine/LineDetector/Crossed');
  await until('it is marked', async () => (await markersOf(server, 'two')).length === 1);
  assert.equal(camera.subscriptions(), 1);
});
