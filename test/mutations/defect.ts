/**
 * A loss that oxbow once had, or that a small mistake would cause: the change of one line that brings it
 * back.
 * In: changes. Out: the environment of processes whose sources have them, those that they start too.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A replaced piece of a source file. */
export interface Change {
  /** From the root. */
  readonly file: string;
  /** Occurs in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A defect that can be put back. */
export interface Defect extends Change {
  readonly name: string;
}

const hook = pathToFileURL(join(import.meta.dirname, 'put-back.mjs')).href;

/**
 * Variables for a process that starts oxbow from its sources: a bundle has the files no more.
 *
 * @param env of the process without changes
 */
export function withChanges(changes: readonly Change[], env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: options = '', TESTS_PROGRAM: _, ...others } = env;
  return { ...others, NODE_OPTIONS: `${options} --import=${hook}`.trim(), TESTS_CHANGES: JSON.stringify(changes) };
}
