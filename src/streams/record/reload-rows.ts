/**
 * Reads again what this process has in memory of the rows of a stream, before it takes the stream over from
 * another node.
 * In: the tables, the id of a stream. Out: the tables as the database is now; MSNs that the other node has
 * not announced.
 */
import type { StoredRecordings, StreamDeps } from '../stream-deps.ts';
import { readStreamName } from '../stream-table.ts';

/** What has rows of streams in memory. Horizons need nothing: only what was committed here is in them. */
type ReloadedRows = Pick<
  StoredRecordings,
  'pins' | 'kept' | 'erasures' | 'pictures' | 'msnMarks' | 'table' | 'chunks' | 'storyboards'
> & {
  readonly store: Pick<StreamDeps['store'], 'db'>;
};

/**
 * Reads pins, what else keeps media, and the picture again, forgets sums of the index, and leaves out the
 * MSNs that may have been announced and are not in the index.
 */
export async function reloadRows(rows: ReloadedRows, streamId: string): Promise<void> {
  const { pins, kept, erasures, pictures, msnMarks, table, chunks, storyboards, store } = rows;
  table.reload(streamId);
  storyboards.forget(streamId);
  const streams = [streamId];
  await Promise.all([pins.reload(streams), kept.reload(streams), erasures.reload(streams), pictures.reload(streams)]);
  const [name, last] = await Promise.all([readStreamName(store.db, streamId), chunks.last(streamId)]);
  if (name !== undefined && last) await msnMarks.raise(name, last.last_msn);
}
