/**
 * A data folder with a recording, made within a second: small pieces that ffmpeg cut, imported with the times
 * of their names.
 * In: a folder, times. Out: the data folder, the pieces.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { makePieces, putUnder } from '../../fixtures/foreign/recordings.ts';
import { runOxbow } from '../../fixtures/server.ts';

/** Length of a piece, s. */
export const PIECE_S = 2;

/**
 * Imports pieces as the stream `cam` of the data folder `data`.
 *
 * @param timesMs when each piece begins, whole seconds, in ms since 1970
 * @param different number of different pieces, which are repeated
 * @returns the different pieces
 */
export async function importCamera(
  folder: string,
  timesMs: readonly number[],
  different: number,
): Promise<readonly string[]> {
  const made = await makePieces(join(folder, 'pieces'), 'ts', { seconds: different * PIECE_S, pieceS: PIECE_S });
  assert.equal(made.length, different);
  const pieces = timesMs.map((_, i) => made[i % made.length]!);
  const nameOf = (i: number) => `cam_${new Date(timesMs[i]!).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}.ts`;
  await putUnder(join(folder, 'named'), pieces, nameOf);
  const said = await runOxbow([
    ...['import', 'recordings', join(folder, 'named'), '--data', join(folder, 'data'), '--as', 'cam'],
    ...['--time-pattern', 'cam_%Y%m%dT%H%M%S', '--time-zone', 'UTC'],
  ]);
  assert.equal(said.code, 0, said.stderr);
  return made;
}

/** Whole seconds, this many ms apart, up to an instant. */
export function timesUpTo(toMs: number, count: number, everyMs: number): number[] {
  const lastMs = Math.floor(toMs / 1000) * 1000;
  return Array.from({ length: count }, (_, i) => lastMs - (count - i) * everyMs);
}
