/*
 * WebRTC between servers: a relay to a WHIP target, and WHEP as a source; pictures compared by MD5, refusals,
 * a target that returns.
 */
import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StreamStats } from '../../src/api/measure/stats-shapes.ts';
import type { RelayView } from '../../src/api/relay/relay-shapes.ts';
import { beepsOf } from '../fixtures/beeps.ts';
import { encode, ffmpegArgs, send } from '../fixtures/encoder.ts';
import { packetTimes, pictureHashes, run, stripsOf } from '../fixtures/ffmpeg.ts';
import { freePort } from '../fixtures/free-port.ts';
import { openLossyRelay } from '../fixtures/lossy-relay.ts';
import { need } from '../fixtures/need.ts';
import { createPush, endRecording, picturesByRun, post } from '../fixtures/publishers/push-streams.ts';
import { openSdpProxy } from '../fixtures/realtime/sdp-proxy.ts';
import {
  makeWhipFilm,
  needDataChannel,
  publishByWhip,
  startDataChannelServer,
} from '../fixtures/realtime/whip-publishers.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
const FILM_SECONDS = 8;

// Each film is sent in real time.
suite('WebRTC between servers', { skip: need('ffmpeg'), concurrency: 4 }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let source: Server;
  let target: Server;
  let film: string;
  let pictures: readonly string[];

  before(async () => {
    folder = opened.use(await openFolder('webrtc-relay'));
    film = join(folder.path, 'film.mp4');
    await makeWhipFilm(film, FILM_SECONDS);
    pictures = await pictureHashes(film);
    const open = async (name: string) =>
      opened.use(await startServer({ data: join(folder.path, name), adminToken, ingest: ['webrtc', 'rtmp'] }));
    [source, target] = [await open('source'), await open('target')];
  });
  after(() => opened.disposeAsync());

  const relays = async (name: string) =>
    (await source.json<{ items: RelayView[] }>(`/api/v1/streams/${name}/relays`)).items;
  /**
   * All recorded pictures. A track that begins late, after loss or on a busy machine, joins with another run.
   */
  const recordedPictures = async (server: Server, name: string) =>
    (await picturesByRun(server, name, folder.path)).flat();
  const whip = (server: Server, name: string, key: string) =>
    `${server.url.replace('http://', 'whip+http://')}/whip/${name}?key=${key}`;

  /** The pictures are those of the film from one of its key frames on. */
  function assertRest(ours: readonly string[]): void {
    const first = pictures.indexOf(ours[0]!);
    assert.ok(first >= 0 && first % 25 === 0 && first <= pictures.length / 2, `begins at picture ${first}`);
    assert.deepEqual(ours, pictures.slice(first));
  }

  test('a relay to WHIP sends every picture from a key frame on, with sound; the key is never shown', async () => {
    const [key, targetKey] = [await createPush(source, 'cam'), await createPush(target, 'by-whip')];
    await post(source, '/streams/cam/relays', { url: whip(target, 'by-whip', targetKey) });
    await using publisher = publishByWhip({ file: film, url: `${source.url}/whip/cam`, key, dtls: 'active' });
    await until('the relay is live', async () => (await relays('cam'))[0]?.state === 'live');
    assert.equal(await publisher.ended, 0, publisher.stderr);
    const view = (await relays('cam'))[0]!;
    assert.deepEqual([view.lostFrames, view.leftOut, view.error], [0, [], '']);
    const path = `/api/v1/streams/cam/relays/${view.id}`;
    const body = JSON.stringify({ enabled: false });
    await source.fetch(path, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body });
    const left = () => target.log().find(({ msg, stream }) => msg === 'a publisher left' && stream === 'by-whip');
    assert.equal((await until('the publisher has left', left)).detail, 'the client ended its session');
    const { tracks } = await endRecording(target, 'by-whip', 2);
    assert.deepEqual(tracks.map(({ kind }) => kind).sort(), ['audio', 'video']);
    assertRest(await recordedPictures(target, 'by-whip'));
    const said = JSON.stringify([view, source.log()]) + source.stderr;
    assert.ok(!said.includes(targetKey), 'the key is not shown or logged');
  });

  const whep = (server: Server, name: string) => `${server.url.replace('http://', 'whep+http://')}/whep/${name}`;

  test('a source over WHEP: every picture of the other server from a key frame on, with sound', async () => {
    const key = await createPush(source, 'door');
    await post(target, '/streams', { name: 'by-whep', source: { type: 'pull', url: whep(source, 'door') } });
    await using publisher = publishByWhip({ file: film, url: `${source.url}/whip/door`, key, dtls: 'active' });
    await target.stream('by-whep', 'live');
    assert.equal(await publisher.ended, 0, publisher.stderr);
    const { tracks } = await endRecording(target, 'by-whep', 2);
    assert.deepEqual(tracks.map(({ kind }) => kind).sort(), ['audio', 'video']);
    assertRest(await recordedPictures(target, 'by-whep'));
    assert.equal((await target.timeline('by-whep')).runs.length, 1);
  });

  test('sound over WHEP is in time with the picture: the tone of the test picture begins with each second', async () => {
    await post(source, '/streams', { name: 'clock', source: { type: 'test' } });
    await post(target, '/streams', { name: 'clock', source: { type: 'pull', url: whep(source, 'clock') } });
    const { tracks, recorded } = await until('eight seconds are recorded', async () => {
      const view = await target.stream('clock', 'live');
      return view.recorded.seconds >= 8 && view;
    });
    const toMs = Date.parse(recorded.to!);
    const clip = join(folder.path, 'clock.mp4');
    await writeFile(clip, await target.bytes(`/clip/clock/${toMs - 6000}/${toMs}.mp4`));
    const { width, height } = tracks.find(({ kind }) => kind === 'video')!;
    const strips = await stripsOf(clip, { width: width!, height: height! });
    const times = await packetTimes(clip, 'v:0');
    const beeps = await beepsOf(clip);
    assert.ok(beeps.length >= 4, `${beeps.length} tones`);
    for (const atMs of beeps) {
      const shown = times.findLastIndex((second) => second * 1000 <= atMs);
      // What the picture says at that moment, from its last whole second.
      const utcMs = strips[shown]!.utcMs + atMs - times[shown]! * 1000;
      const offsetMs = utcMs - Math.round(utcMs / 1000) * 1000;
      assert.ok(Math.abs(offsetMs) <= 40, `the sound is ${Math.round(offsetMs)} ms after the picture`);
    }
  });

  test('AAC is sent as Opus; a wrong key is refused with the reason', async () => {
    const [key, targetKey] = [await createPush(source, 'aac'), await createPush(target, 'from-aac')];
    const url = whip(target, 'from-aac', targetKey);
    await post(source, '/streams/aac/relays', { url, label: 'right' });
    await post(source, '/streams/aac/relays', { url: url.replace(targetKey, 'ok_wrong'), label: 'wrong' });
    const aac = join(folder.path, 'aac.flv');
    const { code, stderr } = await run('ffmpeg', ['-v', 'error', '-i', film, '-c:v', 'copy', '-c:a', 'aac', '-y', aac]);
    assert.equal(code, 0, stderr);
    await send('ffmpeg', ffmpegArgs(aac, 'flv', `${source.ingest.rtmp}/aac?key=${key}`));
    const [right, wrong] = await relays('aac');
    assert.deepEqual([right?.leftOut, right?.error], [[], '']);
    assert.match(wrong!.error, /^127\.0\.0\.1 answered 403: /);
    assert.ok(!wrong!.error.includes('ok_wrong'));
    const { tracks } = await endRecording(target, 'from-aac', 2);
    assert.ok(
      tracks.some(({ codecs }) => codecs === 'opus'),
      JSON.stringify(tracks),
    );
    assertRest(await recordedPictures(target, 'from-aac'));
  });

  test('video with B-frames is refused with the reason', async () => {
    const [key, targetKey] = [await createPush(source, 'b-frames'), await createPush(target, 'no-b-frames')];
    await post(source, '/streams/b-frames/relays', { url: whip(target, 'no-b-frames', targetKey) });
    const withB = join(folder.path, 'b-frames.flv');
    const made = await encode(
      ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25:duration=6', '-c:v', 'libx264', '-bf', '2', '-g', '25'],
      withB,
    );
    const sending = send('ffmpeg', ffmpegArgs(made, 'flv', `${source.ingest.rtmp}/b-frames?key=${key}`));
    const refusal = async () => (await relays('b-frames'))[0]?.error || undefined;
    assert.match((await until('a refusal', refusal))!, /^The video has B-frames, which WebRTC cannot play\./);
    await sending;
  });

  test('a source over WHEP with a wrong key says so', async () => {
    const probe = async (url: string) => {
      const headers = { 'content-type': 'application/json' };
      const response = await target.fetch('/api/v1/probe', { method: 'POST', headers, body: JSON.stringify({ url }) });
      return (await response.json()) as { code?: string; detail?: string };
    };
    const { code, detail } = await probe(`${whep(source, 'nowhere')}?key=ok_wrong`);
    assert.equal(code, 'source-failed');
    assert.match(detail!, /^whep\+http:\/\/127\.0\.0\.1:\d+ answered 403: /);
  });

  test('a target and a source that start again are connected again', async () => {
    const data = join(folder.path, 'again');
    await using disposable = new AsyncDisposableStack();
    const http = `127.0.0.1:${await freePort()}`;
    const begin = () => startServer({ data, adminToken, ingest: ['webrtc'], http });
    let again = await begin();
    disposable.defer(() => again[Symbol.asyncDispose]());
    const long = join(folder.path, 'long.mp4');
    await makeWhipFilm(long, 55); // longer than the test on a busy machine: the publisher is killed
    const [key, againKey] = [await createPush(source, 'long'), await createPush(again, 'target')];
    await post(source, '/streams/long/relays', { url: whip(again, 'target', againKey) });
    await post(target, '/streams', { name: 'of-again', source: { type: 'pull', url: whep(again, 'target') } });
    await using publisher = publishByWhip({ file: long, url: `${source.url}/whip/long`, key, dtls: 'active' });
    await target.stream('of-again', 'live');
    await again.stop('SIGKILL');
    await until('the relay has failed', async () => (await relays('long'))[0]?.state === 'failed');
    again = await begin();
    await until('the relay is live', async () => (await relays('long'))[0]?.state === 'live');
    await again.stream('target', 'live');
    await until('another run', async () => (await target.timeline('of-again')).runs.length > 1);
    await publisher.kill();
  });

  test('with 10 % loss and reordering lost packets are sent again, to a target and from a source', async () => {
    const [key, targetKey] = [await createPush(source, 'lossy'), await createPush(target, 'lossy-whip')];
    const loss = { drop: 0.1, delayMs: 10, jitterMs: 20 };
    const portOf = (server: Server) => Number(new URL(server.ingest.webrtc!).port);
    await using toTarget = await openLossyRelay({ to: portOf(target), seed: 3, ...loss });
    await using targetProxy = await openSdpProxy(target.url, toTarget.port);
    await using toSource = await openLossyRelay({ to: portOf(source), seed: 4, ...loss });
    await using sourceProxy = await openSdpProxy(source.url, toSource.port);
    await post(source, '/streams/lossy/relays', { url: `whip+${targetProxy.url}/whip/lossy-whip?key=${targetKey}` });
    const url = `whep+${sourceProxy.url}/whep/lossy`;
    await post(target, '/streams', { name: 'lossy-whep', source: { type: 'pull', url } });
    await using publisher = publishByWhip({ file: film, url: `${source.url}/whip/lossy`, key, dtls: 'active' });
    for (const name of ['lossy-whip', 'lossy-whep']) {
      await until(`packets of ${name} are sent again`, async () => {
        const { link } = await target.json<StreamStats>(`/api/v1/streams/${name}/stats`);
        return (link.retransmitted ?? 0) > 0;
      });
    }
    assert.equal(await publisher.ended, 0, publisher.stderr);
    // Pictures without a lost one before them in their group are those of the film.
    const known = new Set(pictures);
    for (const name of ['lossy-whip', 'lossy-whep']) {
      await endRecording(target, name, 1);
      const recorded = await recordedPictures(target, name);
      assert.ok(recorded.length >= 25, `${recorded.length} pictures of ${name}`);
      assert.deepEqual(
        recorded.filter((picture) => !known.has(picture)),
        [],
      );
    }
  });

  suite('with libdatachannel as a full agent of ICE', { skip: needDataChannel(), concurrency: true }, () => {
    test('a relay to it sends every picture from a key frame on', async () => {
      const key = await createPush(source, 'to-other');
      const received = join(folder.path, 'received.h264');
      await using server = await startDataChannelServer({ film, received });
      await post(source, '/streams/to-other/relays', { url: `whip+${server.url}/whip` });
      await using publisher = publishByWhip({ file: film, url: `${source.url}/whip/to-other`, key, dtls: 'active' });
      await until('the relay is live', async () => (await relays('to-other'))[0]?.state === 'live');
      assert.equal(await publisher.ended, 0, publisher.stderr);
      const [{ id } = assert.fail()] = await relays('to-other');
      await source.fetch(`/api/v1/streams/to-other/relays/${id}`, { method: 'DELETE' });
      await until('it has the end', async () => (await stat(received).catch(() => undefined))?.size);
      assertRest(await pictureHashes(received));
    });

    test('a source of it: the recording is its film, with sound', async () => {
      await using server = await startDataChannelServer({ film, received: join(folder.path, 'nothing.h264') });
      await post(target, '/streams', { name: 'of-other', source: { type: 'pull', url: `whep+${server.url}/whep` } });
      await target.stream('of-other', 'live');
      const { tracks } = await endRecording(target, 'of-other', FILM_SECONDS - 0.2);
      assert.deepEqual(tracks.map(({ kind }) => kind).sort(), ['audio', 'video']);
      assert.deepEqual(await recordedPictures(target, 'of-other'), pictures);
    });
  });
});
