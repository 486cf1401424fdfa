/**
 * Reads the recorded media next to a gap, for sources that compare it with theirs.
 * In: a recording, a gap. Out: GapSurroundings.
 */
import type { RangeReader } from '../../archive/range-reader.ts';
import type { InitTable } from '../../recording/init-table.ts';
import { readGroup } from '../../recording/read-group.ts';
import type { RecordingReader } from '../../recording/recording-reader.ts';
import type { GapSurroundings } from './source.ts';

/** How much media before and after a gap is offered, µs. */
const AROUND_US = 30_000_000;
/** The start of a segment may be this much before the end of the gap, because clocks are rounded; µs. */
const ROUNDED_US = 100_000;

/** A recording, and what reads its files. */
interface SurroundingsOf {
  readonly stream: GapSurroundings['stream'];
  readonly recording: Pick<RecordingReader, 'between'>;
  readonly inits: Pick<InitTable, 'get'>;
  readonly reader: Pick<RangeReader, 'read' | 'damaged'>;
}

/** @param fromUs start of the gap, µs since 1970 @param toUs its end */
export async function readSurroundings(
  { stream, recording, inits, reader }: SurroundingsOf,
  fromUs: number,
  toUs: number,
): Promise<GapSurroundings> {
  const before = await recording.between(fromUs - AROUND_US, fromUs);
  const after = await recording.between(toUs, toUs + AROUND_US);
  return {
    stream,
    before: before.filter(({ startUs }) => startUs < fromUs),
    after: after.filter(({ startUs }) => startUs >= toUs - ROUNDED_US),
    read: (group, { signal }) => readGroup(group, inits, reader, signal),
  };
}
