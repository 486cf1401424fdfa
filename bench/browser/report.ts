/**
 * Prints the results of `bench player`.
 * In: results. Out: Markdown.
 */
import { describeMachine } from '../process-tree.ts';
import { printTable } from '../report.ts';
import type { Joins } from './joins.ts';
import { type Jumps, jumpTimes } from './jumps.ts';
import type { PlayerRow } from './live.ts';

/** Results of `bench player`; null if not measured. */
export interface PlayerReport {
  /** Duration of the live playlist, seconds; a click further back plays windows of the past. */
  readonly listS: number;
  /** First load without media, KB. */
  readonly firstLoadKb: number | null;
  readonly rows: readonly PlayerRow[];
  /** From the drawing of a frame to the playlist, ms: part of the latency of each row. */
  readonly encoderMs: number | null;
  readonly jumps: Jumps | null;
  readonly joins: Joins | null;
  /**
   * CPU while oxbow's page played, percent of one core: the server with its encoder, all of Chromium, other
   * programs.
   */
  readonly load: { readonly server: number; readonly chromium: number; readonly others: number } | null;
  /** Load average over a minute, before and after. */
  readonly loadAverage: readonly [number, number];
}

export function printPlayerReport(report: PlayerReport): string {
  const { rows, encoderMs, jumps, joins, load, listS, firstLoadKb, loadAverage } = report;
  const ms = (value: number) => (Number.isNaN(value) ? '' : value.toFixed(0));
  const live = rows.flatMap(({ player, playing }) =>
    playing
      ? [
          [
            ...[player, playing.seconds.toFixed(0), ms(playing.p50), ms(playing.p95), ms(playing.worst)],
            ...[`${playing.stalls}`, ms(playing.longestStall), `${playing.frames}`, `${playing.dropped}`],
          ],
        ]
      : [],
  );
  const cost = rows.flatMap(({ player, cost: pageCost }) =>
    pageCost
      ? [
          [
            player,
            ...[pageCost.mainThread, pageCost.tasks, pageCost.process, pageCost.decoding, pageCost.browser].map(
              (each) => each.toFixed(1),
            ),
          ],
        ]
      : [],
  );
  const clicks = (
    [
      ['all', () => true],
      [`within the live playlist of ${listS} s`, (agoS) => agoS < listS],
      ['windows of the past', (agoS) => agoS >= listS],
    ] as readonly [string, (agoS: number) => boolean][]
  ).map(([name, matches]) => {
    const [count, ...times] = jumps ? jumpTimes(jumps, matches) : [];
    return [name, `${count}`, ...times.map(ms)];
  });
  const liveHead = ['p50 ms', 'p95 ms', 'worst ms', 'stalls > 0.5 s', 'longest ms', 'frames', 'dropped'];
  const costHead = ['main thread', 'its tasks, wall time', 'process without decoding', 'decoding', 'all of Chromium'];
  return [
    `${describeMachine()}; load average ${loadAverage.map((average) => average.toFixed(1)).join(' before, ')} after`,
    live.length > 0 && printTable(['live', 'seconds', ...liveHead], live),
    encoderMs !== null &&
      `The encoder takes ${ms(encoderMs)} ms of it: oxbow's page is ${ms(rows[0]!.playing!.p50 - encoderMs)} ms behind the encoder at p50 (target 450).`,
    cost.length > 0 && printTable(['% of a core while live', ...costHead], cost),
    jumps && printTable(['click to the new frame', 'clicks', 'p50 ms', 'p95 ms (target 300)', 'worst ms'], clicks),
    jumps && `Blank images in a screencast of further clicks: ${jumps.blank} of ${jumps.images}.`,
    joins &&
      `Frames over two joins of windows: ${joins.seen} of ${joins.expected} seen; ${joins.unreported} more presented but not reported to the busy page; ${joins.missing.length} not presented (${joins.dropped} dropped by Chromium in total) ${joins.missing.join(' ')}`,
    firstLoadKb !== null && `First load without media: ${firstLoadKb.toFixed(0)} KB over the wire (target 350).`,
    load &&
      `CPU while the page was measured, percent of one core: oxbow with its encoder ${load.server.toFixed(1)}, Chromium ${load.chromium.toFixed(1)}, other programs ${load.others.toFixed(1)}.`,
  ]
    .filter((text) => text)
    .join('\n\n');
}
