import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame, Track } from '@oxbow/media/frame';
import { createTsDemuxer } from '@oxbow/media/mpegts/demuxer';
import type { MixerView } from '../../src/api/mixer/mixer-shapes.ts';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import type { StreamView, TimelineView } from '../../src/api/shapes.ts';
import { type RunningApp, startApp } from '../../src/app/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { checkPresentation, printFindings } from '../conformance/checker.ts';
import { openHttpFetch } from '../conformance/http-fetch.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { perTier } from '../full.ts';

const TOKEN = 'a-token-for-this-test';
/** Whole frames of video and of sound: 80 and 150. */
const FILM_S = 3.2;
const FRAME_S = 0.04;
const CUTS = perTier({ first: 6, full: 100 });

/** A film that a publisher repeats. */
interface Film {
  readonly tracks: readonly Track[];
  readonly frames: readonly { readonly frame: Frame; readonly atS: number }[];
  /** Place in the film of each picture and each frame of sound by its MD5, seconds. */
  readonly places: ReadonlyMap<string, number>;
}

/** A picture or a frame of sound in a file. */
interface Hashed {
  readonly isSound: boolean;
  readonly s: number;
  readonly hash: string;
}

/** Decodes the pictures of a file. */
async function hash(file: string): Promise<Hashed[]> {
  const { code, stdout, stderr } = await run('ffmpeg', [
    ...['-v', 'warning', '-threads', '1', '-i', file, '-map', '0:v:0', '-map', '0:a:0', '-copyts'],
    ...[
      '-fps_mode',
      'passthrough',
      '-enc_time_base:v',
      '1:90000',
      '-c:a',
      'copy',
      '-bsf:a',
      'aac_adtstoasc',
      '-f',
      'framemd5',
      '-',
    ],
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '', 'the decoder has nothing to complain about');
  const lines = stdout.toString().split('\n');
  const bases = lines.flatMap((line) => /^#tb \d: (\d+)\/(\d+)/.exec(line)?.slice(1).map(Number) ?? []);
  return lines
    .filter((line) => /^\d/.test(line))
    .map((line) => {
      const [stream, , pts, , , md5] = line.split(',').map((field) => field.trim());
      const i = 2 * Number(stream);
      return { isSound: stream === '1', s: (Number(pts) * bases[i]!) / bases[i + 1]!, hash: md5! };
    });
}

async function makeFilm(file: string, hue: number, hertz: number): Promise<Film> {
  const { code, stderr } = await run('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=160x90:rate=25:duration=${FILM_S},hue=h=${hue}`],
    ...['-f', 'lavfi', '-i', `aevalsrc=sin(2*PI*t*(${hertz}+90*t)):s=48000:d=${FILM_S}`],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-x264-params', 'scenecut=0:threads=1:keyint=10', '-bf', '0'],
    ...['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-f', 'mpegts', '-y', file],
  ]);
  assert.equal(code, 0, stderr);
  let tracks: readonly Track[] = [];
  const frames: Frame[] = [];
  const demuxer = createTsDemuxer({
    tracks(found) {
      tracks = found;
    },
    frame: (frame) => frames.push(frame),
    damage: (reason) => assert.fail(reason),
  });
  demuxer.push(await readFile(file));
  demuxer.flush();
  const timescale = (id: number) => tracks.find((track) => track.id === id)!.timescale;
  const timed = frames.map((frame) => ({ frame, atS: frame.dts / timescale(frame.trackId) }));
  timed.sort((a, b) => a.atS - b.atS);
  const firstS = timed[0]!.atS;
  const hashed = await hash(file);
  const startS = Math.min(...hashed.map(({ s }) => s));
  return {
    tracks,
    frames: timed.map(({ frame, atS }) => ({ frame, atS: atS - firstS })).filter(({ atS }) => atS < FILM_S - 0.001),
    places: new Map(hashed.map(({ s, hash: md5 }) => [md5, s - startS])),
  };
}

suite('a vision mixer in a complete oxbow', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  const films = new Map<string, Film>();
  let folder: Folder;
  let app: RunningApp;

  before(async () => {
    folder = opened.use(await openFolder('mixer'));
    for (const [i, name] of ['red', 'green', 'blue'].entries()) {
      films.set(name, await makeFilm(join(folder.path, `${name}.ts`), 120 * i, 300 + 500 * i));
    }
    const set = {
      data: join(folder.path, 'data'),
      http: '127.0.0.1:0',
      adminToken: TOKEN,
      logLevel: 'fatal',
      rtmp: 'off',
    };
    const flags = Object.entries(set).map(([path, value]) => ({ path, value, origin: 'test' }));
    const { config } = await loadConfig({ flags });
    app = await startApp(config, { signal: new AbortController().signal });
    opened.defer(() => app.close('the test ended'));
  });
  after(() => opened.disposeAsync());

  const call = (method: string, path: string, body?: object) =>
    fetch(`${app.httpUrl}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await call(method, path, body);
    assert.ok(response.ok, `${path}: ${response.status}`);
    const text = await response.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  const refusal = async (method: string, path: string, body?: object) => {
    const { code } = (await (await call(method, path, body)).json()) as { code: string };
    return code;
  };
  const create = (name: string) => ask<StreamView>('POST', '/streams', { name, source: { type: 'push' } });
  const mixer = () => ask<MixerView>('GET', '/streams/show/mixer');
  const cutTo = async (input: string) => {
    await ask<MixerView>('POST', '/streams/show/mixer/cut', { input });
    await until(`${input} is on air`, async () => (await mixer()).onAir === input, { everyMs: 20 });
  };

  /** Repeats a film in real time until it is aborted; the timestamps continue. */
  async function publish(name: string, film: string, startS: number, signal: AbortSignal): Promise<void> {
    const { tracks, frames } = films.get(film)!;
    const { key } = await ask<CreatedPublishKey>('POST', `/streams/${name}/keys`, {});
    const publisher = await app.publishAccess.publish({ name, key, protocol: 'rtmp', remote: '192.0.2.1:1', signal });
    publisher.startTracks(tracks);
    const scale = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
    const beganMs = performance.now();
    void (async () => {
      for (let loop = 0; ; loop++) {
        for (const { frame, atS } of frames) {
          const waitMs = beganMs + (loop * FILM_S + atS) * 1000 - performance.now();
          if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
          if (signal.aborted) return;
          const shift = Math.round((startS + loop * FILM_S) * scale.get(frame.trackId)!);
          publisher.publish({ ...frame, dts: frame.dts + shift, pts: frame.pts + shift });
        }
      }
    })();
  }

  test(`cuts ${CUTS} times between inputs: each picture is of one input, none is missing, sound is within 20 ms`, async () => {
    const stop = new AbortController();
    opened.defer(() => stop.abort());
    for (const [i, name] of ['red', 'green', 'blue'].entries()) {
      await create(`cam-${name}`);
      await publish(`cam-${name}`, name, 500 * i, stop.signal);
      await sleep(13);
    }
    await create('show');
    const inputs = ['cam-red', 'cam-green', 'cam-blue'];
    await ask('PUT', '/streams/show/mixer', { inputs });
    await until('the first input is on air', async () => (await mixer()).onAir === 'cam-red');
    // The last one ends the recording of the one before.
    for (let cut = 1; cut <= CUTS + 1; cut++) await cutTo(inputs[cut % 3]!);
    const view = await mixer();
    assert.equal(view.cuts, CUTS + 2);
    assert.equal(view.discontinuities, 0);
    assert.ok(view.inputs.every(({ isSeamless, state }) => isSeamless && state === 'live'));

    await ask('POST', '/streams/show/stop');
    const nowS = Math.ceil(Date.now() / 1000);
    const beganS = nowS - 600;
    const timeline = await until('the recording', async () => {
      const view = await ask<TimelineView>('GET', `/streams/show/timeline?from=${beganS}&to=${nowS}`);
      return view.spans.length > 0 && view.markers.length > 0 && view;
    });
    assert.equal(timeline.runs.length, 1);
    assert.deepEqual(timeline.gaps, []);
    assert.ok(timeline.markers.length > 0 && timeline.markers.every(({ text }) => /^✂ cam-\w+/.test(text)));
    using http = openHttpFetch(app.httpUrl);
    const findings = await checkPresentation(http.fetch, `/vod/show/${beganS}/${nowS}/index.m3u8`, { overHttp: true });
    // Each cut shortens a picture by up to half: three cuts a second raise the measured frame rate.
    const wrong = findings.filter(({ severity, rule }) => severity === 'must' && rule !== 'frame-rate-true');
    assert.equal(printFindings(wrong), '');

    const clip = join(folder.path, 'show.ts');
    await writeFile(clip, await (await fetch(`${app.httpUrl}/clip/show/${beganS}/${nowS}.ts`)).bytes());
    checkFrames(await hash(clip));
  });

  function checkFrames(recorded: readonly Hashed[]): void {
    // The packager may add silence after the last frame of sound, up to the end of the picture.
    const lastSound = recorded.findLastIndex(({ isSound }) => isSound);
    const hashed = recorded.filter((_, i) => i !== lastSound);
    const shown = hashed.map(({ isSound, s, hash: md5 }) => {
      const [name, film] = [...films].find(([, { places }]) => places.has(md5)) ?? [];
      assert.ok(film, `each frame is of one input: ${isSound ? 'sound' : 'picture'} at ${s}`);
      return { isSound, s, name, movedS: s - film.places.get(md5)! };
    });
    const pictures = shown.filter(({ isSound }) => !isSound).sort((a, b) => a.s - b.s);
    const sounds = shown.filter(({ isSound }) => isSound);
    const steps = (list: typeof shown) => list.slice(1).map(({ s }, i) => s - list[i]!.s);
    assert.ok(Math.max(...steps(pictures)) < 2 * FRAME_S + 0.001, `${Math.max(...steps(pictures))}`);
    assert.ok(Math.min(...steps(pictures)) > 0.3 * FRAME_S, `${Math.min(...steps(pictures))}`);
    assert.ok(Math.max(...steps(sounds)) < 2 * (1024 / 48_000), `${Math.max(...steps(sounds))}`);
    const changes = pictures.filter(({ name }, i) => i > 0 && name !== pictures[i - 1]!.name);
    assert.ok(changes.length >= CUTS, `${changes.length}`);
    let worst = 0;
    for (const [i, { s, name }] of changes.entries()) {
      const endS = changes[i + 1]?.s ?? Number.POSITIVE_INFINITY;
      const picture = pictures.find((each) => each.s >= s)!;
      const sound = sounds.find((each) => each.s > s && each.s < endS && each.name === name);
      if (!sound) continue;
      // Both are at the same place of a film that repeats.
      const apartS = Math.abs(sound.movedS - picture.movedS) % FILM_S;
      worst = Math.max(worst, Math.min(apartS, FILM_S - apartS));
    }
    assert.ok(worst <= 0.0201, `sound is ${worst} s from its picture`);
  }

  test('refuses loops, unknown inputs, inputs without media and streams that pull', async () => {
    await ask('POST', '/streams/show/start');
    await create('second');
    await create('empty');
    await ask('PUT', '/streams/second/mixer', { inputs: ['show', 'empty'] });
    assert.equal(await refusal('PUT', '/streams/show/mixer', { inputs: ['cam-red', 'second'] }), 'mixer-loop');
    assert.equal(await refusal('PUT', '/streams/show/mixer', { inputs: ['show'] }), 'mixer-loop');
    assert.equal(await refusal('PUT', '/streams/show/mixer', { inputs: ['cam-red'], sound: 'x' }), 'bad-request');
    assert.equal(await refusal('PUT', '/streams/show/mixer', { inputs: ['A b\u0000'] }), 'bad-request');
    assert.equal(await refusal('PUT', '/streams/show/mixer', { inputs: [] }), 'bad-request');
    assert.equal(await refusal('POST', '/streams/second/mixer/cut', { input: 'empty' }), 'mixer-input-offline');
    assert.equal(await refusal('POST', '/streams/second/mixer/cut', { input: 'cam-red' }), 'mixer-input');
    assert.equal(await refusal('GET', '/streams/empty/mixer'), 'mixer-unknown');
    await ask('POST', '/streams', { name: 'picture', source: { type: 'test' } });
    assert.equal(await refusal('PUT', '/streams/picture/mixer', { inputs: ['show'] }), 'mixer-source');
    assert.equal((await fetch(`${app.httpUrl}/api/v1/streams/show/mixer`)).status, 401);
    await ask('DELETE', '/streams/second/mixer');
    assert.equal(await refusal('GET', '/streams/second/mixer'), 'mixer-unknown');
  });
});
