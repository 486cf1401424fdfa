import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, suite, test } from 'node:test';
import type { StreamBuffer, StreamParameters, StreamRecovery, StreamSync } from '../../src/api/inspect-shapes.ts';
import type { StatsHistory, StreamStats } from '../../src/api/measure/stats-shapes.ts';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { DATABASE_FILE } from '../../src/store/file-names.ts';
import { need } from '../fixtures/need.ts';
import { isVideo, publishScript, readFilm } from '../fixtures/publishers/flv-script.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const TOKEN = 'a-token-for-this-test';
const API = '/api/v1/streams/studio';

/** ffmpeg as an encoder: 25 frames a second, a key frame every `keyS` seconds. */
function encode(url: string, { keyS }: { keyS: number }): ChildProcess & AsyncDisposable {
  const gop = String(keyS * 25);
  const child = spawn(
    'ffmpeg',
    [
      ...['-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'],
      ...['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-b:v', '400k', '-g', gop],
      ...['-keyint_min', gop, '-sc_threshold', '0', '-c:a', 'aac', '-b:a', '64k', '-f', 'flv', url],
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  const closed = once(child, 'close');
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
    },
  });
}

suite('the figures of a publisher over RTMP', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let key: string;

  const open = () => startServer({ data: join(folder.path, 'data'), ingest: ['rtmp'], adminToken: TOKEN });
  const post = async (path: string, body?: object) => {
    const init = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await server.fetch(path, { method: 'POST', ...init });
    assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
    return response;
  };
  const stats = () => server.json<StreamStats>(`${API}/stats`);
  const publish = (options: { keyS: number }) => encode(`${server.ingest.rtmp}/studio?key=${key}`, options);

  before(async () => {
    folder = opened.use(await openFolder('publish-stats'));
    server = await open();
    opened.defer(() => server[Symbol.asyncDispose]());
    await post('/api/v1/streams', { name: 'studio', source: { type: 'push' } });
    const created = (await (await post(`${API}/keys`, {})).json()) as CreatedPublishKey;
    key = created.key;
  });
  after(() => opened.disposeAsync());

  test('are measured while it publishes, with a picture, the key frame, the codec configuration and the clocks', async () => {
    await using _encoder = publish({ keyS: 2 });
    const found = await until('six seconds of figures', async () => {
      const now = await stats();
      // A busy machine encodes in time only now and then.
      const isInTime = Math.abs((now.video?.frameRate ?? 0) - 25) < 5;
      return now.recent.bitrate.length >= 6 && now.video?.keyFrameInterval === 2 && isInTime ? now : undefined;
    });
    assert.equal(found.publisher?.protocol, 'rtmp');
    assert.match(found.publisher.encoder ?? '', /Lavf/);
    assert.deepEqual([found.video?.width, found.video?.height, found.video?.codec], [320, 180, 'h264']);
    assert.ok(found.video!.bitrate > 50_000 && found.video!.bitrate < 3_000_000, `${found.video!.bitrate} bit/s`);
    assert.deepEqual([found.audio?.codec, found.audio?.sampleRate], ['aac', 48_000]);
    assert.equal(found.announced.frameRate, 25);
    assert.ok((found.link.bitrate ?? 0) > 0);
    assert.equal(found.findings.find(({ code }) => code === 'key-frame-interval')?.severity, 'good');

    await until('a segment is recorded', async () => (await server.fetch(`${API}/preview`)).ok);
    for (const picture of ['preview', 'iframe']) {
      const bytes = await server.bytes(`${API}/${picture}`);
      assert.deepEqual([...bytes.subarray(0, 2)], [0xff, 0xd8], `${picture} is a JPEG`);
    }
    const raw = join(folder.path, 'key.264');
    await writeFile(raw, await server.bytes(`${API}/iframe?format=raw`));
    const probe = spawnSync('ffprobe', ['-v', 'error', '-show_entries', 'frame=pict_type', '-of', 'csv=p=0', raw]);
    assert.match(probe.stdout.toString(), /^I/, 'the key frame can be decoded alone');

    const { tracks } = await server.json<StreamParameters>(`${API}/parameters`);
    assert.deepEqual(
      tracks.map(({ sets }) => sets.map(({ kind }) => kind)),
      [['SPS', 'PPS'], ['AudioSpecificConfig']],
    );
    const sync = await server.json<StreamSync>(`${API}/sync`);
    assert.equal(sync.run?.clock, 'arrival');
    const buffer = await server.json<StreamBuffer>(`${API}/buffer`);
    assert.ok(buffer.window.segments.length > 0);
    assert.equal((await server.fetch(`${API}/backpressure`)).status, 200);
  });

  test('are for administrators', async () => {
    for (const path of [
      'stats',
      'stats/history',
      'buffer',
      'sync',
      'parameters',
      'backpressure',
      'recovery',
      'preview',
      'iframe',
    ]) {
      const response = await fetch(`${server.url}${API}/${path}`);
      assert.equal(response.status, 401, path);
    }
  });

  test('say that key frames come too rarely, as a finding and as an event', async () => {
    const ending = new AbortController();
    const events = await server.fetch('/api/v1/events?types=publish.warning', { signal: ending.signal });
    let received = '';
    const reading = (async () => {
      for await (const text of events.body!.pipeThrough(new TextDecoderStream())) received += text;
    })().catch(() => undefined);
    await using _encoder = publish({ keyS: 10 });
    const finding = await until('the finding', async () => {
      const { findings } = await stats();
      return findings.find(({ code, severity }) => code === 'key-frame-interval' && severity === 'bad');
    });
    assert.deepEqual([finding.value, finding.target], [10, 2]);
    assert.match(finding.hint, /2 s/);
    await until('the event', () => /"key-frame-interval"[^\n]*"bad"|"bad"[^\n]*"key-frame-interval"/.test(received));
    ending.abort();
    await reading;
  });

  test('an encoder without key frames gets a warning over its connection', async () => {
    const path = join(folder.path, 'rare.flv');
    const made = spawnSync('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25:duration=12', '-c:v', 'libx264'],
      ...['-preset', 'ultrafast', '-g', '1000', '-bf', '0', '-sc_threshold', '0', '-pix_fmt', 'yuv420p', path],
    ]);
    assert.equal(made.status, 0, made.stderr.toString());
    const messages = (await readFilm(path)).filter(isVideo);
    await server.stream('studio', 'unpublished');
    const answer = /NetStream\.Publish\.Warning[\s\S]*No key frame for 10 s/;
    await publishScript(`${server.ingest.rtmp}/studio?key=${key}`, messages, { isPaced: false, answer });
  });

  test('a pause keeps the connection and drops its media', async () => {
    await using encoder = publish({ keyS: 1 });
    await server.stream('studio', 'live');
    assert.equal((await post(`${API}/pause`)).status, 202);
    const view = await server.stream('studio', 'paused');
    assert.equal(view.publisher?.protocol, 'rtmp');
    await post(`${API}/resume`);
    await server.stream('studio', 'live');
    assert.equal(encoder.exitCode, null, 'it was connected all the time');
    const recovery = await server.json<StreamRecovery>(`${API}/recovery`);
    assert.ok(recovery.counts.connects >= 3 && recovery.counts.gaps === 0, JSON.stringify(recovery.counts));
    assert.ok(recovery.events.some(({ kind, detail }) => kind === 'offline' && detail.includes('paused')));
  });

  test('of the past are there after kill -9', async () => {
    const before = await server.json<StatsHistory>(`${API}/stats/history?res=5`);
    const known = (history: StatsHistory) => history.series.videoBitrate.filter((value) => value !== null).length;
    assert.ok(known(before) > 0);
    await until('figures are written', written);
    await server.stop('SIGKILL');
    server = await open();
    await until('the stream is open', async () => (await server.fetch(API)).ok);
    const afterwards = await server.json<StatsHistory>(`${API}/stats/history?res=5`);
    assert.ok(known(afterwards) > 0, 'what was written before the kill');
    assert.equal((await server.json<StreamView>(API)).state, 'unpublished');
  });

  /** The windows are written once a minute: until then there is nothing to find after a kill. */
  function written(): boolean {
    using database = new DatabaseSync(join(folder.path, 'data', DATABASE_FILE), { readOnly: true });
    const windows = database.prepare(
      `SELECT start_us FROM stats_window JOIN stream ON stream.id = stream_id WHERE stream.name = 'studio'`,
    );
    return windows.all().length > 0;
  }
});
