/**
 * `npm run bench -- pull`: recording live HLS pulls, one oxbow beside one `ffmpeg -c copy` for each stream.
 * In: flags. Out: a table in Markdown, and JSON. Prints; asserts nothing.
 */

import { type Measurement, measure, untilQuiet } from './measure.ts';
import { makeBenchMedia } from './media.ts';
import { cores, describeMachine } from './process-tree.ts';
import { ffmpeg, oxbow, type StartRecorders } from './recorders.ts';
import { printTable } from './table.ts';

/** What to compare. */
export interface PullOptions {
  /** Numbers of streams. */
  readonly streams: readonly number[];
  readonly warmUpS: number;
  readonly measureS: number;
  /** A measurement in which others used more than this share of the machine is made again, percent. */
  readonly disturbedPercent: number;
  /** Longest wait for a quiet machine before each measurement, seconds. */
  readonly patienceS: number;
  /** Most measurements of one case. */
  readonly tries: number;
  /** Leaves ffmpeg out. */
  readonly alone: boolean;
}

/** One number of streams, both recorders. */
export interface PullRow {
  readonly oxbow: Measurement;
  readonly ffmpeg: Measurement | undefined;
}

/** What the comparison found. */
export interface PullReport {
  readonly bench: 'pull';
  readonly machine: string;
  readonly node: string;
  readonly bitrate: number;
  readonly rows: readonly PullRow[];
}

/** Measures every number of streams, one recorder after the other. */
export async function benchPull(options: PullOptions, say: (text: string) => void): Promise<PullReport> {
  const { warmUpS, measureS, streams, alone } = options;
  say('making the media');
  const media = makeBenchMedia(warmUpS + measureS + 30);
  // The first start of all fills the cache of compiled code.
  await measure(oxbow(), 0, media, { warmUpS: 2, measureS: 0 });
  const rows: PullRow[] = [];
  for (const count of streams) {
    const one = async (name: string, start: StartRecorders): Promise<Measurement> => {
      let best: Measurement | undefined;
      for (let attempt = 0; attempt < options.tries; attempt++) {
        await untilQuiet(options.disturbedPercent, options.patienceS);
        say(`${name}, ${count} streams, ${warmUpS} s + ${measureS} s`);
        const seen = await measure(start, count, media, { warmUpS, measureS });
        if (!best || seen.othersPercent < best.othersPercent) best = seen;
        if (best.othersPercent <= options.disturbedPercent) break;
        say(`others used ${seen.othersPercent.toFixed(0)} % of ${cores} cores`);
      }
      return best!;
    };
    rows.push({
      oxbow: await one('oxbow', oxbow()),
      ffmpeg: alone || count === 0 ? undefined : await one('ffmpeg', ffmpeg()),
    });
  }
  const { bitrate } = media;
  return { bench: 'pull', machine: describeMachine(), node: process.version, bitrate, rows };
}

const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

/** The report for people. */
export function printPullReport({ machine, node, bitrate, rows }: PullReport): string {
  const idle = rows.find(({ oxbow: { streams } }) => streams === 0)?.oxbow.pssPeakBytes ?? 0;
  const line = (name: string, seen: Measurement): string[] => [
    String(seen.streams),
    name,
    `${seen.cpuPercentPerStream.toFixed(3)} %`,
    mib(seen.pssPeakBytes),
    mib(seen.pssMeanBytes),
    seen.streams === 0 ? '-' : mib((seen.pssPeakBytes - (name === 'oxbow' ? idle : 0)) / seen.streams),
    seen.streams === 0 ? '-' : `${(100 * seen.recordedShare).toFixed(0)} %`,
    `${seen.othersPercent.toFixed(0)} %`,
    seen.complaints || '-',
  ];
  const ratio = ({ oxbow: ours, ffmpeg: theirs }: PullRow): string[] => [
    String(ours.streams),
    '**ratio**',
    `**${(ours.cpuS / ours.measuredS / (theirs!.cpuS / theirs!.measuredS)).toFixed(2)}**`,
    `**${(ours.pssPeakBytes / theirs!.pssPeakBytes).toFixed(2)}**`,
    `**${(ours.pssMeanBytes / theirs!.pssMeanBytes).toFixed(2)}**`,
    ...['', '', '', ''],
  ];
  const body = rows.flatMap((row) => [
    line('oxbow', row.oxbow),
    ...(row.ffmpeg ? [line('ffmpeg', row.ffmpeg), ratio(row)] : []),
  ]);
  const head = [
    'streams',
    'recorder',
    'CPU of a core per stream',
    'PSS peak, MiB',
    'PSS mean, MiB',
    idle > 0 ? 'per stream, idle taken off, MiB' : 'peak per stream, MiB',
    'recorded',
    'others used',
    'complaints',
  ];
  const seconds = Math.round(rows[0]?.oxbow.measuredS ?? 0);
  return (
    `${machine}; Node ${node}; HLS pulls of ${(bitrate / 1e6).toFixed(2)} Mbps, 2 s segments, ` +
    `${seconds} s measured after warm-up; ffmpeg -c copy to ts\n\n${printTable(head, body)}`
  );
}
