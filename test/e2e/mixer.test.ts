import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MixerView } from '../../src/api/mixer/mixer-shapes.ts';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import type { StreamView, TimelineView } from '../../src/api/shapes.ts';
import { type RunningApp, startApp } from '../../src/app/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { checkPresentation, printFindings } from '../conformance/checker.ts';
import { openHttpFetch } from '../conformance/http-fetch.ts';
import { checkMixed, FILM_S, hashFrames, type MixedFilm, makeMixedFilm } from '../fixtures/media/mixed-films.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { perTier } from '../full.ts';

const TOKEN = 'a-token-for-this-test';
const CUTS = perTier({ first: 6, full: 100 });

suite('a vision mixer in a complete oxbow', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  const films = new Map<string, MixedFilm>();
  let folder: Folder;
  let app: RunningApp;

  before(async () => {
    folder = opened.use(await openFolder('mixer'));
    for (const [i, name] of ['red', 'green', 'blue'].entries()) {
      films.set(name, await makeMixedFilm(join(folder.path, `${name}.ts`), 120 * i, 300 + 500 * i));
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
    checkMixed(await hashFrames(clip), films, CUTS);
  });

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
