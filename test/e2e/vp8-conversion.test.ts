/*
 * Publishers over WHIP and RTP, and a WHEP source, that have only VP8: it is converted to H.264, live and
 * recorded.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StreamStats } from '../../src/api/measure/stats-shapes.ts';
import type { RtpSessionView } from '../../src/api/realtime/rtp-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { pictureHashes, probe, run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { createPush, endRecording, post } from '../fixtures/publishers/push-streams.ts';
import { sdpOf, sendByFfmpeg } from '../fixtures/realtime/rtp-senders.ts';
import {
  makeVp8Film,
  needDataChannel,
  publishByDataChannel,
  startDataChannelServer,
} from '../fixtures/realtime/whip-publishers.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';

const SECONDS = 12;
const RATE = 25;

/** The children of a process that encode. */
async function encodersOf(parent: number): Promise<number[]> {
  const pids: number[] = [];
  for (const task of await readdir(`/proc/${parent}/task`)) {
    const text = await readFile(`/proc/${parent}/task/${task}/children`, 'utf8').catch(() => '');
    for (const pid of text.split(' ').filter(Boolean)) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (command.includes('live-main')) pids.push(Number(pid));
    }
  }
  return pids;
}

suite('publishing VP8', { skip: need('ffmpeg') || needDataChannel() }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let film: string;

  before(async () => {
    folder = opened.use(await openFolder('vp8'));
    film = join(folder.path, 'film.webm');
    await makeVp8Film(film, SECONDS);
    server = opened.use(
      await startServer({
        data: join(folder.path, 'data'),
        adminToken: 'let-me-in-please',
        ingest: ['webrtc'],
        args: ['--rtp', '127.0.0.1:0'],
      }),
    );
  });
  after(() => opened.disposeAsync());

  const publish = (name: string, key: string) =>
    publishByDataChannel({ file: film, codec: 'vp8', url: `${server.url}/whip/${name}`, key });
  const metric = async (name: string, stream: string) => {
    const text = await (await server.fetch('/metrics')).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name}{`) && one.includes(`stream="${stream}"`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  /** Address of the whole recording as one file. */
  const clipOf = async (name: string) => {
    const { recorded } = await server.json<StreamView>(`/api/v1/streams/${name}`);
    return `${server.url}/clip/${name}/${Date.parse(recorded.from!)}/${Date.parse(recorded.to!)}.mp4`;
  };

  test('it is live over HLS and recorded as H.264, picture by picture, with its sound', async () => {
    const key = await createPush(server, 'vp8');
    await using publisher = publish('vp8', key);
    const figures = until('figures', async () => {
      const now = await server.json<StreamStats>('/api/v1/streams/vp8/stats');
      return now.video && now;
    });
    await server.stream('vp8', 'live');
    const master = await until('a playlist', async () => {
      const response = await server.fetch('/live/vp8/index.m3u8');
      return response.ok && response.text();
    });
    assert.match(master, /CODECS="avc1\.64[^"]*opus/i);
    const { tracks } = await server.json<StreamView>('/api/v1/streams/vp8');
    const video = tracks.find(({ kind }) => kind === 'video');
    assert.deepEqual([video?.convertedFrom, video?.width, video?.height], ['vp8', 320, 180]);
    const stats = await figures;
    assert.deepEqual([stats.video?.codec, stats.video?.convertedTo], ['vp8', 'h264']);
    const finding = stats.findings.find(({ code }) => code === 'codec-support');
    assert.equal(finding?.text, 'The video is VP8, converted to H.264.');
    assert.equal(await publisher.ended, 0, publisher.stderr);
    await endRecording(server, 'vp8', SECONDS - 0.1);
    assert.equal(await metric('oxbow_video_conversion_restarts_total', 'vp8'), 0);
    assert.equal(await metric('oxbow_video_conversion_lost_frames_total', 'vp8'), 0);
    const timeline = await server.timeline('vp8', '');
    assertCovered(timeline);
    assert.deepEqual([timeline.runs.length, timeline.gaps], [1, []]);

    const clip = await clipOf('vp8');
    assert.equal((await pictureHashes(clip)).length, SECONDS * RATE);
    const { stderr } = await run('ffmpeg', [
      ...['-i', clip, '-i', film, '-filter_complex', '[0:v]setpts=N/TB/25[a];[1:v]setpts=N/TB/25[b];[a][b]psnr'],
      ...['-f', 'null', '-'],
    ]);
    const [, psnr] = /PSNR .*\bmin:([\d.]+)/.exec(stderr) ?? [];
    assert.ok(Number(psnr) > 30, `the least likeness of a picture is ${psnr} dB`);
    const { stdout } = await run('ffprobe', [
      ...['-v', 'error', '-show_entries', 'packet=codec_type,pts_time,flags', '-of', 'csv=p=0', clip],
    ]);
    const packets = stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    const timesOf = (kind: string) => packets.flatMap(([type, pts]) => (type === kind ? Number(pts) : []));
    const [picture, sound] = [timesOf('video'), timesOf('audio')];
    assert.ok(Math.abs(picture[0]! - sound[0]!) < 0.05, `picture ${picture[0]}, sound ${sound[0]}`);
    for (const [n, at] of picture.entries()) assert.ok(Math.abs(at - picture[0]! - n / RATE) < 0.002, `${n}: ${at}`);
    const keys = packets.filter(([type, , flags]) => type === 'video' && flags?.startsWith('K')).length;
    assert.ok(keys >= SECONDS - 1, `${keys} key frames: each of the publisher is one`);
    assert.ok((await probe(clip)) !== undefined);
  });

  test('over RTP from ffmpeg, which sends no key frames on request, all pictures are recorded', async () => {
    await createPush(server, 'rtp');
    const sdp = await sdpOf(film, folder.path);
    const session = await post<RtpSessionView>(server, '/streams/rtp/rtp', { sdp });
    const portOf = (kind: string) => session.media.find((each) => each.kind === kind)!.rtpPort;
    await using sender = sendByFfmpeg(film, { video: portOf('video'), audio: portOf('audio') });
    await server.stream('rtp', 'live');
    assert.equal(await sender.ended, 0, sender.stderr);
    await server.fetch(`/api/v1/streams/rtp/rtp/${session.id}`, { method: 'DELETE' });
    await endRecording(server, 'rtp', SECONDS - 1);
    assert.deepEqual((await server.timeline('rtp', '')).gaps, []);
    assert.equal((await pictureHashes(await clipOf('rtp'))).length, SECONDS * RATE);
  });

  test('a WHEP source that has only VP8 is recorded', async () => {
    await using origin = await startDataChannelServer({ film, received: join(folder.path, 'nothing'), codec: 'vp8' });
    await post(server, '/streams', { name: 'whep', source: { type: 'pull', url: `whep+${origin.url}/whep` } });
    await server.stream('whep', 'live');
    const { tracks } = await endRecording(server, 'whep', SECONDS - 1);
    assert.equal(tracks.find(({ kind }) => kind === 'video')?.convertedFrom, 'vp8');
    assert.ok((await pictureHashes(await clipOf('whep'))).length >= (SECONDS - 1) * RATE);
  });

  test('a conversion that is killed is a separate gap, and the stream continues', async () => {
    const key = await createPush(server, 'killed');
    await using publisher = publish('killed', key);
    const secondsOf = async () => (await server.json<StreamView>('/api/v1/streams/killed')).recorded.seconds;
    await until('some seconds are recorded', async () => (await secondsOf()) >= 2);
    const [pid] = await until('those of the tests before have ended', async () => {
      const pids = await encodersOf(server.pid);
      return pids.length === 1 && pids;
    });
    process.kill(pid!, 'SIGKILL');
    await until('it is counted', async () => (await metric('oxbow_video_conversion_restarts_total', 'killed')) === 1);
    assert.equal(await publisher.ended, 0, publisher.stderr);
    await endRecording(server, 'killed', SECONDS / 2);
    const timeline = await server.timeline('killed', '');
    assertCovered(timeline);
    assert.deepEqual(
      timeline.gaps.map(({ cause }) => cause),
      ['internal'],
    );
    assert.ok((await metric('oxbow_video_conversion_lost_frames_total', 'killed')) > 0);
  });
});
