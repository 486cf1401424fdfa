/**
 * `npm run bench -- measured-ladder`: what a measured ladder saves, on three kinds of films: slides, a moving
 * picture, and noise that nothing predicts.
 * In: generated films, 720p25. Out: a table with the bytes of the measured ladder at equal XPSNR, as a share
 * of those of the fixed one; the targets are at most 0.75 for slides and at most 1.05 for the others.
 *
 * Both ladders are encoded and compared whole: each rung with the source, in the size of the source. Between
 * rungs the bit rate is interpolated. The cost of the measurement is for the same duration of film; it
 * samples 1.7 % of a film at most.
 */
import { compareLadders, type EncodedRung, filmKinds } from '../../src/transcode/ladder/compare.fixture.ts';
import { openFilms } from '../../src/transcode/ladder/film.fixture.ts';
import { printTable, say } from '../report.ts';

/** Options of the benchmark. */
interface MeasuredLadderOptions {
  /** Length of each film. */
  readonly seconds: number;
  readonly height: number;
  /** Kinds of films; empty: all. */
  readonly only: readonly string[];
}

const RUNGS = [360, 480, 720, 1080];

/** Compares both ladders of each film, and returns the report. */
export async function benchMeasuredLadder({ seconds, height, only }: MeasuredLadderOptions): Promise<string> {
  await using films = await openFilms();
  const width = (height * 16) / 9;
  const rows: string[][] = [];
  for (const kind of filmKinds.filter((each) => only.length === 0 || only.includes(each))) {
    say(`${kind}, ${seconds} s`);
    const rungs = RUNGS.filter((rung) => rung <= height);
    const film = { width, height, seconds, settings: { rungs: rungs.length > 0 ? rungs : [height] } };
    const { fixed, measured, share, cost } = await compareLadders(films, kind, film);
    rows.push([kind, textOf(fixed), textOf(measured), share.toFixed(2), storedShare(measured, fixed), cost.toFixed(1)]);
  }
  return printTable(
    [
      `${height}p25`,
      'fixed, kbit/s and dB',
      'measured, kbit/s and dB',
      'bytes at equal XPSNR',
      'bytes of all rungs',
      'measuring, of the encode of the same stretch',
    ],
    rows,
  );
}

function textOf(rungs: readonly EncodedRung[]): string {
  return rungs
    .map(({ name, bitRate, xpsnr }) => `${name}: ${Math.round(bitRate / 1000)}, ${xpsnr.toFixed(1)}`)
    .join('; ');
}

function storedShare(ladder: readonly EncodedRung[], other: readonly EncodedRung[]): string {
  const sum = (rungs: readonly EncodedRung[]) => rungs.reduce((total, { bitRate }) => total + bitRate, 0);
  return (sum(ladder) / sum(other)).toFixed(2);
}
