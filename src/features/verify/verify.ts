/**
 * Reads every stored file and compares it with the index: sizes, seals, the checksum of every segment; rows
 * without files, files without rows. It changes nothing; the caller handles the findings.
 * In: rows in order, files, a place to begin. Out: findings, and the place after each file.
 * docs/decisions/0063.
 */
import { createHash } from 'node:crypto';
import { originalLocation } from '../../archive/asset-locations.ts';
import { type CheckedChunk, checkChunk } from '../../archive/integrity/check-chunk.ts';
import { listChunks, recordingOf } from '../../archive/recording-locations.ts';
import { isMissing, type SegmentLocation, type SegmentStore } from '../../archive/segment-store.ts';
import { reasonOf } from '../../lib/errors.ts';
import type { ChunkRow } from '../../recording/chunks/chunk-table.ts';
import { expectedOf, expectedOfChunk, isGivenUp } from './damage.ts';
import type { AssetChunkRow, OriginalRow, VerifiedFiles, VerifyPlace } from './verified-files.ts';

/** Bytes of one read of an original. */
const READ_BYTES = 256 * 1024;

/** A problem of a file. */
export interface Finding {
  /** Relative to the data folder. */
  readonly file: string;
  /** `orphan`: no row of the index has it; `unreadable`: the system reports an error. `stale`: its row. */
  readonly problem: 'damaged' | 'missing' | 'orphan' | 'unreadable' | 'stale';
  /** Id of its stream or asset. */
  readonly owner: string;
  readonly of: 'recording' | 'asset';
  /** In a sentence without its end. */
  readonly detail: string;
  /** Number of damaged segments, where it is known. */
  readonly segments: number;
}

/** Reads the files of this process. */
export interface VerifyTools {
  readonly files: VerifiedFiles;
  /** Only the files of the data folder. */
  readonly store: Pick<SegmentStore, 'read' | 'size' | 'list' | 'release'>;
  /** Other nodes of a cluster have files too: a file that is not in this folder is not missing. */
  readonly isShared: boolean;
  /** Resolves when this many bytes may be read. */
  readonly pace: (bytes: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** The callbacks of a verification. */
interface VerifyReport {
  /** A file of a recording was read; may be intact. */
  chunk(row: ChunkRow, checked: CheckedChunk): Promise<void>;
  /** Something is wrong with another file, or with one that cannot be read. */
  found(finding: Finding): Promise<void>;
  /** Everything up to a place was read: one more file with this many bytes. */
  reached(place: VerifyPlace, bytes: number): void;
}

/**
 * Reads the files after a place, to the end.
 *
 * @throws the reason of the signal; errors of the database
 */
export async function verifyFiles(tools: VerifyTools, from: VerifyPlace, report: VerifyReport): Promise<void> {
  const { files, signal } = tools;
  if (from.kind === 'recording') {
    // Within a recording first, then the ones after it.
    let id: string | undefined = from.id === '' ? await files.recordingAfter('') : from.id;
    let msn = from.msn;
    while (id !== undefined) {
      signal.throwIfAborted();
      await verifyRecording(tools, id, msn, report);
      id = await files.recordingAfter(id);
      msn = -1;
    }
  }
  if (!files.hasLibrary) return;
  if (from.kind !== 'original') await verifyAssetChunks(tools, from.kind === 'chunk' ? from : START_OF_CHUNKS, report);
  await verifyOriginals(tools, from.kind === 'original' ? from.id : '', report);
}

const START_OF_CHUNKS: VerifyPlace = { kind: 'chunk', id: '', rendition: '', msn: -1 };

async function verifyRecording(tools: VerifyTools, id: string, afterMsn: number, report: VerifyReport): Promise<void> {
  const { files, signal } = tools;
  for (let rows = await files.chunksAfter(id, afterMsn); rows.length > 0; ) {
    const moved = await files.movedAway(rows.map(({ path }) => path));
    for (const row of rows) {
      signal.throwIfAborted();
      if (!moved.has(row.path)) await verifyChunk(tools, row, report);
      report.reached({ kind: 'recording', id, rendition: '', msn: row.first_msn }, row.size);
    }
    rows = await files.chunksAfter(id, rows.at(-1)!.first_msn);
  }
  for (const orphan of await findOrphans(tools, id)) await report.found(orphan);
}

async function verifyChunk(tools: VerifyTools, row: ChunkRow, report: VerifyReport): Promise<void> {
  const owner = { file: row.path, of: 'recording', owner: row.stream_id } as const;
  try {
    const checked = await checkChunk(tools.store, expectedOfChunk(row, tools.files), tools);
    if (checked.state === 'missing') {
      if (tools.isShared || isGivenUp(row)) return;
      // Retention deletes rows first: was it in time?
      if (!(await tools.files.chunk(row.stream_id, row.first_msn))) return;
      if ((await tools.files.movedAway([row.path])).size > 0) return;
    }
    await report.chunk(row, checked);
  } catch (error) {
    tools.signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    await report.found({ ...owner, problem: 'unreadable', detail: reasonOf(error), segments: row.segment_count });
  }
}

/** The finding of a checked file; undefined if it is intact. */
export function findingOf(
  owner: Pick<Finding, 'of' | 'owner'> & { readonly file: string },
  { state, problems, damaged }: CheckedChunk,
): Finding | undefined {
  if (state === 'intact') return undefined;
  return { ...owner, problem: state, detail: problems.join('; '), segments: damaged.size };
}

/**
 * Files of a recording that no row has: neither the newest, which may be open, nor what retention is
 * deleting.
 */
async function findOrphans({ files, store, signal }: VerifyTools, id: string): Promise<Finding[]> {
  const chunks = await listChunks(store, id, { signal });
  const { paths, newestMsn, deletedBeforeUs } = await files.indexed(id);
  return chunks
    .filter(({ location, firstMsn, startMs }) => {
      return !paths.has(location) && firstMsn < newestMsn && startMs * 1000 >= deletedBeforeUs;
    })
    .map(({ location }) => orphanOf(location, id));
}

function orphanOf(file: SegmentLocation, id: string): Finding {
  const owner = recordingOf(id).streamId;
  return { file, of: 'recording', owner, problem: 'orphan', detail: 'no row of the index has it', segments: 0 };
}

async function verifyAssetChunks(tools: VerifyTools, from: VerifyPlace, report: VerifyReport): Promise<void> {
  const { files, signal } = tools;
  for (let place = from, rows = await files.assetChunksAfter(place); rows.length > 0; ) {
    const moved = await files.movedAway(rows.map(({ path }) => path));
    for (const row of rows) {
      signal.throwIfAborted();
      const finding = moved.has(row.path) ? undefined : await checkAssetChunk(tools, row);
      if (finding) await report.found(finding);
      place = { kind: 'chunk', id: row.asset_id, rendition: row.rendition, msn: row.first_msn };
      report.reached(place, row.size);
    }
    rows = await files.assetChunksAfter(place);
  }
}

/** Checks a chunk file of an asset. Undefined: it is intact, or was deleted meanwhile. */
export async function checkAssetChunk(
  tools: Omit<VerifyTools, 'store'> & { readonly store: Pick<SegmentStore, 'read' | 'size' | 'release'> },
  row: AssetChunkRow,
): Promise<Finding | undefined> {
  const owner = { file: row.path, of: 'asset', owner: row.asset_id } as const;
  try {
    const finding = findingOf(owner, await checkChunk(tools.store, expectedOf(row), tools));
    if (finding?.problem !== 'missing') return finding;
    const isKept = !tools.isShared && (await tools.files.assetChunk(row.asset_id, row.path)) !== undefined;
    return isKept ? finding : undefined;
  } catch (error) {
    return unreadable(owner, error, tools.signal);
  }
}

async function verifyOriginals(tools: VerifyTools, afterId: string, report: VerifyReport): Promise<void> {
  const { files, signal } = tools;
  for (let last = afterId, rows = await files.originalsAfter(last); rows.length > 0; ) {
    const moved = await files.movedAway(rows.map(({ id }) => originalLocation(id)));
    for (const row of rows) {
      signal.throwIfAborted();
      const finding = moved.has(originalLocation(row.id)) ? undefined : await checkOriginal(tools, row);
      if (finding) await report.found(finding);
      last = row.id;
      report.reached({ kind: 'original', id: last, rendition: '', msn: -1 }, row.bytes);
    }
    rows = await files.originalsAfter(last);
  }
}

/** Checks the file of an asset as it was uploaded. Undefined: it is intact, or was deleted meanwhile. */
async function checkOriginal(
  tools: VerifyTools,
  { id, bytes: size, sha256 }: OriginalRow,
): Promise<Finding | undefined> {
  const { store, pace, signal, isShared, files } = tools;
  const location = originalLocation(id);
  const owner = { file: location, of: 'asset', owner: id, segments: 0 } as const;
  store.release(location);
  try {
    const length = await store.size(location, { signal });
    if (length !== size) return { ...owner, problem: 'damaged', detail: `it has ${length} bytes instead of ${size}` };
    const hash = createHash('sha256');
    for (let offset = 0; offset < size; offset += READ_BYTES) {
      await pace(READ_BYTES);
      hash.update(await store.read(location, { offset, length: Math.min(READ_BYTES, size - offset) }, { signal }));
    }
    if (hash.digest('hex') === sha256) return undefined;
    return { ...owner, problem: 'damaged', detail: 'its SHA-256 is another' };
  } catch (error) {
    if (!isMissing(error)) return unreadable(owner, error, signal);
    const isKept = !isShared && (await files.original(id)) !== undefined;
    return isKept ? { ...owner, problem: 'missing', detail: 'it is missing' } : undefined;
  }
}

/** @throws the error unless it is one of the system about this file */
function unreadable(owner: Pick<Finding, 'file' | 'of' | 'owner'>, error: unknown, signal: AbortSignal): Finding {
  signal.throwIfAborted();
  if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  return { ...owner, problem: 'unreadable', detail: reasonOf(error), segments: 0 };
}
