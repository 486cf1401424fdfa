/**
 * Summary and CSV of a soak.
 * In: samples of the server process. Out: figures with their limit, text. Pure.
 */

/** The server process at one moment. */
export interface SoakSample {
  /** Seconds since the server was ready. */
  readonly atS: number;
  /** Resident and proportional set size of the server process, without its media engines, bytes. */
  readonly rss: number;
  readonly pss: number;
  /** Resident and proportional set size of the server and all its descendants, bytes. */
  readonly treeRss: number;
  readonly treePss: number;
  /** JavaScript heaps, external memory and buffers of all threads that report them, bytes. */
  readonly heap: number;
  readonly external: number;
  readonly arrayBuffers: number;
  /** Resident bytes of the heap of the C library. */
  readonly libraryHeap: number;
  /** CPU of the server process so far, seconds. */
  readonly cpuS: number;
  /** Current viewers. */
  readonly viewers: number;
}

/** Figures of a soak. */
interface SoakSummary {
  readonly minutes: number;
  /** RSS after the start has settled, bytes. */
  readonly peak: number;
  readonly mean: number;
  readonly last: number;
  /** Means of the server and all its descendants in the last minute, bytes. */
  readonly tree: { readonly rss: number; readonly pss: number };
  /** Trend of the RSS once it has settled, bytes per hour. */
  readonly slope: number;
  /** Of one core, percent. */
  readonly cpuPercent: number;
  /** Largest allowed RSS, bytes. */
  readonly limit: number;
  readonly exceeded: boolean;
}

/** Samples of the start do not count: its garbage is not collected yet, seconds. */
const STARTING_S = 30;
/** The trend starts when caches and compiled code have settled, seconds. */
const SETTLED_S = 300;

const COLUMNS = [
  'atS',
  'rss',
  'pss',
  'treeRss',
  'treePss',
  'heap',
  'external',
  'arrayBuffers',
  'libraryHeap',
  'cpuS',
  'viewers',
] as const;

/**
 * Limit of the server, bytes: 150 MB with the sample stream only, 12.5 MB more per pulled stream, times 1.3
 * with serving threads.
 */
export function memoryLimit(pulled: number, threads: number): number {
  return (150e6 + 12.5e6 * pulled) * (threads > 1 ? 1.3 : 1);
}

/** Summarizes samples in order, at least one. @param limit largest allowed RSS, bytes */
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
    tree: meansOf(samples, last.atS, (sample) => ({ rss: sample.treeRss, pss: sample.treePss })),
    slope: 3600 * slopeOf(settled.map(({ atS, rss }) => [atS, rss])),
    cpuPercent: last.atS > first.atS ? (100 * (last.cpuS - first.cpuS)) / (last.atS - first.atS) : 0,
    limit,
    exceeded: peak > limit,
  };
}

/** Slope of the least-squares line; 0 for fewer than two points. */
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

export function printSummary(title: string, summary: SoakSummary): string {
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const { minutes, peak, mean, last, tree, slope, cpuPercent, limit, exceeded } = summary;
  return [
    `${title}, ${minutes.toFixed(0)} min`,
    `RSS of the server process: at most ${mb(peak)} of ${mb(limit)}, ${mb(mean)} in the mean, ${mb(last)} at the end`,
    `With its media engines, mean of the last minute: RSS ${mb(tree.rss)}, PSS ${mb(tree.pss)}`,
    `Trend once it had settled: ${mb(slope)} per hour; CPU ${cpuPercent.toFixed(2)} % of a core`,
    exceeded ? 'EXCEEDED' : 'within the limit',
  ].join('\n');
}

/** The last minute of a while is compared: by then memory has settled, seconds. */
const COMPARED_S = 60;

/**
 * Prints memory after a load, compared with memory before it.
 * @param load.quiet minutes without viewers at the end
 */
export function printAfterLoad(
  samples: readonly SoakSample[],
  { restS, quiet }: { readonly restS: number; readonly quiet: number },
): string {
  const endS = samples.at(-1)!.atS;
  const [before, after] = [restS, endS].map((untilS) =>
    meansOf(samples, untilS, ({ rss, heap, arrayBuffers, libraryHeap }) => ({ rss, heap, arrayBuffers, libraryHeap })),
  );
  const compare = (name: keyof NonNullable<typeof before>) =>
    `${(before![name] / 1e6).toFixed(1)} MB at rest, ${(after![name] / 1e6).toFixed(1)} MB ${quiet} min after the load (${(after![name] / before![name]).toFixed(2)} times)`;
  return [
    `RSS: ${compare('rss')}`,
    `JavaScript heaps: ${compare('heap')}`,
    `Buffers: ${compare('arrayBuffers')}`,
    `Heap of the C library: ${compare('libraryHeap')}`,
  ].join('\n');
}

/** Means of a minute. */
function meansOf<Name extends string>(
  samples: readonly SoakSample[],
  untilS: number,
  figures: (sample: SoakSample) => Record<Name, number>,
): Record<Name, number> {
  const counted = samples.filter(({ atS }) => atS > untilS - COMPARED_S && atS <= untilS).map(figures);
  const names = Object.keys(counted[0]!) as Name[];
  const mean = (name: Name) => counted.reduce((sum, each) => sum + each[name], 0) / counted.length;
  return Object.fromEntries(names.map((name) => [name, mean(name)])) as Record<Name, number>;
}
