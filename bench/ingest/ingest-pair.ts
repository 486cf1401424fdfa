/**
 * `npm run bench -- ingest --against PROGRAM`: publishers over RTMP or SRT to this tree, to another one and
 * to one ffmpeg per stream at the same time, so that all meet the same load of other programs.
 * In: the launcher of the other tree. Out: a table of the CPU, by kinds of threads.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder } from '../../test/fixtures/server.ts';
import type { Durations } from '../measure.ts';
import { makeBenchMedia } from '../media.ts';
import { cores, describeMachine, machineCpuS } from '../process-tree.ts';
import { launcher } from '../recorders.ts';
import { mib, printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';
import { startPublishers } from './publishers.ts';
import { KINDS, ThreadCpu } from './pull-pair.ts';
import { type IngestServer, type Protocol, startFfmpegIngest, startOxbowIngestOf } from './servers.ts';

/** Options of `bench ingest --against`. */
interface IngestPairOptions extends Durations {
  readonly protocol: Protocol;
  /** Bitrate of the video, kbit/s. */
  readonly kbps: number;
  readonly streams: number;
  /** Absolute path of the other tree's launcher. */
  readonly against: string;
  /** Without ffmpeg. */
  readonly alone: boolean;
}

/** Seconds of encoded media; publishers repeat them. */
const MEDIA_S = orTiny(60, 20);

/** Measures both trees, and ffmpeg, once. Returns the report. */
export async function benchIngestPair(options: IngestPairOptions): Promise<string> {
  const { protocol, kbps, streams, against, alone, warmUpS, measureS } = options;
  say('encoding the media');
  const media = makeBenchMedia(MEDIA_S, kbps);
  await using folder = await openFolder('bench-ingest-pair');
  await using stack = new AsyncDisposableStack();
  const starts: readonly (readonly [string, (path: string) => Promise<IngestServer>])[] = [
    ['other tree', (path) => startOxbowIngestOf(against, protocol, streams, path)],
    ['this tree', (path) => startOxbowIngestOf(launcher, protocol, streams, path)],
    ...(alone ? [] : [['ffmpeg', (path: string) => startFfmpegIngest(protocol, streams, path)] as const]),
  ];
  const servers: { readonly name: string; readonly server: IngestServer; readonly cpu: readonly ThreadCpu[] }[] = [];
  for (const [name, start] of starts) {
    const path = join(folder.path, String(servers.length));
    await mkdir(path);
    const server = stack.use(await start(path));
    servers.push({ name, server, cpu: server.pids.map((pid) => new ThreadCpu(pid)) });
  }
  const urls = servers.flatMap(({ server }) => server.urls);
  const format = protocol === 'srt' ? 'mpegts' : 'flv';
  const publishers = stack.use(await startPublishers(media, urls, { folder: folder.path, format }));
  say(`${streams} streams, ${warmUpS} s + ${measureS} s`);
  await pause(1000 * warmUpS);
  const read = () => servers.map(({ cpu }) => cpu.map((each) => each.read()));
  const [fromS, machineS] = [performance.now() / 1000, machineCpuS()];
  const from = read();
  await pause(1000 * measureS);
  const to = read();
  const tookS = performance.now() / 1000 - fromS;
  const percent = (100 * (machineCpuS() - machineS)) / tookS / cores;
  const sums = servers.map((_, k) =>
    [0, ...KINDS.map(() => 0)].map((_, kind) =>
      to[k]!.reduce((sum, each, program) => sum + each[kind]! - from[k]![program]![kind]!, 0),
    ),
  );
  const rows: string[][] = [];
  for (const [k, { name, server, cpu }] of servers.entries()) {
    const shares = sums[k]!.map((s) => ((100 * s) / tookS / streams).toFixed(3));
    const ratio = alone ? '' : (sums[k]![0]! / sums[2]![0]!).toFixed(2);
    const pss = cpu.reduce((sum, each) => sum + each.pss, 0);
    const kinds = name === 'ffmpeg' ? KINDS.map(() => '') : shares.slice(1);
    rows.push([name, shares[0]!, ratio, ...kinds, mib(pss), await server.problems()]);
  }
  const ended = publishers.ended();
  const about =
    `${describeMachine()}, ${percent.toFixed(0)} % of it in use; ${streams} ${protocol.toUpperCase()} publishers of ` +
    `${(media.bitrate / 1e6).toFixed(2)} Mbps to each; ${launcher} beside ${against}; % of a core for each stream` +
    (ended > 0 ? `; ${ended} publishers ended` : '');
  return `${about}\n\n${printTable(['', 'all', 'of ffmpeg', ...KINDS, 'PSS, MiB', 'problems'], rows)}`;
}
