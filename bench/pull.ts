/**
 * `npm run bench -- pull`: recording live HLS pulls, one oxbow compared with one `ffmpeg -c copy` per stream.
 * In: options. Out: a table.
 */
import { type Durations, type Measurement, measure } from './measure.ts';
import { makeBenchMedia } from './media.ts';
import { describeMachine } from './process-tree.ts';
import { startFfmpeg, startOxbow } from './recorders.ts';
import { mib, printTable, say } from './report.ts';
import { orTiny } from './tiny.ts';

/** Options of `bench pull`. */
interface PullOptions extends Durations {
  /** Numbers of streams. */
  readonly streams: readonly number[];
  /** Without ffmpeg. */
  readonly alone: boolean;
}

/** Measures every number of streams, one recorder after the other. Returns the report. */
export async function benchPull({ streams, warmUpS, measureS, alone }: PullOptions): Promise<string> {
  say('encoding the media');
  const media = makeBenchMedia(warmUpS + measureS + orTiny(30, 16));
  // The first start fills the cache of compiled code.
  await measure(startOxbow, 1, media, { warmUpS: 2, measureS: 0 });
  const rows: string[][] = [];
  for (const count of streams) {
    const row = async (name: string, start: typeof startOxbow): Promise<Measurement> => {
      say(`${name}, ${count} streams, ${warmUpS} s + ${measureS} s`);
      const each = (percent: number | undefined) => (percent === undefined ? '-' : `${(percent / count).toFixed(3)} %`);
      const measurement = await measure(start, count, media, { warmUpS, measureS });
      rows.push([
        ...[String(count), name, each(measurement.cpuPercent), each(measurement.decodingPercent?.storyboards)],
        each(measurement.decodingPercent?.checks),
        mib(measurement.pssPeakBytes),
        ...[
          mib(measurement.pssPeakBytes / count),
          `${measurement.othersPercent.toFixed(0)} %`,
          measurement.problems || '-',
        ],
      ]);
      return measurement;
    };
    const ours = await row('oxbow', startOxbow);
    if (alone) continue;
    const theirs = await row('ffmpeg', startFfmpeg);
    const ratios = [ours.cpuPercent / theirs.cpuPercent, ours.pssPeakBytes / theirs.pssPeakBytes];
    const [cpu, pss] = ratios.map((ratio) => ratio.toFixed(2));
    rows.push([String(count), 'ratio', cpu!, '', '', pss!, '', '', '']);
  }
  const head = [
    ...['streams', 'recorder', 'CPU of a core per stream', 'of it small pictures', 'content checks'],
    'PSS peak, MiB',
    'peak per stream, MiB',
    ...['other programs', 'problems'],
  ];
  const about =
    `${describeMachine()}; Node ${process.version}; HLS pulls of ${(media.bitrate / 1e6).toFixed(2)} Mbps, 2 s segments, ` +
    `${measureS} s measured after ${warmUpS} s; ffmpeg -c copy to MPEG-TS`;
  return `${about}\n\n${printTable(head, rows)}`;
}
