/**
 * `npm run bench -- rtsp`: cameras of 4 Mbps over RTSP (TCP), recorded by one oxbow, compared with one ffmpeg
 * for each that writes HLS.
 * In: a film, GStreamer's RTSP server. Out: a table.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { h264AacOf, startGstServer } from '../../test/fixtures/rtsp/rtsp-servers.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/wait.ts';
import { type Durations, sample } from '../measure.ts';
import { describeMachine } from '../process-tree.ts';
import { type Recorders, type StartRecorders, startOxbow } from '../recorders.ts';
import { mib, printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';

/** Bitrate of the video, kbit/s. */
const KBPS = 4000;
/** A film is longer than a measurement by this much, seconds. */
const SPARE_S = orTiny(25, 15);

/** Measures every number of cameras, one recorder after the other. Returns the report. */
export async function benchRtsp(cameras: readonly number[], durations: Durations): Promise<string> {
  await using folder = await openFolder('bench-rtsp');
  say('encoding the film');
  const film = join(folder.path, 'film.mp4');
  const filmS = durations.warmUpS + durations.measureS + SPARE_S;
  encodeFilm(film, filmS);
  const rows: string[][] = [];
  for (const count of cameras) {
    let oursPercent = 0;
    for (const [name, start] of [['oxbow', startOxbow] as const, ['ffmpeg per camera', startFfmpegHls] as const]) {
      say(`${name}, ${count} cameras, ${durations.warmUpS} s + ${durations.measureS} s`);
      const runFolder = join(folder.path, `${name}-${count}`);
      mkdirSync(runFolder);
      await using server = await startGstServer({ launch: h264AacOf(film), limitS: filmS + SPARE_S });
      const url = `rtsp://127.0.0.1:${server.port}/cam`;
      await using recorders = await start(new Array<string>(count).fill(url), runFolder);
      const usage = await sample(recorders.pids, [server.pid], durations);
      if (name === 'oxbow') oursPercent = usage.cpuPercent;
      rows.push([
        ...[String(count), name, `${(usage.cpuPercent / count).toFixed(2)} %`],
        ...[(oursPercent / usage.cpuPercent).toFixed(2), mib(usage.pssPeakBytes)],
        ...[`${usage.othersPercent.toFixed(0)} %`, (await recorders.problems()) || '-'],
      ]);
    }
  }
  const head = ['cameras', 'recorder', 'CPU of a core per camera', 'oxbow’s CPU / its', 'PSS peak, MiB'];
  const mbps = (statSync(film).size * 8) / filmS / 1e6;
  const about = `${describeMachine()}; Node ${process.version}; RTSP over TCP from GStreamer, 1080p25 and AAC of ${mbps.toFixed(2)} Mbps`;
  const times = `${durations.measureS} s measured after ${durations.warmUpS} s`;
  return `${about}, ${times}\n\n${printTable([...head, 'other programs', 'problems'], rows)}`;
}

/** A film as cameras send it: no B-frames, a key frame every two seconds. */
function encodeFilm(file: string, seconds: number): void {
  const { status } = spawnSync(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-nostdin'],
      ...['-f', 'lavfi', '-i', `testsrc2=size=1920x1080:rate=25:duration=${seconds},noise=alls=10:allf=t`],
      ...['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '50', '-pix_fmt', 'yuv420p'],
      ...['-b:v', `${KBPS}k`, '-minrate', `${KBPS}k`, '-maxrate', `${KBPS}k`, '-bufsize', `${KBPS}k`],
      ...['-c:a', 'aac', '-b:a', '64k', file],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (status !== 0) throw new Error('ffmpeg could not encode the film of the benchmark');
}

/** One ffmpeg for each camera, which writes HLS. */
const startFfmpegHls: StartRecorders = async (urls, folder): Promise<Recorders> => {
  const playlists = urls.map((_, k) => join(folder, `s${k}`, 'index.m3u8'));
  const children = urls.map((url, k): ChildProcess => {
    mkdirSync(join(folder, `s${k}`));
    const input = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-rtsp_transport', 'tcp', '-i', url, '-c', 'copy'];
    const output = ['-f', 'hls', '-hls_time', '2', '-hls_list_size', '150', '-hls_flags', 'delete_segments'];
    return spawn('ffmpeg', [...input, ...output, playlists[k]!], { stdio: ['ignore', 'ignore', 'inherit'] });
  });
  await until('all playlists', () => playlists.every((path) => existsSync(path)));
  return {
    pids: children.map(({ pid }) => pid!),
    async problems() {
      const ended = children.filter(({ exitCode }) => exitCode !== null).length;
      return ended === 0 ? '' : `${ended} ended`;
    },
    async [Symbol.asyncDispose]() {
      const ends = children.map((child) => child.exitCode !== null || once(child, 'exit'));
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(ends);
    },
  };
};
