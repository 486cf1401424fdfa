/**
 * What a soak found: figures against their limits, and a table of samples.
 * In: samples of the server process. Out: summary, CSV. Pure.
 */

/** The server process at one moment. */
export interface SoakSample {
  /** Since the server was ready, seconds. */
  readonly atS: number;
  /** Resident and proportional set size of the server process, bytes; its media engines are not in it. */
  readonly rss: number;
  readonly pss: number;
  /** Resident set size of the server and all that it started, bytes. */
  readonly treeRss: number;
  /** JavaScript heaps, external memory and buffers of all threads that tell, bytes. */
  readonly heap: number;
  readonly external: number;
  readonly arrayBuffers: number;
  /** CPU of the server process so far, seconds. */
  readonly cpuS: number;
  /** Viewers that are there. */
  readonly viewers: number;
}

/** Figures of a soak. */
export interface SoakSummary {
  readonly minutes: number;
  /** RSS after the start has settled, bytes. */
  readonly peak: number;
  readonly mean: number;
  readonly last: number;
  /** How the RSS rises by a straight line through the later part, bytes an hour. */
  readonly slope: number;
  /** Of one core, percent. */
  readonly cpuPercent: number;
  /** What the RSS may be at the most, bytes. */
  readonly limit: number;
  readonly exceeded: boolean;
}

/** A start takes more for a moment, until what it leaves behind is collected, seconds. */
const STARTING_S = 30;
/** Nothing is said of the slope before caches and compiled code have settled, seconds. */
const SETTLED_S = 300;

const COLUMNS = ['atS', 'rss', 'pss', 'treeRss', 'heap', 'external', 'arrayBuffers', 'cpuS', 'viewers'] as const;

/** What the server may take: 150 MB with the sample stream alone, 12.5 MB for each pulled stream, 1.3 times as much with serving threads. */
export function memoryLimit(pulled: number, threads: number): number {
  return (150e6 + 12.5e6 * pulled) * (threads > 1 ? 1.3 : 1);
}

/**
 * Sums up.
 *
 * @param samples in order, at least one
 * @param limit of the RSS, bytes
 */
export function summarize(samples: readonly SoakSample[], limit: number): SoakSummary {
  const last = samples.at(-1)!;
  const counted = samples.filter(({ atS }) => atS >= Math.min(STARTING_S, last.atS / 2));
  const settled = counted.filter(({ atS }) => atS >= Math.min(SETTLED_S, last.atS / 2));
  const first = counted[0]!;
  const peak = Math.max(...counted.map(({ rss }) => rss));
  return {
    minutes: last.atS / 60,
    peak,
    mean: counted.reduce((sum, { rss }) => sum + rss, 0) / counted.length,
    last: last.rss,
    slope: 3600 * slopeOf(settled.map(({ atS, rss }) => [atS, rss])),
    cpuPercent: last.atS > first.atS ? (100 * (last.cpuS - first.cpuS)) / (last.atS - first.atS) : 0,
    limit,
    exceeded: peak > limit,
  };
}

/** The slope of the straight line with the least squares of errors; 0 for fewer than two points. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  let [above, below] = [0, 0];
  for (const [x, y] of points) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return below > 0 ? above / below : 0;
}

/** First line of the CSV. */
export const csvHead: string = `${COLUMNS.join(',')}\n`;

/** A line of the CSV. Seconds and bytes. */
export function csvLine(sample: SoakSample): string {
  return `${COLUMNS.map((name) => Number(sample[name].toFixed(2))).join(',')}\n`;
}

/** The summary for people. */
export function printSummary(title: string, summary: SoakSummary): string {
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const { minutes, peak, mean, last, slope, cpuPercent, limit, exceeded } = summary;
  return [
    `${title}, ${minutes.toFixed(0)} min`,
    `RSS of the server process: at most ${mb(peak)} of ${mb(limit)}, ${mb(mean)} in the mean, ${mb(last)} at the end`,
    `It rose by ${mb(slope)} an hour once it had settled; CPU ${cpuPercent.toFixed(2)} % of a core`,
    exceeded ? 'EXCEEDED' : 'within the limit',
  ].join('\n');
}
