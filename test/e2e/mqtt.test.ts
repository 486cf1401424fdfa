import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ClipView } from '../../src/api/clips/clip-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { startMosquitto, watchTopics } from '../fixtures/engines/mosquitto.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const skip = need('mosquitto');
const adminToken = 'a-token-of-the-test-0123456789';
const send = (method: string, body: object) => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

test('Home Assistant finds a stream at an MQTT server, follows it and switches its recording', { skip }, async () => {
  await using folder = await openFolder('mqtt');
  await using mosquitto = await startMosquitto({ user: 'home', password: 'a-secret-of-the-test' });
  const data = join(folder.path, 'data');
  const args = ['--mqtt-url', mosquitto.url, ...smallPicture];
  await using server = await startServer({ data, adminToken, args, env: { OXBOW_PUBLIC_URL: 'http://video.example' } });
  const source = { name: 'cam', source: { type: 'test' }, title: 'Camera' };
  assert.equal((await server.fetch('/api/v1/streams', send('POST', source))).status, 201);
  const base = 'oxbow/streams/cam';
  await using home = await watchTopics(mosquitto.url);
  const says = (topic: string, payload: string) =>
    until(`${topic} says ${payload}`, () => home.topics.get(topic) === payload || undefined);

  await says('oxbow/status', 'online');
  await says(`${base}/live`, 'ON');
  await says(`${base}/record`, 'ON');
  assert.equal(home.topics.get(`${base}/state`), 'live');
  const device = JSON.parse(home.topics.get('homeassistant/device/oxbow_cam/config')!);
  assert.equal(device.device.configuration_url, 'http://video.example/watch/cam');
  assert.deepEqual(Object.keys(device.components).sort(), ['clip', 'live', 'motion', 'record', 'state']);
  for (const component of Object.values(device.components) as { unique_id: string; state_topic: string }[]) {
    assert.match(component.unique_id, /^oxbow_cam_/);
    if (!component.state_topic.endsWith('/clip')) assert.ok(home.topics.has(component.state_topic));
  }

  const { command_topic: command } = device.components.record;
  await home.client.publishAsync(command, 'OFF', { qos: 1 });
  await says(`${base}/record`, 'OFF');
  assert.equal((await server.json<StreamView>('/api/v1/streams/cam')).record, false);
  await home.client.publishAsync(command, 'perhaps', { qos: 1 });
  await home.client.publishAsync(command, 'ON', { qos: 1 });
  await says(`${base}/record`, 'ON');
  const log = await server.json<{ items: { name: string; request: string }[] }>('/api/v1/audit');
  const lines = log.items.filter(({ name }) => name === 'mqtt').map(({ request }) => request);
  assert.deepEqual(lines, ['record on of stream cam', 'record off of stream cam']);

  const clip = await until('a clip', async () => {
    const range = { stream: 'cam', from: new Date(Date.now() - 2000).toISOString(), to: new Date().toISOString() };
    const response = await server.fetch('/api/v1/clips', send('POST', { ...range, title: 'A goal' }));
    return response.status === 201 ? ((await response.json()) as ClipView) : undefined;
  });
  const told = await until('the clip', () => home.topics.get(`${base}/clip`));
  assert.deepEqual(
    { ...JSON.parse(told), createdAt: '' },
    {
      id: clip.id,
      title: 'A goal',
      createdAt: '',
      url: `http://video.example/c/${clip.id}`,
    },
  );
  const events = home.all
    .filter(({ topic }) => topic === `${base}/event`)
    .map(({ payload }) => JSON.parse(payload).type);
  assert.ok(events.includes('clip.created'), events.join());

  // A server that has forgotten everything gets it again.
  await mosquitto.kill();
  await mosquitto.start();
  await using later = await watchTopics(mosquitto.url);
  await until('all again', () => (later.topics.has(`${base}/clip`) && later.topics.has(`${base}/state`)) || undefined);

  assert.equal(
    (await server.fetch('/api/v1/streams', send('POST', { name: 'door', source: { type: 'push' } }))).status,
    201,
  );
  await until('the door', () => later.topics.get('oxbow/streams/door/state') === 'unpublished' || undefined);
  assert.equal((await server.fetch('/api/v1/streams/door', { method: 'DELETE' })).status, 204);
  const ofDoor = () => [...later.topics.keys()].filter((topic) => topic.includes('door') && !topic.endsWith('/event'));
  await until('the door is gone', () => ofDoor().length === 0 || undefined);

  await server.stop('SIGKILL');
  await until('the will', () => later.topics.get('oxbow/status') === 'offline' || undefined);
});

test('each process of a server reports its streams, says whether it is there, and obeys', { skip }, async () => {
  await using folder = await openFolder('mqtt-processes');
  await using mosquitto = await startMosquitto({ user: 'home', password: 'a-secret-of-the-test' });
  const args = ['--mqtt-url', mosquitto.url, '--processes', '2', ...smallPicture];
  await using server = await startServer({ data: join(folder.path, 'data'), adminToken, args });
  const streams = ['a', 'b', 'c', 'd'];
  for (const name of streams) {
    const created = await server.fetch('/api/v1/streams', send('POST', { name, source: { type: 'push' } }));
    assert.equal(created.status, 201);
  }
  await using home = await watchTopics(mosquitto.url);
  const all = (topic: string, payload: string) =>
    until(`all streams say ${payload}`, () => {
      return streams.every((name) => home.topics.get(`oxbow/streams/${name}/${topic}`) === payload) || undefined;
    });
  await all('state', 'unpublished');
  const places = streams.map((name) => {
    const device = JSON.parse(home.topics.get(`homeassistant/device/oxbow_${name}/config`)!);
    return home.topics.get(device.availability_topic);
  });
  assert.deepEqual(places, ['online', 'online', 'online', 'online']);
  for (const name of streams) await home.client.publishAsync(`oxbow/streams/${name}/record/set`, 'OFF', { qos: 1 });
  await all('record', 'OFF');
});
