/**
 * The doctor's look at sealed hours of viewing, and at passwords that were not sealed.
 * In: settings, the data folder. Out: findings: whether the files are there, and what answers questions about
 * them; copies of the database with passwords in clear.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { messageOf } from '../../lib/errors.ts';
import { type Finding, ok, warning } from './finding.ts';

const NAME = 'sealed viewing';
/** Longest look, ms. */
const LOOK_MS = 15_000;

/**
 * Compares the list with the files, and starts what reads them.
 *
 * @returns undefined where nothing is sealed
 */
export async function checkSealed(
  { data, insight }: Pick<Config, 'data' | 'insight'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<Finding | undefined> {
  const [{ findMissingFiles, SEALED_FOLDER }, { ParquetPlace }] = await Promise.all([
    import('../../store/sealed-files.ts'),
    import('../../features/insight/sealed/parquet-place.ts'),
  ]);
  const folder = join(data, SEALED_FOLDER);
  if (insight.seal !== 'parquet') return undefined;
  const { duckdb } = insight;
  try {
    const { listed = 0, missing = 0 } = findMissingFiles(data) ?? {};
    if (missing > 0)
      return warning(
        NAME,
        `${missing} of ${listed} files in ${folder} are missing: questions about their hours fail`,
        'Restore the folder from a backup.',
      );
    if (!existsSync(folder)) return undefined;
    await using place = new ParquetPlace({ folder, duckdb, memoryMb: 128, threads: 1 });
    const answers = await place.check({ signal: AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]) });
    const text = `${listed} files; ${answers}`;
    const isExpected = duckdb !== '' && !answers.startsWith('DuckDB');
    return isExpected ? warning(NAME, text, `Run npm install @duckdb/node-api in ${duckdb}.`) : ok(NAME, text);
  } catch (error) {
    signal.throwIfAborted();
    return warning(NAME, messageOf(error), 'Check the rights of the folder, and children.* of the settings.');
  }
}

/** Looks for copies of before addresses were sealed; undefined if there is none. */
export async function checkClearCopies({ data }: Pick<Config, 'data'>): Promise<Finding | undefined> {
  const { findClearCopies, HOW_TO_FORGET } = await import('../../store/sealed/clear-copies.ts');
  const copies = findClearCopies(data);
  if (copies.length === 0) return undefined;
  return warning('old copies', `passwords of addresses are in clear in ${copies.join(', ')}`, HOW_TO_FORGET);
}
