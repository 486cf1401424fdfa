/**
 * Opens the recordings of a data folder without a server, for commands that read them.
 * In: a data folder. Out: recordings, including a newest file that a crash left open.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { printRfc3339 } from '../../api/instant.ts';
import type { StreamView } from '../../api/shapes.ts';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import { openRangeReader, type RangeReader } from '../../archive/range-reader.ts';
import { healedRecording } from '../../archive/recording-locations.ts';
import type { ExportSource } from '../../delivery/export/export.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import { ChunkQueries } from '../../recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../../recording/chunks/chunk-table.ts';
import { ErasureTable } from '../../recording/erase/erasure-table.ts';
import type { Evidence } from '../../recording/evidence/evidence.ts';
import { readKeys } from '../../recording/evidence/evidence-keys.ts';
import { openEvidence } from '../../recording/evidence/open-evidence.ts';
import { openInitTable } from '../../recording/init-table.ts';
import { RecordingReader } from '../../recording/recording-reader.ts';
import { recoverStream } from '../../recording/recovery.ts';
import type { RecordedTotals } from '../../recording/sums/recorded-sums.ts';
import { openStore, type Store } from '../../store/db.ts';
import { adoptRecordings, readDefinitions, readRemoved } from '../stream-table.ts';
import { DATABASE_FILE, type FolderOptions, openFolderStore } from './rebuild.ts';

/** Recovery reads files from this long before the newest indexed one, µs. */
const RECOVER_BACK_US = 2 * 3600 * 1_000_000;

/** Recordings, open for reading. Disposing unlocks the folder. */
export interface OfflineRecordings extends AsyncDisposable {
  readonly reader: RangeReader;
  /** The chains of evidence; undefined: the folder has no key. */
  readonly evidence: Evidence | undefined;
  /** All streams by name, including removed ones whose recordings are kept, with the totals of the index. */
  list(): Promise<readonly { readonly name: string; readonly recorded: StreamView['recorded'] }[]>;
  /**
   * The recording of a stream.
   *
   * @throws OxbowError `stream-unknown`
   */
  find(name: string): Promise<ExportSource>;
}

/**
 * Locks and opens the data folder. Abort ends recovery.
 *
 * @throws OxbowError `not-found` if there are no recordings, `data-in-use` while a server uses the folder
 */
export async function openOfflineRecordings(
  dataFolder: string,
  { signal, server, storage }: FolderOptions & { readonly signal: AbortSignal },
): Promise<OfflineRecordings> {
  const folder = path.resolve(dataFolder);
  const file = path.join(folder, DATABASE_FILE);
  if (server === undefined && !existsSync(file) && !existsSync(path.join(folder, 'recordings'))) {
    throw new OxbowError('not-found', `There are no recordings in ${folder}.`, {
      extra: { hint: 'Name the data folder with --data, or a running oxbow with --server URL.' },
    });
  }
  await using opened = new AsyncDisposableStack();
  const store = opened.use(await openStore({ file, server, log: createSilentLog(), signal }));
  const { segments } = opened.use(await openFolderStore(folder, store, storage));
  await adoptRecordings(store, segments, { onlyIfEmpty: true });
  const definitions = [...(await readDefinitions(store.db)), ...(await readRemoved(store.db))];
  const table = new ChunkTable(store.rows);
  const chunks = new ChunkQueries(store.rows);
  const reader = opened.use(openRangeReader(segments));
  const evidence = await openChains(folder, { store, chunks, reader });
  const owned = opened.move();
  return {
    reader,
    evidence,
    async list() {
      const sorted = [...definitions].sort((a, b) => (a.name < b.name ? -1 : 1));
      const totals = await table.allTotals();
      return sorted.map(({ id, name }) => ({ name, recorded: recordedOf(totals.of(id)) }));
    },
    async find(name) {
      const definition = definitions.find((each) => each.name === name);
      if (!definition) {
        const hint =
          definitions.length === 0
            ? 'The folder has no recordings.'
            : `Streams: ${definitions.map((each) => each.name).join(', ')}.`;
        throw streamUnknown(name, { hint });
      }
      const { id, createdUs } = definition;
      const failures: unknown[] = [];
      const inits = await openInitTable(store.rows, id, { failed: (error) => failures.push(error), nowMs: Date.now });
      const newest = await chunks.last(id);
      const since = newest ? newest.start_us - RECOVER_BACK_US : 0;
      const erased = (await ErasureTable.open(store)).of(id);
      await recoverStream({ segments, streamId: id, table, chunks, inits, erased }, since, { signal });
      if (failures.length > 0) throw failures[0];
      const endUs = (await chunks.last(id))?.end_us ?? 0;
      const found = (await table.qualitiesOf(id)).find((recordingId) => recordingId === healedRecording(id));
      const healed = found === undefined ? undefined : new RecordingReader({ streamId: found, chunks, endUs: 0 });
      const recording = new RecordingReader({ streamId: id, chunks, endUs, healed });
      const stream = { name, recording, inits, createdUs, horizonUs: () => 0 };
      return { stream, chunks, end: { createdUs, horizonUs: 0, erased, gapsSince: () => [] } };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The chains as they are: nothing is added to them. */
async function openChains(
  dataFolder: string,
  stored: { readonly store: Store; readonly chunks: ChunkQueries; readonly reader: RangeReader },
): Promise<Evidence | undefined> {
  if (!(await readKeys(dataFolder))) return undefined;
  const settings = { now: { evidence: { enabled: true, every: 60_000 } } };
  const failed = (error: unknown) => {
    throw error;
  };
  return openEvidence({ ...stored, dataFolder, clock: createSystemClock(), settings, failed });
}

function recordedOf({ fromUs, toUs, durationUs, bytes }: RecordedTotals): StreamView['recorded'] {
  return {
    from: fromUs === undefined ? null : printRfc3339(fromUs / 1000),
    to: toUs === undefined ? null : printRfc3339(toUs / 1000),
    seconds: Math.round(durationUs / 1000) / 1000,
    bytes,
  };
}
