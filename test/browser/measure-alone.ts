/**
 * Lets one file of tests at a time measure how far pictures are apart: two at once would measure the load of each other.
 * In: nothing. Out: a lock of this computer, which the end of the process releases.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OxbowError } from '../../src/lib/errors.ts';
import { lockDataFolder } from '../../src/store/lock.ts';
import { until } from '../fixtures/wait.ts';

const FOLDER = join(tmpdir(), 'oxbow-measuring');
const WITHIN_MS = 600_000;
const EVERY_MS = 250;

/** Resolves when no other file of tests measures. Dispose it at the end. */
export async function measureAlone(): Promise<Disposable> {
  const look = () => {
    try {
      return lockDataFolder(FOLDER);
    } catch (error) {
      if (error instanceof OxbowError && error.code === 'data-in-use') return undefined;
      throw error;
    }
  };
  return await until('no other file of tests measures', look, { withinMs: WITHIN_MS, everyMs: EVERY_MS });
}
