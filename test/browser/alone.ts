/**
 * Lets one file of tests at a time use what this computer has once.
 * In: nothing. Out: locks of this computer, which the end of the process releases.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { OxbowError } from '../../src/lib/errors.ts';
import { lockDataFolder } from '../../src/store/lock.ts';
import { until } from '../fixtures/wait.ts';

const WITHIN_MS = 600_000;
const EVERY_MS = 250;

/**
 * Resolves when no other file of tests measures how far pictures are apart: two at once would measure the
 * load of each other. Dispose it at the end.
 */
export function measureAlone(): Promise<Disposable> {
  return lock('oxbow-measuring', 'no other file of tests measures');
}

/**
 * Resolves when no other file of tests uses the clipboard, and it is empty: the browser that they share has
 * one. Dispose it when the text is read.
 *
 * @param page may write to the clipboard
 */
export async function copyAlone(page: Page): Promise<Disposable> {
  const held = await lock('oxbow-clipboard', 'no other file of tests uses the clipboard');
  try {
    await page.evaluate(() => navigator.clipboard.writeText(''));
    return held;
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

function lock(name: string, what: string): Promise<Disposable> {
  const look = () => {
    try {
      return lockDataFolder(join(tmpdir(), name));
    } catch (error) {
      if (error instanceof OxbowError && error.code === 'data-in-use') return undefined;
      throw error;
    }
  };
  return until(what, look, { withinMs: WITHIN_MS, everyMs: EVERY_MS });
}
