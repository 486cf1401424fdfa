import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame, Track } from '@oxbow/media/frame';
import { createTsDemuxer } from '@oxbow/media/mpegts/demuxer';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import type { StreamView, TimelineView } from '../../src/api/shapes.ts';
import { type RunningApp, startApp } from '../../src/app/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Publisher } from '../../src/ingest/publisher.ts';
import { checkLive, checkPresentation, type Finding, printFindings } from '../conformance/checker.ts';
import { openHttpFetch } from '../conformance/http-fetch.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeHls } from '../fixtures/origin.ts';
import { type Folder, openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const TOKEN = 'a-token-for-this-test';
/**
 * Pictures of each publisher, of a film with a key frame every 25; the third one returns at a key frame
 * before its last picture.
 */
const SENT = { first: 150, second: 100, third: 90, returnsAt: 75, returned: 150 };
const broken = (findings: readonly Finding[]) => printFindings(findings.filter(({ severity }) => severity === 'must'));

/** The frames of an MPEG-TS file, as an encoder sends them. */
interface Film {
  readonly tracks: readonly Track[];
  readonly frames: readonly { readonly frame: Frame; readonly atMs: number }[];
}

function readFilm(bytes: Uint8Array): Film {
  let tracks: readonly Track[] = [];
  const frames: Frame[] = [];
  const demuxer = createTsDemuxer({
    tracks(found) {
      tracks = found;
    },
    frame: (frame) => frames.push(frame),
    damage: (reason) => assert.fail(reason),
  });
  demuxer.push(bytes);
  demuxer.flush();
  const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  const timed = frames.map((frame) => ({ frame, atMs: (frame.dts * 1000) / timescales.get(frame.trackId)! }));
  timed.sort((a, b) => a.atMs - b.atMs);
  const firstMs = timed[0]!.atMs;
  return { tracks, frames: timed.map(({ frame, atMs }) => ({ frame, atMs: atMs - firstMs })) };
}

/**
 * A publisher that sends the film from one of its pictures on, until it leaves: up to another picture at
 * once, then in real time.
 */
class Encoder {
  readonly publisher: Publisher;
  /** Pictures of the film up to the last one that was sent. */
  pictures: number;
  readonly #frames: Film['frames'];
  readonly #nowMs: number;

  constructor(publisher: Publisher, film: Film, from: number, now: number) {
    this.publisher = publisher;
    this.pictures = from;
    const pictures = film.frames.filter(({ frame }) => frame.trackId === 1);
    this.#frames = film.frames.slice(film.frames.indexOf(pictures[from]!));
    this.#nowMs = pictures[now]!.atMs;
    publisher.startTracks(film.tracks);
    void this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.publisher;
    const startMs = performance.now();
    for (const { frame, atMs } of this.#frames) {
      const waitMs = startMs + atMs - this.#nowMs - performance.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.publisher.publish(frame);
      if (frame.trackId === 1) this.pictures++;
    }
  }

  /** Leaves once it has sent this many pictures. */
  async leaveAfter(pictures: number): Promise<void> {
    await until(`${pictures} pictures`, () => this.pictures >= pictures, { everyMs: 5 });
    this.publisher.close('the publisher left');
  }
}

suite('a push stream in a complete oxbow', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let app: RunningApp;
  let film: Film;
  let hashes: string[];
  let streamKey: string;

  before(async () => {
    folder = opened.use(await openFolder('push'));
    const filmFolder = join(folder.path, 'film');
    await makeHls({ folder: filmFolder, seconds: 24 });
    const names = (await readdir(filmFolder)).filter((name) => name.endsWith('.ts'));
    names.sort((a, b) => Number(a.match(/\d+/)) - Number(b.match(/\d+/)));
    film = readFilm(Buffer.concat(await Promise.all(names.map((name) => readFile(join(filmFolder, name))))));
    hashes = await pictureHashes(join(filmFolder, 'index.m3u8'));
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

  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const headers = { authorization: `Bearer ${TOKEN}`, ...(body && { 'content-type': 'application/json' }) };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${app.httpUrl}/api/v1${path}`, init);
    assert.ok(response.ok, `${path}: ${response.status}`);
    return (response.headers.get('content-type')?.includes('json') ? response.json() : undefined) as T;
  };
  const view = () => ask<StreamView>('GET', '/streams/studio');
  const become = (state: StreamView['state']) => until(state, async () => (await view()).state === state);
  const connect = async (remote: string, from = 0, now = from) => {
    const { signal } = new AbortController();
    const request = { name: 'studio', key: streamKey, protocol: 'rtmp', remote, signal };
    return new Encoder(await app.publishAccess.publish(request), film, from, now);
  };

  test('waits, is live, survives a change of publishers without a gap, is offline without one, and continues in the same playlist', async () => {
    const beganS = Math.floor(Date.now() / 1000) - 60;
    const { state } = await ask<StreamView>('POST', '/streams', {
      name: 'studio',
      source: { type: 'push', onSecondPublisher: 'standby' },
    });
    assert.equal(state, 'unpublished');
    ({ key: streamKey } = await ask<CreatedPublishKey>('POST', '/streams/studio/keys', {}));
    assert.equal((await fetch(`${app.httpUrl}/live/studio/index.m3u8`)).status, 404);
    assert.equal((await fetch(`${app.httpUrl}/health`)).status, 200);

    const first = await connect('192.0.2.1:5000');
    await become('live');
    const index = '/live/studio/index.m3u8';
    await until('the list', async () => (await fetch(`${app.httpUrl}${index}`)).ok);
    using http = openHttpFetch(app.httpUrl);
    let isOver = false;
    const walking = checkLive(http.fetch, index, { goOn: () => !isOver, overHttp: true });

    const second = await connect('192.0.2.2:5000');
    assert.equal((await view()).publisher?.standby, 1);
    await first.leaveAfter(SENT.first);
    const takenAt = second.pictures;
    assert.equal(second.publisher.turn.role, 'active');
    await until('the second one is live', async () => (await view()).state === 'live');
    await second.leaveAfter(takenAt + SENT.second);
    await become('unpublished');
    await sleep(2000);
    const third = await connect('192.0.2.3:5000');
    await become('live');
    await third.leaveAfter(SENT.third);
    await become('unpublished');
    // It returns with the GOP that it was sending: its media continues after the last frame.
    const returned = await connect('192.0.2.3:5001', SENT.returnsAt, third.pictures);
    await become('live');
    await returned.leaveAfter(SENT.returned);
    isOver = true;
    assert.equal(broken(await walking), '');

    await ask('POST', '/streams/studio/stop');
    const timeline = await ask<TimelineView>('GET', `/streams/studio/timeline?from=${beganS}&to=${beganS + 600}`);
    assert.deepEqual(timeline.gaps, [], 'the second publisher begins with the GOP that it kept');
    const last = timeline.spans.at(-1)!;
    const between = timeline.offline.find(({ to }) => to === last.from);
    assert.ok(between, `offline before the third publisher: ${JSON.stringify(timeline)}`);
    // The second publisher repeated up to a second of what the first one had sent, so its media ends up to a
    // second later.
    const offlineS = (Date.parse(between.to) - Date.parse(between.from)) / 1000;
    assert.ok(offlineS >= 0.7, `offline for ${offlineS} s`);
    assert.equal(timeline.runs.length, 3, 'the third publisher continued its run');

    const from = Math.floor(Date.parse(timeline.spans[0]!.from) / 1000);
    const to = Math.ceil(Date.now() / 1000);
    const past = `/vod/studio/${from}/${to}/index.m3u8`;
    assert.equal(broken(await checkPresentation(http.fetch, past, { overHttp: true })), '');
    const lists = (await (await fetch(`${app.httpUrl}${past}`)).text()).split('\n').filter((line) => /m3u8/.test(line));
    assert.ok(lists.length > 0);
    const key = 25 * Math.floor((takenAt - 1) / 25);
    // Pictures are sent in decode order: one that comes later in the film may have been sent before the end,
    // its predecessor not.
    const pictures = film.frames.map(({ frame }) => frame).filter(({ trackId }) => trackId === 1);
    const shown = pictures.map(({ pts }) => pts).sort((a, b) => a - b);
    const sent = (from: number, to: number) =>
      pictures
        .slice(from, to)
        .map(({ pts }) => shown.indexOf(pts))
        .sort((a, b) => a - b)
        .map((at) => hashes[at]);
    const expected = [...sent(0, first.pictures), ...sent(key, second.pictures), ...sent(0, returned.pictures)];
    const recorded = await pictureHashes(`${app.httpUrl}/clip/studio/${from}/${to}.ts`);
    assert.equal(recorded.length, expected.length);
    assert.deepEqual(recorded, expected);
  });

  test('refuses publishers while it is stopped, with an event that has the reason', async () => {
    await assert.rejects(connect('192.0.2.9:2'), { code: 'publish-refused' });
    await ask('POST', '/streams/studio/start');
    await become('unpublished');
    const { publisher } = await connect('192.0.2.9:3');
    await ask('DELETE', '/streams/studio');
    assert.equal(publisher.turn.role, 'ended');
    await assert.rejects(connect('192.0.2.9:4'), { code: 'publish-denied' });
  });
});
