import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StreamStats } from '../../src/api/measure/stats-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { compareSounds, decodeSound, type SoundPlan, soundInput } from '../../src/ffmpeg/audio.fixture.ts';
import { encode, ffmpegArgs, saveRecording, send, startSender } from '../fixtures/encoder.ts';
import { packetTimes, pictureHashes, run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { openOrigin } from '../fixtures/origin.ts';
import { createPush } from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { perRequest, putSlidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';

const SECONDS = 10;
const LONGEST_S = 14;
const TOKEN = 'a-token-for-this-test';

/** The pictures of all films of a folder: encoded once. */
const pictures = new Map<string, Promise<string>>();

function picturesIn(folder: string): Promise<string> {
  const known = pictures.get(folder);
  if (known) return known;
  const args = [
    ...['-f', 'lavfi', '-i', `testsrc2=size=160x90:rate=25:duration=${LONGEST_S}`],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '0', '-pix_fmt', 'yuv420p', '-threads', '1'],
  ];
  const made = encode(args, join(folder, 'pictures.mp4'));
  pictures.set(folder, made);
  return made;
}

/** A film with pictures and MP2 that rises, as MPEG-TS. */
async function filmOf(folder: string, name: string, plan: SoundPlan, more: readonly string[] = []): Promise<string> {
  const args = [
    ...['-i', await picturesIn(folder), ...soundInput(plan), '-t', String(plan.seconds)],
    ...['-c:v', 'copy', '-c:a', plan.codec ?? 'mp2', '-b:a', '192k', ...more],
  ];
  return encode(args, join(folder, name));
}

/** What is compared of a file: its samples, and the times of its packets. */
const sounds = new Map<string, Promise<{ samples: Float32Array; times: number[]; video: number[] }>>();

function soundOf(path: string) {
  const known = sounds.get(path) ?? readSound(path);
  sounds.set(path, known);
  return known;
}

async function readSound(path: string) {
  const [times, video] = [await packetTimes(path, 'a:0'), await packetTimes(path, 'v:0')];
  return { samples: decodeSound(await readFile(path)), times, video };
}

/** Two seconds of sound, from `fromS` seconds after the first picture on, by the times of its packets. */
async function soundAt(path: string, fromS: number): Promise<Float32Array> {
  const { samples, times, video } = await soundOf(path);
  const startS = video[0]! + fromS;
  const first = times.findLastIndex((time) => time <= startS);
  assert.ok(first >= 0, 'the sound begins too late');
  const { rate, frame } = await soundFormat(path);
  const at = Math.round(first * frame + (startS - times[first]!) * rate);
  return samples.subarray(at, at + 2 * rate);
}

const formats = new Map<string, Promise<{ rate: number; frame: number }>>();

function soundFormat(path: string) {
  const known = formats.get(path) ?? readFormat(path);
  formats.set(path, known);
  return known;
}

async function readFormat(path: string): Promise<{ rate: number; frame: number }> {
  const entries = ['-show_entries', 'stream=codec_name,sample_rate', '-of', 'csv=p=0'];
  const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams', 'a:0', ...entries, path]);
  const [codec, rate] = stdout.toString().trim().split('\n')[0]!.split(',');
  return { rate: Number(rate), frame: { aac: 1024, mp2: 1152, ac3: 1536 }[codec!]! };
}

/**
 * Compares the sound of a recording with that of its source, `fromS` seconds after the first picture of both.
 */
async function compareSound(source: string, recording: string, fromS: number) {
  return compareSounds(await soundAt(source, fromS), await soundAt(recording, fromS), 2100);
}

/** Pids of the children of a process that convert audio. */
async function audioChildren(parent: number): Promise<number[]> {
  const pids: number[] = [];
  for (const task of await readdir(`/proc/${parent}/task`)) {
    const text = await readFile(`/proc/${parent}/task/${task}/children`, 'utf8').catch(() => '');
    for (const pid of text.split(' ').filter(Boolean)) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (command.includes('audio-main')) pids.push(Number(pid));
    }
  }
  return pids;
}

suite('audio that browsers cannot play', { skip: need('ffmpeg'), concurrency: true }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let port: number;
  const ports = { mono: 0, wraps: 0 };
  let pulledFilm: string;

  before(async () => {
    folder = opened.use(await openFolder('audio-conversion'));
    port = await freeUdpPort();
    for (const name of Object.keys(ports)) ports[name as keyof typeof ports] = await freeUdpPort();
    pulledFilm = await filmOf(folder.path, 'pulled.ts', { seconds: SECONDS });
    const hls = join(folder.path, 'hls');
    await mkdir(hls);
    const cut = ['-i', pulledFilm, '-c', 'copy', '-f', 'hls', '-hls_time', '2', '-hls_list_size', '0'];
    await encode([...cut, '-hls_segment_filename', join(hls, '%d.ts')], join(hls, 'index.m3u8'));
    const origin = opened.use(await openOrigin({ folder: folder.path }));
    const released = perRequest({ first: 2, step: 1 });
    const list = await putSlidingList(origin, { folder: hls, window: 4, released, path: '/hls/live.m3u8' });
    const streams = ['mono', 'wraps'].map((name) => `${name}=udp://127.0.0.1:${ports[name as keyof typeof ports]}`);
    streams.push(`pulled=${list}`);
    server = opened.use(
      await startPlainServer({
        data: join(folder.path, 'data'),
        adminToken: TOKEN,
        args: ['--srt', `127.0.0.1:${port}`, '--rtmp', 'off', ...streams],
      }),
    );
  });
  after(() => opened.disposeAsync());

  const create = (name: string, source: object = {}) => createPush(server, name, source);
  const urlOf = (name: string, key: string) => `srt://127.0.0.1:${port}?streamid=publish:${name}:${key}`;
  const recorded = (name: string) => saveRecording(server, name, join(folder.path, `${name}-recorded.ts`));
  const view = (name: string) => server.json<StreamView>(`/api/v1/streams/${name}`);
  const live = (name: string) =>
    until(`${name} is live`, async () => {
      const now = await view(name);
      return now.state === 'live' && now.tracks.length > 0 && now;
    });
  const metric = async (name: string, stream: string) => {
    const text = await (await server.fetch('/metrics')).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name}{`) && one.includes(`stream="${stream}"`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };

  const plans = [
    ['stereo', { seconds: SECONDS, rate: 48_000, channels: 2 }],
    ['low', { seconds: SECONDS, rate: 32_000, channels: 2 }],
    ['surround', { seconds: SECONDS, rate: 48_000, channels: 2, codec: 'ac3' }],
  ] as const satisfies readonly (readonly [string, SoundPlan])[];
  for (const [name, plan] of plans) {
    test(`${name}: a publisher over SRT is recorded with AAC at the same time as the picture`, async () => {
      const film = await filmOf(folder.path, `${name}.ts`, plan);
      const key = await create(name, name === 'surround' ? { audio: 'aac' } : {});
      const sending = send('ffmpeg', ffmpegArgs(film, 'mpegts', urlOf(name, key)));
      const { tracks } = await live(name);
      const from = name === 'surround' ? 'ac3' : 'mp2';
      const sound = tracks.find(({ kind }) => kind === 'audio');
      assert.deepEqual([sound?.codecs, sound?.convertedFrom, sound?.sampleRate], ['mp4a.40.2', from, plan.rate]);
      const stats = await until('figures', async () => {
        const now = await server.json<StreamStats>(`/api/v1/streams/${name}/stats`);
        return now.audio && now;
      });
      assert.deepEqual([stats.audio?.codec, stats.audio?.convertedTo], [from, 'aac']);
      const finding = stats.findings.find(({ code }) => code === 'audio-codec');
      assert.match(finding?.text ?? '', /^The audio is (MP2|AC-3), converted to AAC\.$/);
      await sending;
      const path = await recorded(name);
      assert.equal(await metric('oxbow_audio_conversion_restarts_total', name), 0);
      assert.equal(await metric('oxbow_audio_conversion_lost_frames_total', name), 0);
      for (const fromS of [0.3, 6]) {
        const { lag, likeness } = await compareSound(film, path, fromS);
        assert.ok(likeness > 0.98, `likeness ${likeness} at ${fromS} s`);
        assert.ok(Math.abs(lag) <= 2, `sound is ${lag} samples late at ${fromS} s`);
      }
    });
  }

  test('mono at 44.1 kHz over UDP', async () => {
    const film = await filmOf(folder.path, 'mono.ts', { seconds: SECONDS, rate: 44_100, channels: 1 });
    await send('ffmpeg', ffmpegArgs(film, 'mpegts', `udp://127.0.0.1:${ports.mono}?pkt_size=1316`));
    const path = await recorded('mono');
    const { lag, likeness } = await compareSound(film, path, 5);
    assert.ok(likeness > 0.98 && Math.abs(lag) <= 2, `likeness ${likeness}, lag ${lag}`);
  });

  test('timestamps that wrap after 33 bits change nothing', async () => {
    const wrapS = 2 ** 33 / 90_000;
    const film = await filmOf(folder.path, 'wraps.ts', { seconds: SECONDS }, ['-output_ts_offset', `${wrapS - 5}`]);
    await send('ffmpeg', [
      ...['-v', 'error', '-nostdin', '-re', '-i', film, '-c', 'copy', '-copyts', '-muxpreload', '0', '-muxdelay', '0'],
      ...['-f', 'mpegts', `udp://127.0.0.1:${ports.wraps}?pkt_size=1316`],
    ]);
    const path = await recorded('wraps');
    assert.equal((await server.timeline('wraps')).runs.length, 1);
    for (const fromS of [1, 7]) {
      const { lag, likeness } = await compareSound(pulledFilm, path, fromS);
      assert.ok(likeness > 0.98 && Math.abs(lag) <= 4, `likeness ${likeness}, lag ${lag} at ${fromS} s`);
    }
  });

  test('a pulled playlist with MP2 is recorded with AAC, all of it', async () => {
    await until('it has begun', async () => (await view('pulled')).recorded.seconds > 0);
    const path = await recorded('pulled');
    assert.equal((await server.timeline('pulled')).runs.length, 1);
    assert.deepEqual(await pictureHashes(path), await pictureHashes(pulledFilm));
    for (const fromS of [0.2, 3, 7.5]) {
      const { lag, likeness } = await compareSound(pulledFilm, path, fromS);
      assert.ok(likeness > 0.98 && Math.abs(lag) <= 2, `likeness ${likeness}, lag ${lag} at ${fromS} s`);
    }
  });

  test('audio: keep records MP2 as it comes, and says that no browser plays it', async () => {
    const key = await create('kept', { audio: 'keep' });
    const sending = send('ffmpeg', ffmpegArgs(pulledFilm, 'mpegts', urlOf('kept', key)));
    const { tracks } = await live('kept');
    assert.equal(tracks.find(({ kind }) => kind === 'audio')?.codecs, 'mp4a.6B');
    const warning = await until('a finding', async () => {
      const { findings } = await server.json<StreamStats>('/api/v1/streams/kept/stats');
      return findings.find(({ code }) => code === 'audio-codec');
    });
    assert.deepEqual([warning.severity, warning.text], ['warn', 'The audio is MP2. No browser plays it.']);
    await sending;
  });
});

suite('a conversion that is killed', { skip: need('ffmpeg') }, () => {
  test('costs no picture, a moment of its sound, and nothing of another stream', async () => {
    await using folder = await openFolder('audio-killed');
    const ports = [await freeUdpPort(), await freeUdpPort()];
    await using server = await startPlainServer({
      data: join(folder.path, 'data'),
      adminToken: TOKEN,
      args: ['--rtmp', 'off', `one=udp://127.0.0.1:${ports[0]}`, `two=udp://127.0.0.1:${ports[1]}`],
    });
    const film = await filmOf(folder.path, 'film.ts', { seconds: LONGEST_S });
    const senders = ports.map((to) =>
      startSender('ffmpeg', ffmpegArgs(film, 'mpegts', `udp://127.0.0.1:${to}?pkt_size=1316`)),
    );
    const children = await until('two conversions run', async () => {
      const pids = await audioChildren(server.pid);
      return pids.length === 2 && pids;
    });
    const secondsOf = async (name: string) =>
      (await server.json<StreamView>(`/api/v1/streams/${name}`)).recorded.seconds;
    await until('some seconds are recorded', async () => (await secondsOf('one')) >= 4);
    process.kill(children[0]!, 'SIGKILL');
    await until('another conversion runs', async () =>
      (await audioChildren(server.pid)).some((pid) => !children.includes(pid)),
    );
    for (const { ended } of senders) assert.equal((await ended).code, 0);
    const pictures = await pictureHashes(film);
    const metrics = await (await server.fetch('/metrics')).text();
    const restarts = metrics.split('\n').filter((line) => line.startsWith('oxbow_audio_conversion_restarts_total{'));
    assert.equal(restarts.length, 1);
    for (const name of ['one', 'two']) {
      const path = await saveRecording(server, name, join(folder.path, `${name}.ts`));
      assert.deepEqual(await pictureHashes(path), pictures);
      const wasKilled = restarts[0]!.includes(`stream="${name}"`);
      for (const fromS of wasKilled ? [1, 11] : [1, 3, 5, 7, 9, 11]) {
        const { lag, likeness } = await compareSound(film, path, fromS);
        assert.ok(likeness > 0.98 && Math.abs(lag) <= 2, `${name}: likeness ${likeness}, lag ${lag} at ${fromS} s`);
      }
    }
  });
});
