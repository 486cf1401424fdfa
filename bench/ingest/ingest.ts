/**
 * `npm run bench -- ingest`: publishers over RTMP or SRT, packaged as HLS: one oxbow, which records too,
 * compared with one ffmpeg per stream and, for RTMP, with nginx and its RTMP module.
 * In: options. Out: a table, and the memory of each further stream.
 */
import { openFolder } from '../../test/fixtures/server.ts';
import { type Durations, type Sample, sample } from '../measure.ts';
import { type BenchMedia, makeBenchMedia } from '../media.ts';
import { describeMachine } from '../process-tree.ts';
import { mib, printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';
import { startPublishers } from './publishers.ts';
import { type Protocol, type StartIngest, startFfmpegIngest, startNginxIngest, startOxbowIngest } from './servers.ts';

/** Options of `bench ingest`. */
interface IngestOptions extends Durations {
  readonly protocol: Protocol;
  /** Bitrate of the video, kbit/s. */
  readonly kbps: number;
  /** Numbers of streams, ascending. */
  readonly streams: readonly number[];
  /** Without the peers. */
  readonly alone: boolean;
}

/** Seconds of encoded media; publishers repeat them. */
const MEDIA_S = orTiny(60, 20);

/** Measures every number of streams, one server after the other. Returns the report. */
export async function benchIngest(options: IngestOptions): Promise<string> {
  const { protocol, kbps, streams, alone } = options;
  say('encoding the media');
  const media = makeBenchMedia(MEDIA_S, kbps);
  const peers: readonly (readonly [string, StartIngest])[] = [
    ['ffmpeg per stream', startFfmpegIngest],
    ...(protocol === 'rtmp' ? [['nginx-rtmp', startNginxIngest] as const] : []),
  ];
  const servers = [['oxbow', startOxbowIngest] as const, ...(alone ? [] : peers)];
  const rows: string[][] = [];
  const ours = new Map<number, Sample>();
  for (const count of streams) {
    for (const [name, start] of servers) {
      say(`${name}, ${count} streams, ${options.warmUpS} s + ${options.measureS} s`);
      const { usage, problems } = await measureIngest(start, count, media, options);
      if (name === 'oxbow') ours.set(count, usage);
      const ratio = ours.get(count)!.cpuPercent / usage.cpuPercent;
      rows.push([
        ...[String(count), name, `${(usage.cpuPercent / count).toFixed(3)} %`, ratio.toFixed(2)],
        ...[mib(usage.pssPeakBytes), mib(usage.pssPeakBytes / count)],
        ...[`${usage.othersPercent.toFixed(0)} %`, problems || '-'],
      ]);
    }
  }
  const head = [
    ...['streams', 'server', 'CPU of a core per stream', 'oxbow’s CPU / its', 'PSS peak, MiB'],
    ...['peak per stream, MiB', 'other programs', 'problems'],
  ];
  const about =
    `${describeMachine()}; Node ${process.version}; ${protocol.toUpperCase()} publishers of ${(media.bitrate / 1e6).toFixed(2)} Mbps, ` +
    `${options.measureS} s measured after ${options.warmUpS} s`;
  return `${about}\n\n${printTable(head, rows)}\n${slope(ours, streams)}`;
}

/** Memory of each further stream of oxbow. */
function slope(ours: ReadonlyMap<number, Sample>, streams: readonly number[]): string {
  const [least, most] = [Math.min(...streams), Math.max(...streams)];
  if (least === most) return '';
  const bytes = (ours.get(most)!.pssPeakBytes - ours.get(least)!.pssPeakBytes) / (most - least);
  return `\noxbow, each further stream from ${least} to ${most}: ${mib(bytes)} MiB PSS\n`;
}

async function measureIngest(start: StartIngest, count: number, media: BenchMedia, options: IngestOptions) {
  await using folder = await openFolder('bench-ingest');
  const { protocol } = options;
  await using server = await start(protocol, count, folder.path);
  const format = protocol === 'srt' ? 'mpegts' : 'flv';
  await using publishers = await startPublishers(media, server.urls, { folder: folder.path, format });
  const usage = await sample(server.pids, publishers.pids, options);
  const ended = publishers.ended();
  const problems = [await server.problems(), ...(ended > 0 ? [`${ended} publishers ended`] : [])];
  return { usage, problems: problems.filter((text) => text !== '').join(', ') };
}
