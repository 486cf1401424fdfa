/**
 * Prints what the benchmark of the player found.
 * In: its report. Out: Markdown.
 */

import { printTable } from '../table.ts';
import { type Jumps, jumpTimes } from './jumps.ts';

/** The report for people. */
export function printPlayerReport(report: PlayerReport): string {
  const { rows, jumps, joins, load, listS, firstLoadKb } = report;
  const ms = (value: number) => (Number.isNaN(value) ? '' : value.toFixed(0));
  const percent = (value: number) => value.toFixed(1);
  const live = printTable(
    ['live', 'seconds', 'p50 ms', 'p95 ms', 'worst ms', 'stood > 0.5 s', 'longest ms', 'pictures', 'left out'],
    rows.flatMap(({ player, playing }) =>
      playing
        ? [
            [
              ...[player, playing.seconds.toFixed(0), ms(playing.p50), ms(playing.p95), ms(playing.worst)],
              ...[`${playing.stalls}`, ms(playing.longestStall), `${playing.pictures}`, `${playing.dropped}`],
            ],
          ]
        : [],
    ),
  );
  const cost = printTable(
    [
      '% of a core while live',
      'main thread',
      'its tasks by the clock',
      'process without decoding',
      'decoding',
      'all of Chromium',
    ],
    rows.flatMap(({ player, cost: one }) =>
      one
        ? [
            [
              ...[player, percent(one.mainThread), percent(one.tasks), percent(one.process), percent(one.decoding)],
              percent(one.browser),
            ],
          ]
        : [],
    ),
  );
  return [
    `${report.machine}; load average ${report.loadAverage.map((one) => one.toFixed(1)).join(' before, ')} after`,
    ...(rows.some(({ playing }) => playing) ? [live] : []),
    ...(rows.some((row) => row.cost) ? [cost] : []),
    ...(jumps ? printJumps(jumps, listS) : []),
    ...(joins
      ? [
          `Pictures over two joins of windows: ${joins.seen} of ${joins.wished} seen; ${joins.untold} more were presented while the page was too busy to be told, ${joins.missing.length} were not (${joins.dropped} left out by Chromium all in all)${joins.missing.length > 0 ? `: ${joins.missing.join(' ')}` : ''}.`,
        ]
      : []),
    ...(firstLoadKb === null
      ? []
      : [`First load without media: ${firstLoadKb.toFixed(0)} KB over the wire (aim 350).`]),
    ...(load
      ? [
          `While the page was measured, of one core: oxbow with its encoder ${percent(load.server)} %, Chromium ${percent(load.chromium)} %, everybody else ${percent(load.others)} %.`,
        ]
      : []),
  ].join('\n\n');
}

function printJumps(jumps: Jumps, listS: number): string[] {
  const where: readonly [string, (behindS: number) => boolean][] = [
    ['all', () => true],
    [`within ${listS} s: in the live list`, (behindS) => behindS < listS],
    ['further: windows of the past', (behindS) => behindS >= listS],
  ];
  const clicks = printTable(
    ['click on the bar to the new picture', 'clicks', 'p50 ms', 'p95 ms (aim 300)', 'worst ms'],
    where.map(([name, wish]) => {
      const [count, ...times] = jumpTimes(jumps, wish);
      return [name, `${count}`, ...times.map((value) => (Number.isNaN(value) ? '' : value.toFixed(0)))];
    }),
  );
  return [clicks, `Blank images of a film of further clicks: ${jumps.blank} of ${jumps.images}.`];
}

/** What the benchmark found. */
export interface PlayerReport {
  readonly bench: 'player';
  readonly machine: string;
  /** What the live list shows, seconds; a click further back plays windows. */
  readonly listS: number;
  readonly firstLoadKb: number | null;
  readonly rows: readonly PlayerRow[];
  readonly jumps: Jumps | null;
  readonly joins: Joins | null;
  /** Percent of one core while oxbow's page played: the server with its encoder, all of Chromium, everybody else. */
  readonly load: { readonly server: number; readonly chromium: number; readonly others: number } | null;
  /** Mean number of waiting programs over a minute, before and after. */
  readonly loadAverage: readonly [number, number];
}
