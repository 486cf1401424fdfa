/**
 * nginx as the peer of benchmarks: one worker, in the foreground, without a log.
 * In: a folder and the directives of its `http` block. Out: a command line for it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from './target.ts';

/**
 * Writes the configuration. Returns program and arguments.
 *
 * @param folder for its files
 * @param http content of the `http` block
 * @throws Error if nginx is not installed
 */
export function nginxCommand(folder: string, http: string): readonly [string, ...string[]] {
  const file = join(folder, 'nginx.conf');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  writeFileSync(
    file,
    `${user} worker_processes 1; daemon off; error_log stderr crit; pid ${folder}/nginx.pid;
events { worker_connections 8192; multi_accept on; }
http { access_log off; ${http} }
`,
  );
  return [program('nginx'), '-p', folder, '-c', file];
}
