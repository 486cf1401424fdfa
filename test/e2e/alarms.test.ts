import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { openRig } from '../../src/accounts/mail/smtp.fixture.ts';
import type { AlarmMute, AlarmView, StreamAlarms, StreamHappened } from '../../src/api/alarms/alarm-shapes.ts';
import type { OxbowEvent } from '../../src/api/events.ts';
import type { StatsHistory, StreamStats } from '../../src/api/measure/stats-shapes.ts';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import { encode, encoderArgs, ffmpegArgs, startSender } from '../fixtures/encoder.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const adminToken = 'a-token-of-the-test-0123456789';
/** Seconds of the film in which its picture is black and it is silent, and in which its picture is still. */
const [BLACK, STILL] = [
  [3, 9],
  [11, 17],
] as const;
const DURATION_S = 22;

/** Pictures that move and a tone, but for two passages. */
async function makeFilm(path: string): Promise<string> {
  const moving = (seconds: number) => `testsrc2=s=320x180:r=25:d=${seconds}`;
  const still = `${moving(0.04)},loop=loop=${(STILL[1] - STILL[0]) * 25 - 1}:size=1`;
  const black = `color=black:s=320x180:r=25:d=${BLACK[1] - BLACK[0]}`;
  const parts = [moving(BLACK[0]), black, moving(STILL[0] - BLACK[1]), still, moving(DURATION_S - STILL[1])];
  const named = parts.map((part, i) => `${part}[p${i}]`).join(';');
  const sound = `sine=r=48000:d=${DURATION_S},volume=0:enable='between(t,${BLACK.join()})'[a]`;
  const graph = `${named};[p0][p1][p2][p3][p4]concat=n=5,format=yuv420p,setpts=N/25/TB[v];${sound}`;
  return encode(['-filter_complex', graph, '-map', '[v]', '-map', '[a]', ...encoderArgs, '-sc_threshold', '0'], path);
}

/** Receives the events of a webhook. */
async function openReceiver() {
  const events: OxbowEvent[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    events.push(JSON.parse(Buffer.concat(pieces).toString()) as OxbowEvent);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    events,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function send<T>(server: Server, method: string, path: string, body?: object): Promise<T> {
  const init = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await server.fetch(`/api/v1${path}`, { method, ...init });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

suite('watching the input', { skip: need('ffmpeg') }, () => {
  test('a publisher that goes black, silent and still raises alarms, by webhook and e-mail; what happened is kept', async () => {
    await using folder = await openFolder('alarms');
    await using mail = await openRig();
    await using receiver = await openReceiver();
    const film = await makeFilm(`${folder.path}/film.mp4`);
    const rules =
      'black for 2s clear for 0s, freeze for 3s clear for 0s, silence for 2s, no-media off, no-publisher for 1s';
    const args = [
      ...['--mail-smtp', `smtp://127.0.0.1:${mail.port}`, '--mail-from', 'oxbow <noreply@tv.example>'],
      ...['--public-url', 'https://tv.example', '--net-allow', '127.0.0.0/8', '--alarms-mail', 'ops@tv.example'],
      ...['--alarms-rules', rules, '--content-check-picture-every', '1s', '--content-check-sound-every', '2s'],
      ...['--hls-segment-duration', '1s', '--keep', '1h'],
    ];
    await using server = await startServer({ data: `${folder.path}/data`, adminToken, args, ingest: ['rtmp'] });
    await send(server, 'POST', '/webhooks', { url: receiver.url, types: ['alarm.raised', 'alarm.cleared'] });
    await send(server, 'POST', '/streams', { name: 'studio', source: { type: 'push' }, alarms: 'no-publisher on' });
    const { key } = await send<CreatedPublishKey>(server, 'POST', '/streams/studio/keys', {});

    const happened = (kind: 'raised' | 'cleared', alarm: string) =>
      until(`${alarm} is ${kind}`, async () =>
        receiver.events.find(
          ({ type, data }) => type === `alarm.${kind}` && (data as { alarm: string }).alarm === alarm,
        ),
      );
    await happened('raised', 'no-publisher');
    const sender = startSender('ffmpeg', ffmpegArgs(film, 'flv', `${server.ingest.rtmp}/studio?key=${key}`));
    for (const alarm of ['black', 'silence', 'freeze']) {
      await happened('raised', alarm);
      await happened('cleared', alarm);
    }
    await happened('cleared', 'no-publisher');
    const stats = await server.json<StreamStats>('/api/v1/streams/studio/stats');
    assert.equal(stats.content.absent, '');
    assert.ok(stats.content.level! > -40 && stats.content.dark! < 90, JSON.stringify(stats.content));
    await sender.ended;

    const { items } = await server.json<{ items: AlarmView[] }>('/api/v1/alarms?stream=studio&state=past');
    const view = await server.json<{ liveSince: string | null; recorded: { from: string } }>('/api/v1/streams/studio');
    const beganMs = Date.parse(view.recorded.from);
    for (const [alarm, [fromS, toS], slackS] of [
      ['black', BLACK, 2],
      ['silence', BLACK, 4],
      ['freeze', STILL, 3],
    ] as const) {
      const found = items.find((each) => each.alarm === alarm)!;
      // In the time of the media, however late they were raised.
      const s = (time: string) => (Date.parse(time) - beganMs) / 1000;
      assert.ok(s(found.from) >= fromS - 1 && s(found.from) <= fromS + slackS, `${alarm} from ${s(found.from)}`);
      assert.ok(
        s(found.clearedAt!) >= toS - 1 && s(found.clearedAt!) <= toS + slackS,
        `${alarm} to ${s(found.clearedAt!)}`,
      );
    }

    const [first] = await until('an e-mail', async () => (mail.received.length > 0 ? mail.received : undefined));
    assert.deepEqual(first!.to, ['ops@tv.example']);
    assert.match(first!.text, /No publisher/);
    const metrics = await (await server.fetch('/metrics')).text();
    assert.match(metrics, /oxbow_alarm_active\{stream="studio",alarm="black"\} 0/);

    const black = items.find((each) => each.alarm === 'black')!;
    const acknowledged = await send<AlarmView>(server, 'POST', `/alarms/${black.id}/acknowledge`);
    assert.equal(acknowledged.acknowledgedBy, 'admin token');
    const unknown = await server.fetch('/api/v1/alarms/none/acknowledge', { method: 'POST' });
    assert.equal(unknown.status, 404);

    await send(server, 'PATCH', '/streams/studio', { title: 'Studio' });
    const atMs = Date.parse(black.from) + 3000;
    const around = await server.json<StreamHappened>(`/api/v1/streams/studio/history?at=${Math.floor(atMs)}`);
    const said = around.items.map(({ kind, code }) => `${kind} ${code}`);
    for (const each of [
      'alarm black',
      'alarm silence',
      'alarm freeze',
      'alarm no-publisher',
      'event publish.started',
      'event publish.ended',
      'event stream.live',
      'change updateStream',
      'offline offline',
    ]) {
      assert.ok(said.includes(each), `${each} is in ${said.join(', ')}`);
    }
    assert.equal(around.recorded, true);
    assert.ok(around.figures.videoBitrate! > 0);
    const still = await server.fetch(around.still!);
    assert.deepEqual([still.status, still.headers.get('content-type')], [200, 'image/jpeg']);
    const history = await server.json<StatsHistory>(
      `/api/v1/streams/studio/stats/history?from=${Math.floor(beganMs / 1000)}&to=40s&res=5`,
    );
    const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null);
    assert.ok(Math.max(...known(history.series.soundLevel)) > -40, String(history.series.soundLevel));
    assert.ok(Math.max(...known(history.series.dark)) > 98, String(history.series.dark));
    assert.ok(known(history.series.pictureChange).length > 0);
  });

  fullTest('a muted stream is shown as such, and rules that are not understood are refused', async () => {
    await using folder = await openFolder('alarms-mute');
    await using server = await startServer({ data: `${folder.path}/data`, adminToken });
    await send(server, 'POST', '/streams', { name: 'studio', source: { type: 'push' } });
    const mute = await send<AlarmMute>(server, 'PUT', '/streams/studio/alarms/mute', {
      for: '2h',
      reason: 'maintenance',
    });
    assert.equal(mute.by, 'admin token');
    const { muted, rules } = await server.json<StreamAlarms>('/api/v1/streams/studio/alarms');
    assert.equal(muted?.reason, 'maintenance');
    assert.equal(rules.find(({ alarm }) => alarm === 'black')?.raise.for, 10);
    await send(server, 'DELETE', '/streams/studio/alarms/mute');
    assert.equal((await server.json<StreamAlarms>('/api/v1/streams/studio/alarms')).muted, null);
    const bad = { method: 'PATCH', headers: { 'content-type': 'application/json' } };
    const refused = await server.fetch('/api/v1/streams/studio', { ...bad, body: '{"alarms":"blck off"}' });
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), /blck/);
    await send(server, 'PATCH', '/streams/studio', { alarms: 'black for 3s' });
    const { rules: changed } = await server.json<StreamAlarms>('/api/v1/streams/studio/alarms');
    assert.equal(changed.find(({ alarm }) => alarm === 'black')?.raise.for, 3);
  });
});
