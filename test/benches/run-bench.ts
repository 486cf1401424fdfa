/**
 * Runs a benchmark or a soak as its user does, with tiny parameters.
 * In: a command line. Out: an assertion that it ended well and printed figures; the figures themselves say
 * nothing.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..', '..');
/** Of one program, ms. */
const LIMIT_MS = 300_000;

/**
 * Runs `bench/run.ts --tiny`.
 *
 * @param line verb and options, separated by spaces
 */
export function bench(line: string): Promise<void> {
  return runScript('bench/run.ts', `${line} --tiny`);
}

/**
 * Runs a script of `bench/` to its end.
 *
 * @param script path from the root
 * @param line arguments, separated by spaces
 */
export async function runScript(script: string, line: string): Promise<void> {
  const args = [join(root, 'bin', 'oxbow-node'), join(root, script), ...line.split(' ')];
  // A failed run rejects, with all that it printed.
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: root,
    timeout: LIMIT_MS,
    maxBuffer: 64 * 2 ** 20,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  assert.doesNotMatch(stdout, /\b(?:NaN|undefined|Infinity)\b/, stdout);
  const figures = stdout.split('\n').filter((text) => /\d/.test(text) && !/^Usage/.test(text));
  assert.ok(figures.length > 1, `no figures:\n${stdout}`);
}
