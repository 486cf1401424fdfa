/**
 * Compiles and starts the load generators, `load-generator.c` and `rooms/room-load.c`; compiles other C here.
 * In: arguments. Out: a process. The binary stays in the system's temporary folder until the source changes.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { program } from './target.ts';

/**
 * Compiles a source of this folder if it has changed; returns the path of the binary.
 * @param flags of the compiler
 * @throws Error without a C compiler
 */
export function compileTool(file = 'load-generator.c', flags: readonly string[] = []): string {
  const source = join(import.meta.dirname, file);
  const sum = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), 'oxbow-bench');
  const binary = join(folder, `${basename(file, '.c')}-${sum}`);
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const draft = `${binary}.${process.pid}`;
  execFileSync(program('cc'), ['-O2', '-Wall', ...flags, '-o', draft, source], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  renameSync(draft, binary);
  return binary;
}

/** Starts it, pinned to `core`. @param args see `main` of the source */
export function startLoadGenerator(
  core: string,
  args: readonly (string | number)[],
  file?: string,
): ChildProcessWithoutNullStreams {
  const child = spawn(program('taskset'), ['-c', core, compileTool(file), ...args.map(String)]);
  child.stderr.pipe(process.stderr);
  return child;
}
