/**
 * `npm run bench -- whep`: the delay of a live stream over WHEP, from the drawing of a picture to its
 * presentation in Chromium; how far sound and picture are apart, over WHEP and in the recording of a page
 * that publishes over WHIP; the CPU of a server with 30 viewers of 3 Mbps.
 * In: the test picture, Chromium on the same machine, viewers in a separate process. Out: tables. No
 * TURN, no loss.
 */
import { fork, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openBrowser, openVisitor } from '../../test/browser/chromium.ts';
import { openEmptyPage, play, received } from '../../test/browser/webrtc-page.ts';
import { encode } from '../../test/fixtures/encoder.ts';
import { createPush } from '../../test/fixtures/publishers/push-streams.ts';
import { openFolder, type Server, startServer } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/wait.ts';
import { ProcessTree } from '../process-tree.ts';
import { printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';
import { type Offsets, playedOffsets, playOwnFlashes, publishFlashes, recordedOffsets } from './av-offset.ts';
import { encoderDelayMs } from './encoder-delay.ts';
import { followLive, type Playing } from './live.ts';
import type { ViewersReport } from './whep-viewers.ts';

const VIEWERS = orTiny(30, 2);
/** A film of 3 Mbps, with a key frame every two seconds and without B-frames. */
const FILM = [
  ...['-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=30:duration=${orTiny(20, 4)}`, '-vf', 'noise=alls=40:allf=t'],
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-g', '60', '-pix_fmt', 'yuv420p'],
  ...['-b:v', '3M', '-minrate', '3M', '-maxrate', '3M', '-bufsize', '1M', '-x264-params', 'nal-hrd=cbr'],
];
/** Playback before the measurement, seconds. */
const WARM_UP_S = orTiny(10, 2);

/** Measures and returns the report. @param seconds of each measurement */
export async function benchWhep(seconds: number): Promise<string> {
  await using folder = await openFolder('bench-whep');
  const { playing, encoderMs, played, loopback } = await measureDelay(join(folder.path, 'delay'), seconds);
  const published = await measurePublished(join(folder.path, 'published'), seconds);
  const ms = (value: number) => `${Math.round(value)} ms`;
  return [
    `WHEP, ${seconds} s: from the drawing of a picture to its presentation`,
    printTable(
      ['p50', 'p95', 'worst', 'stalls', 'encoder, p50', 'dropped pictures'],
      [
        [
          ...[playing.p50, playing.p95, playing.worst].map(ms),
          ...[String(playing.stalls), ms(encoderMs), String(playing.dropped)],
        ],
      ],
    ),
    `Sound after its picture, by flash and beep, ${seconds} s`,
    printTable(
      ['', 'beeps', 'p50', 'worst, either way'],
      [
        ['the test picture over WHEP, as played', String(played.beeps), ms(played.p50), ms(played.worst)],
        ['a page connected to itself, as played', String(loopback.beeps), ms(loopback.p50), ms(loopback.worst)],
        ['a page over WHIP, as recorded', String(published.beeps), ms(published.p50), ms(published.worst)],
      ],
    ),
    await benchWhepViewers(seconds, VIEWERS),
  ].join('\n\n');
}

/** Measures only the CPU of viewers, without a browser. @param seconds of each measurement */
export async function benchWhepViewers(seconds: number, viewers: number): Promise<string> {
  await using folder = await openFolder('bench-whep');
  const { alone, together, report } = await measureViewers(join(folder.path, 'viewers'), seconds, viewers);
  const share = (value: number) => `${(100 * value).toFixed(1)} %`;
  const mbps = (report.bytes * 8) / seconds / viewers / 1e6;
  const packets = report.packets / seconds;
  const forViewers = together - alone;
  const head = ['without viewers', `with ${viewers}`, 'for the viewers', 'packets per second', 'for each packet'];
  const cells = [alone, together, forViewers].map(share);
  return [
    `WHEP, ${viewers} viewers of ${mbps.toFixed(2)} Mbps, ${seconds} s: CPU of the server, share of a core`,
    printTable(head, [[...cells, String(Math.round(packets)), `${((1e6 * forViewers) / packets).toFixed(1)} µs`]]),
  ].join('\n\n');
}

async function measureDelay(
  data: string,
  seconds: number,
): Promise<{ playing: Playing; encoderMs: number; played: Offsets; loopback: Offsets }> {
  await using server = await open(data);
  const encoderMs = await encoderDelayMs(server, 'demo');
  const browser = await openBrowser();
  try {
    const visitor = await openVisitor(browser);
    const page = await openEmptyPage(visitor, server.url);
    const { status, text } = await play(page, `${server.url}/whep/demo`);
    if (status !== 201) throw new Error(`WHEP was refused: ${status} ${text}`);
    await until('pictures are shown', async () => (await received(page)).frames > 10);
    say(`plays; ${WARM_UP_S} s of warm-up`);
    await pause(WARM_UP_S * 1000);
    const playing = await followLive(page, seconds);
    const played = await playedOffsets(page, seconds);
    await page.close();
    const itself = await openEmptyPage(visitor, server.url);
    await playOwnFlashes(itself);
    await until('its pictures are shown', async () => (await received(itself)).frames > 10);
    await pause(WARM_UP_S * 1000);
    return { playing, encoderMs, played, loopback: await playedOffsets(itself, seconds) };
  } finally {
    await browser.close();
  }
}

/** A page publishes flashes and beeps; its recording is measured. */
async function measurePublished(data: string, seconds: number): Promise<Offsets> {
  await using server = await startServer({
    data,
    sample: false,
    adminToken: 'a-token-for-benches',
    ingest: ['webrtc'],
  });
  const key = await createPush(server, 'page');
  const browser = await openBrowser();
  try {
    const page = await openEmptyPage(await openVisitor(browser), server.url);
    const session = await publishFlashes(page, `${server.url}/whip/page`, key);
    if (!session.startsWith('http')) throw new Error(`WHIP was refused: ${session}`);
    await server.stream('page', 'live');
    say(`publishes; ${WARM_UP_S} s of warm-up`);
    await pause(WARM_UP_S * 1000);
    const fromMs = Date.now();
    await pause(seconds * 1000);
    const toMs = Date.now();
    await pause(5000); // the last segments are recorded
    const file = `${data}.mp4`;
    await writeFile(file, await server.bytes(`/clip/page/${fromMs}/${toMs}.mp4`));
    return await recordedOffsets(file);
  } finally {
    await browser.close();
  }
}

async function measureViewers(
  data: string,
  seconds: number,
  viewers: number,
): Promise<{ alone: number; together: number; report: ViewersReport }> {
  const film = await encode(FILM, `${data}.flv`);
  const admin = { adminToken: 'a-token-for-benches' };
  await using server = await startServer({ data, sample: false, ingest: ['webrtc', 'rtmp'], ...admin });
  const key = await createPush(server, 'film');
  const sent = ['-v', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', film, '-c', 'copy', '-f', 'flv'];
  const publisher = spawn('ffmpeg', [...sent, `${server.ingest.rtmp}/film?key=${key}`], { stdio: 'inherit' });
  await server.stream('film', 'live');
  const tree = new ProcessTree([server.pid]);
  const measure = async () => {
    const before = tree.cpuS();
    await pause(seconds * 1000);
    return (tree.cpuS() - before) / seconds;
  };
  await pause(WARM_UP_S * 1000);
  const alone = await measure();
  const child = fork(join(import.meta.dirname, 'whep-viewers.ts'));
  try {
    let last: ViewersReport = { connected: 0, packets: 0, bytes: 0 };
    child.on('message', (report) => {
      last = report as ViewersReport;
    });
    child.send({ url: `${server.url}/whep/film`, viewers });
    await until('all viewers are connected', async () => last.connected === viewers);
    await pause(WARM_UP_S * 1000);
    const before = last;
    const together = await measure();
    return {
      alone,
      together,
      report: {
        connected: last.connected,
        packets: last.packets - before.packets,
        bytes: last.bytes - before.bytes,
      },
    };
  } finally {
    child.kill();
    publisher.kill();
  }
}

async function open(data: string): Promise<Server> {
  const server = await startServer({ data, sample: true, adminToken: 'a-token-for-benches', ingest: ['webrtc'] });
  await server.stream('demo', 'live');
  return server;
}
