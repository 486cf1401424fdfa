/**
 * Media that a process recorded and did not sign before it crashed: it is read from the disk.
 * In: a range of a recording. Out: groups with their bytes. docs/5-record/evidence.md, "After a crash".
 */
import { FormatError } from '@oxbow/media/errors';
import { parseInit } from '@oxbow/media/isobmff/init';
import type { Init } from '@oxbow/media/segment';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { StreamRows } from '../../store/shards/stream-rows.ts';
import type { ChunkQueries } from '../chunks/chunk-queries.ts';
import { RecordingReader } from '../recording-reader.ts';
import type { HashedGroup } from './stream-chain.ts';

/** Most groups that are read: ten minutes of two seconds each. Earlier ones stay without a record. */
const MAX_GROUPS = 300;

/** What reading needs. */
interface UnhashedParts {
  readonly rows: StreamRows;
  readonly chunks: ChunkQueries;
  readonly reader: Pick<RangeReader, 'read'>;
}

/**
 * The groups of a stream that start in [fromUs, untilUs), without those that are damaged.
 *
 * @throws what reading the index does
 */
export async function readUnhashed(
  { rows, chunks, reader }: UnhashedParts,
  streamId: string,
  fromUs: number,
  untilUs: number,
): Promise<HashedGroup[]> {
  const recording = new RecordingReader({ streamId, chunks, endUs: 0 });
  const found = (await recording.between(fromUs, untilUs)).filter(({ startUs }) => startUs >= fromUs);
  const inits = new Map<number, Pick<Init, 'number' | 'tracks'> | undefined>();
  const groups: HashedGroup[] = [];
  for (const group of found.slice(-MAX_GROUPS)) {
    const { initNumber, location, startUs, msn, durationUs, gaps, run } = group;
    if (!inits.has(initNumber)) inits.set(initNumber, await readInit(rows, streamId, initNumber));
    const init = inits.get(initNumber);
    if (!init || startUs >= untilUs) continue;
    try {
      const tracks: HashedGroup['tracks'][number][] = [];
      for (const track of group.tracks) {
        const { trackId, tfdt, samples, crc, offset, length } = track;
        const bytes = await readIntact(reader, { location: track.location ?? location, offset, length, crc });
        tracks.push({ trackId, tfdt, samples, bytes });
      }
      groups.push({ msn, startUs, durationUs, gaps, run, init, tracks });
    } catch (error) {
      const isUnreadable =
        error instanceof FormatError || (error instanceof OxbowError && error.code === 'media-damaged');
      if (!isUnreadable) throw error;
    }
  }
  return groups;
}

async function readInit(rows: StreamRows, streamId: string, number: number) {
  const row = await rows.read(streamId, (db) =>
    db
      .selectFrom('init')
      .select('bytes')
      .where('stream_id', '=', streamId)
      .where('number', '=', number)
      .executeTakeFirst(),
  );
  return row && { number, tracks: parseInit(row.bytes) };
}
