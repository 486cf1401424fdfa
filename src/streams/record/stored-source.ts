/**
 * The recording of a stream as the source of an archive: of this process, or read from the index where
 * another node has the stream, or where it was removed.
 * In: streams, the index. Out: ExportSource.
 */
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import type { ExportSource } from '../../delivery/export/export.ts';
import { openInitTable } from '../../recording/init-table.ts';
import { RecordingReader } from '../../recording/recording-reader.ts';
import { windowOf } from '../../recording/window.ts';
import type { Store } from '../../store/db.ts';
import type { Catalog } from '../catalog.ts';
import type { StoredRecordings } from '../stream-deps.ts';

/** Dependencies of sources. */
interface SourceParts {
  readonly store: Store;
  readonly recordings: Pick<StoredRecordings, 'chunks' | 'erasures'>;
  readonly catalog: Pick<Catalog, 'find'>;
  readonly nowMs: () => number;
  /** Called if an init section cannot be stored, which reading never does. */
  readonly failed: (error: unknown) => void;
}

/**
 * The recording of a stream.
 *
 * @param of.stream its name, which another stream may have meanwhile
 *
 * @throws OxbowError `stream-unknown` if its recordings were deleted with the stream
 */
export async function openSource(
  { streamId, stream: name }: { readonly streamId: string; readonly stream: string },
  { store, recordings: { chunks, erasures }, catalog, nowMs, failed }: SourceParts,
): Promise<ExportSource> {
  const served = catalog.find(name)?.served;
  if (served?.recording.streamId === streamId) return { stream: served, chunks, end: served.timelineEnd };
  const row = await store.db
    .selectFrom('stream')
    .select(['name', 'created_us'])
    .where('id', '=', streamId)
    .executeTakeFirst();
  if (!row) throw streamUnknown(name);
  const createdUs = row.created_us;
  const endUs = (await chunks.last(streamId))?.end_us ?? 0;
  // After the end: each configuration up to there has its row by then.
  const inits = await openInitTable(store.rows, streamId, { failed, nowMs });
  const oldest = await chunks.oldest(streamId);
  const horizonUs = oldest ? windowOf(oldest.start_us) : 0;
  const recording = new RecordingReader({ streamId, chunks, endUs });
  const stream = { name: row.name, recording, inits, createdUs, horizonUs: () => horizonUs };
  const erased = erasures.of(streamId);
  return { stream, chunks, end: { createdUs, horizonUs: 0, erased, gapsSince: () => [] } };
}
