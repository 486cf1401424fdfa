/**
 * Moves recordings into the folder of their stream in the background, while they are watched and recorded.
 * In: files that are in another folder. Out: the same files, in the folder of their stream. It has no state:
 * an interrupted move is found again.
 */
import type { FoldersSegmentStore } from '../../archive/folders/folders-segment-store.ts';
import { listQualityRecordings, recordingPrefix } from '../../archive/recording-locations.ts';
import { isMissing, type SegmentLocation, segmentPrefix } from '../../archive/segment-store.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { createPace } from '../../lib/pace.ts';
import type { ChunkQueries } from '../chunks/chunk-queries.ts';

/** Pause between two looks, ms. */
const EVERY_MS = 15_000;

interface FolderMovesOptions {
  readonly store: FoldersSegmentStore;
  readonly chunks: Pick<ChunkQueries, 'files'>;
  readonly settings: Current<{ readonly storage: { readonly moveToFolders: boolean; readonly moveRate: number } }>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Ids of all streams. */
  readonly streams: () => readonly string[];
  /** Closes all readers of a file that was moved. */
  readonly release: (location: SegmentLocation) => void;
  /** Bytes of a file were moved. */
  readonly moved: (bytes: number) => void;
  readonly failed: (error: unknown) => void;
  /** Whether no other process writes to the folders now: then unfinished files are deleted. */
  readonly isAlone: boolean;
}

/** The rate of all moves, and their end. */
interface Moving {
  readonly pace: (bytes: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Looks and moves until aborted. Never rejects. */
export async function runFolderMoves(options: FolderMovesOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const { store, settings, clock, failed } = options;
  const pace = createPace(() => settings.now.storage.moveRate, { clock, signal });
  // What a process left that was ended while it copied.
  if (options.isAlone) {
    await store.sweep(segmentPrefix('recordings'), { signal }).catch((error: unknown) => {
      if (!signal.aborted) failed(error);
    });
  }
  while (!signal.aborted) {
    if (settings.now.storage.moveToFolders) {
      await moveAll(options, { pace, signal }).catch((error: unknown) => {
        if (!signal.aborted) failed(error);
      });
    }
    await sleep(EVERY_MS, { signal }).catch(() => undefined); // rejects only on abort, which ends the loop
  }
}

/** One look at all streams. Rejects at the first failure: the next look tries again. */
async function moveAll(options: FolderMovesOptions, moving: Moving): Promise<void> {
  const { store, chunks, settings, streams } = options;
  const { signal } = moving;
  for (const streamId of streams()) {
    for (const id of [streamId, ...(await listQualityRecordings(store, streamId, { signal }))]) {
      const prefix = recordingPrefix(id);
      const { paths } = await chunks.files(id);
      for await (const location of store.strays(streamId, prefix, { signal })) {
        if (!settings.now.storage.moveToFolders) return;
        if (isOf(prefix, location) && isComplete(location, paths)) await move(options, location, moving);
      }
    }
  }
}

/** Whether a file is of that recording, and not of a quality inside it. */
function isOf(prefix: string, location: SegmentLocation): boolean {
  return /^\d{4}\//.test(location.slice(prefix.length));
}

/** A chunk file that is not in the index may still be written. */
function isComplete(location: SegmentLocation, paths: ReadonlySet<string>): boolean {
  return paths.has(location) || !location.endsWith('.mp4');
}

async function move(
  { store, release, moved }: FolderMovesOptions,
  location: SegmentLocation,
  { pace, signal }: Moving,
): Promise<void> {
  try {
    const bytes = await store.move(location, { signal, moved: pace });
    release(location);
    moved(bytes);
  } catch (error) {
    if (!isMissing(error)) throw error; // retention has deleted it
  }
}
