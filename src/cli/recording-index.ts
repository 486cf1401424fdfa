/**
 * Access of the command line to the index of recordings; imported on demand, so that other verbs start fast.
 * In: a data folder. Out: differences, a rebuilt index.
 */
import type { Config } from '../config/schema.ts';
import { databaseServer } from '../config/sections/store-section.ts';
import type { IndexReport, RebuildResult } from '../streams/offline/rebuild.ts';

/** Settings that say where recordings and index are. */
export type IndexSettings = Pick<Config, 'data' | 'store' | 'storage'>;

/**
 * Compares database and files without changes.
 * @throws OxbowError `data-in-use`, `data-newer`, `not-ready`
 */
export async function compareIndex(
  { data, store, storage }: IndexSettings,
  { signal }: { signal: AbortSignal },
): Promise<IndexReport> {
  const { checkIndex } = await import('../streams/offline/rebuild.ts');
  return checkIndex(data, { signal, server: databaseServer(store), storage });
}

/**
 * Compares the sums of recordings and targets with the index, without changes.
 *
 * @returns the number of those that differ; undefined for the database of several nodes
 * @throws OxbowError `data-in-use`, `data-newer`, `not-ready`
 */
export async function compareSums({ data, store }: Pick<IndexSettings, 'data' | 'store'>): Promise<number | undefined> {
  const { checkSums } = await import('../streams/offline/rebuild.ts');
  return checkSums(data, { server: databaseServer(store) });
}

/**
 * Rebuilds the index from the files and prints the result.
 * @throws OxbowError `data-in-use` while a server runs there
 */
export async function rebuild(settings: IndexSettings, how: { signal: AbortSignal }): Promise<string> {
  return sayRebuilt(await makeIndex(settings, how));
}

/**
 * Rebuilds the index from the files, with a line of progress.
 * @throws OxbowError `data-in-use` while a server runs there
 */
export async function makeIndex(
  { data, store, storage }: IndexSettings,
  { signal }: { signal: AbortSignal },
): Promise<RebuildResult> {
  const { rebuildIndex } = await import('../streams/offline/rebuild.ts');
  try {
    return await rebuildIndex(data, { signal, server: databaseServer(store), storage, progress: showProgress });
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
}

/** The result as a sentence. */
export function sayRebuilt({ files, segments, streams, repaired, unusable }: RebuildResult): string {
  const mended = repaired === 0 ? '' : `; ${repaired} files that were not closed were mended`;
  const left = unusable.length === 0 ? '' : `; without anything usable, left as they are: ${unusable.join(', ')}`;
  return `${files} files with ${segments} segments of ${streams} streams${mended}${left}`;
}

/** One line that is overwritten; only on a terminal. */
function showProgress(files: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[Krebuilding: ${files} files`);
}
