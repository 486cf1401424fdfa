/**
 * Compiles the modules of confined processes (the media engine, questions about sealed hours), before tests
 * start hundreds of them: they read such a cache, and cannot write one.
 * In: a folder for compiled code. Out: the compiled entries of the sources and of the built program.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { root } from './source-files.ts';

/**
 * Starts each entry once; without input it ends at once.
 * @param cache folder of Node's compile cache
 */
export async function warmEngine(cache: string): Promise<void> {
  const start = (entry: string) =>
    spawn(process.execPath, ['--max-old-space-size=128', '--no-warnings', entry, '{}'], {
      cwd: root,
      stdio: 'ignore',
      timeout: 60_000,
      env: { ...process.env, NODE_COMPILE_CACHE: cache },
    });
  const entries = globSync('{src,dist/src}/**/child/**/*-main.{ts,js}', { cwd: root });
  await Promise.all(entries.map((entry) => once(start(entry), 'exit')));
}
