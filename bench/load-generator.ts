/**
 * Makes and starts the crowd of `crowd.c`: clients that cost little beside the server that they ask.
 * In: the work it shall do. Out: a process; its binary lies in the system's folder for temporary files until the source changes.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program } from './target.ts';

/** Compiles it where that was not done yet; returns the binary. @throws Error without a C compiler */
export function compileLoadGenerator(): string {
  const source = join(import.meta.dirname, 'load-generator.c');
  const sum = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), 'oxbow-bench');
  const binary = join(folder, `load-generator-${sum}`);
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const draft = `${binary}.${process.pid}`;
  execFileSync(program('cc'), ['-O2', '-Wall', '-o', draft, source], { stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(draft, binary);
  return binary;
}

/** Starts it. @param core that it is pinned to; @param words as `main` of the source reads them */
export function startLoadGenerator(core: string, words: readonly (string | number)[]): ChildProcessWithoutNullStreams {
  const child = spawn(program('taskset'), ['-c', core, compileLoadGenerator(), ...words.map(String)]);
  child.stderr.pipe(process.stderr);
  return child;
}
