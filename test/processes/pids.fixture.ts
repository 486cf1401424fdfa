/**
 * The processes of a server, for the system.
 * In: a server that was started with `--processes`. Out: their ids.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Server } from '../fixtures/server.ts';

/** The system's ids of the processes, by their names. */
export async function pidsOf(server: Server): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=', '--ppid', String(server.pid)]);
  const pids = stdout.trim().split(/\s+/).map(Number);
  const environ = async (pid: number) => (await promisify(execFile)('cat', [`/proc/${pid}/environ`])).stdout;
  const named = pids.map(async (pid) => {
    const [, name] = /(?:^|\0)OXBOW_PROCESS=([\w-]+)/.exec(await environ(pid)) ?? [];
    return [name ?? '', pid] as const;
  });
  return new Map(await Promise.all(named));
}
