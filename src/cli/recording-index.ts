/**
 * The door from the command line to the index of recordings; opened only when asked for, so that other verbs start fast.
 * In: a data folder. Out: findings, a rebuilt index.
 */
/** Compares database and files. @returns sentences about what does not agree; empty when all is well */
export async function compareIndex(folder: string, { signal }: { signal: AbortSignal }): Promise<readonly string[]> {
  const { checkIndex } = await import('../streams/rebuild.ts');
  return (await checkIndex(folder, { signal })).problems;
}

/** Makes the index again from the files and says what was found. @throws OxbowError `data-in-use` while a server runs there */
export async function rebuild(folder: string, { signal }: { signal: AbortSignal }): Promise<string> {
  const { rebuildIndex } = await import('../streams/rebuild.ts');
  try {
    const { files, segments, streams, repaired, unusable } = await rebuildIndex(folder, {
      signal,
      progress: showProgress,
    });
    const mended = repaired === 0 ? '' : `; ${repaired} files that were not closed were mended`;
    const left = unusable.length === 0 ? '' : `; without anything usable, left as they are: ${unusable.join(', ')}`;
    return `${files} files with ${segments} segments of ${streams} streams${mended}${left}`;
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
}

/** One line that is written over; only on a terminal. */
function showProgress(files: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[Krebuilding: ${files} files`);
}
