/*
 * Cameras over ONVIF: found, added, watched and moved. The camera is one of ours, with GStreamer's RTSP
 * server behind it.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { CameraSettings, CameraView, FoundCameraView, StreamCamera } from '../../src/api/cameras/camera-shapes.ts';
import type { ClipView } from '../../src/api/clips/clip-shapes.ts';
import type { MarkerView } from '../../src/api/shapes.ts';
import { need } from '../fixtures/need.ts';
import { filmEncoders } from '../fixtures/publishers/films.ts';
import { type LiveCamera, openLiveCamera } from '../fixtures/rtsp/live-camera.ts';
import { h264AacOf, makeCameraFilm, needGstServer, startGstServer } from '../fixtures/rtsp/rtsp-servers.ts';
import { openFolder, type Server, type ServerOptions, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const adminToken = 'a-token-of-the-test-0123456789';
const FILM_SECONDS = 40;
const login = { user: 'admin', password: 'p@ss-of-the-camera' };
const picture = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');

suite('cameras over ONVIF', { skip: need('ffmpeg') || needGstServer() }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let camera: LiveCamera;
  let how: ServerOptions;

  before(async () => {
    const folder = opened.use(await openFolder('cameras'));
    const film = join(folder.path, 'film.mp4');
    await makeCameraFilm(film, FILM_SECONDS, [...filmEncoders.h264, ...filmEncoders.aac]);
    const rtsp = opened.use(await startGstServer({ launch: h264AacOf(film), ...login }));
    // It names an address of its network, which is not reached from here.
    const media = { main: `rtsp://192.0.2.9:${rtsp.port}/cam`, sub: `rtsp://192.0.2.9:${rtsp.port}/sub` };
    camera = opened.use(await openLiveCamera({ media, ...login, aheadMs: 7200_000, picture }));
    const args = ['--cameras-probe', `127.0.0.1:${camera.probePort}`];
    how = { data: join(folder.path, 'data'), adminToken, args };
    server = opened.use(await startServer(how));
  });
  after(() => opened.disposeAsync());

  const send = async <T>(method: string, path: string, body?: object): Promise<{ status: number; body: T }> => {
    const response = await server.fetch(`/api/v1${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as T };
  };
  const refusal = async (method: string, path: string, body?: object) => {
    const { status, body: problem } = await send<{ code: string }>(method, path, body);
    return `${status} ${problem.code}`;
  };
  const address = () => `http://127.0.0.1:${camera.port}/onvif/device_service`;
  const markers = async () => (await send<{ items: MarkerView[] }>('GET', '/streams/hall/markers')).body.items;

  test('a camera is found with its name and the address from which it answered', async () => {
    const { body } = await send<{ items: FoundCameraView[] }>('POST', '/cameras/find');
    assert.deepEqual(body.items, [
      {
        id: 'urn:uuid:camera-Door%20camera',
        address: address(),
        name: 'Door camera',
        maker: '',
        model: 'Eye',
        location: 'hall',
        streams: [],
      },
    ]);
  });

  test('it is described with its user, although its clock is two hours ahead', async () => {
    assert.equal(
      await refusal('POST', '/cameras/look', { address: address(), user: 'admin', password: 'x' }),
      '502 source-failed',
    );
    assert.equal(await refusal('POST', '/cameras/look', { address: 'file:///etc/passwd' }), '400 bad-request');
    const { body } = await send<CameraView>('POST', '/cameras/look', { address: address(), ...login });
    assert.deepEqual([body.maker, body.model, body.hasEvents], ['Oxbow works', 'Eye 1', true]);
    assert.ok(Math.abs(body.aheadSeconds - 7200) <= 1);
    assert.deepEqual(
      body.profiles.map(({ token, width, moves }) => [token, width, moves]),
      [
        ['main', 1280, true],
        ['sub', 320, true],
      ],
    );
    assert.equal(body.picture, picture.toString('base64'));
  });

  test('it becomes a stream, whose events are markers, and clips that begin before them', async () => {
    const settings: CameraSettings = {
      address: address(),
      ...login,
      profile: 'main',
      title: 'Hall',
      events: { kinds: ['motion', 'line'], clips: true, before: 3, after: 1, labels: { line: 'Over the line' } },
    };
    assert.equal(
      await refusal('PUT', '/streams/hall/camera', { ...settings, profile: 'none' }),
      '400 camera-profile-unknown',
    );
    assert.equal(await refusal('GET', '/streams/hall/camera'), '404 stream-unknown');
    const { status, body } = await send<StreamCamera>('PUT', '/streams/hall/camera', settings);
    assert.equal(status, 201, JSON.stringify(body));
    await server.stream('hall', 'live');
    await until('events are read', () => camera.subscriptions() === 1);
    await until('three seconds are recorded', async () => {
      const { spans } = await server.timeline('hall');
      return spans.some(({ from, to }) => Date.parse(to) - Date.parse(from) >= 4000);
    });
    for (let i = 0; i < 50; i++)
      camera.notice('RuleEngine/CellMotionDetector/Motion', { name: 'IsMotion', value: 'true' });
    camera.notice('VideoSource/MotionAlarm', { name: 'State', value: 'true' }, 'another-channel');
    camera.notice('RuleEngine/FieldDetector/ObjectsInside', { name: 'IsInside', value: 'true' });
    camera.notice('RuleEngine/CellMotionDetector/Motion', { name: 'IsMotion', value: 'false' });
    camera.notice('RuleEngine/LineDetector/Crossed', { name: 'ObjectId', value: '7' });
    const marked = await until('both are marked', async () => ((await markers()).length >= 2 ? markers() : undefined));
    assert.deepEqual(marked.map(({ text }) => text).sort(), ['Motion', 'Over the line']);
    const clip = await until('the clip', async () => {
      const { body: clips } = await send<{ items: ClipView[] }>('GET', '/clips?stream=hall');
      return clips.items.find(({ title }) => title === 'Over the line');
    });
    const line = marked.find(({ text }) => text === 'Over the line')!;
    assert.equal(Date.parse(line.at) - Date.parse(clip.from), 3000);
    assert.equal(Date.parse(clip.to) - Date.parse(line.at), 1000);
    assert.equal((await server.fetch(clip.media.file)).status, 200);
    assert.equal((await markers()).length, 2);
  });

  test('it is moved by those with the right, and stops when that is not repeated', async () => {
    const move = { pan: 0.5, tilt: -0.25 };
    const anonymous = await fetch(`${server.url}/api/v1/streams/hall/camera/stop`, { method: 'POST' });
    assert.equal(anonymous.status, 401);
    assert.equal((await send('POST', '/streams/hall/camera/move', move)).status, 204);
    await until('the camera stops', () => camera.movements.at(-1)?.what === 'stop');
    assert.deepEqual(camera.movements[0], { what: 'move', detail: '0.5 -0.25 0 PT3S' });
    assert.equal(await refusal('POST', '/streams/hall/camera/move', { pan: 2 }), '400 bad-request');
    const { body } = await send<StreamCamera>('GET', '/streams/hall/camera');
    assert.deepEqual(
      body.presets.map(({ name }) => name),
      ['Gate', 'Yard'],
    );
    await send('POST', '/streams/hall/camera/goto', { preset: '2' });
    assert.deepEqual(camera.movements.at(-1), { what: 'goto', detail: '2' });
    const seen = (await (await fetch(`${server.url}/api/v1/streams/hall/camera`)).json()) as StreamCamera;
    assert.deepEqual([seen.isSet, seen.moves, seen.presets, seen.address, seen.events], [true, false, [], null, null]);
  });

  fullTest('after kill -9 the camera is watched and moved again, with its sealed password', async () => {
    await server.stop('SIGKILL');
    server = opened.use(await startServer(how));
    await until('the new subscription', () => camera.subscriptions() >= 1 && camera.requests.at(-1) === 'PullMessages');
    camera.notice('RuleEngine/LineDetector/Crossed');
    await until('a third marker', async () => (await markers()).length === 3);
    assert.equal((await send('POST', '/streams/hall/camera/move', { zoom: 1 })).status, 204);
    await until('the camera stops', () => camera.movements.at(-1)?.what === 'stop');
    camera.breaks(true);
    camera.breaks(false);
    await until('it is watched again', () => camera.subscriptions() === 1);
  });

  test('a subscription that the camera lost is made again, and ends with the stream, whose name is free of it', async () => {
    camera.breaks(true);
    await until('the problem is shown', async () => {
      const { body } = await send<StreamCamera>('GET', '/streams/hall/camera');
      return body.problem !== null;
    });
    camera.breaks(false);
    await until('it is watched again', () => camera.subscriptions() === 1);
    assert.equal((await send('DELETE', '/streams/hall')).status, 204);
    await until('the subscription ends', () => camera.subscriptions() === 0);
    await send('PUT', '/streams/hall', { source: { type: 'test' } });
    assert.equal((await send<StreamCamera>('GET', '/streams/hall/camera')).body.isSet, false);
    assert.doesNotMatch(JSON.stringify(server.log()), /ss-of-the-camera/);
  });
});
