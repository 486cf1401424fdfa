/**
 * What benchmarks of serving have in common: the server whose streams do not advance, what players send, programs and ports.
 * In: a folder. Out: a running server on a core of its own.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathOf } from '../test/fixtures/need.ts';

/** A server whose streams do not advance, and the paths to request. */
export interface Target {
  readonly url: string;
  readonly playlist: string;
  readonly part30: string;
  readonly part200: string;
  readonly recorded: readonly string[];
  readonly held: string;
  readonly parts: number;
}

/** One that runs. */
export interface RunningTarget {
  readonly pid: number;
  readonly target: Target;
  readonly child: ChildProcessWithoutNullStreams;
}

/** Servers are pinned to this core, and load generators to the other. */
export const SERVER_CORE = '0';
/** @see SERVER_CORE */
export const CLIENT_CORE = '1';

/** What our own player sends. */
export const PLAYER_FIELDS: readonly string[] = [
  'Accept: */*',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-US,en;q=0.9',
  'CMCD-Session: cid="demo",sf=h,sid="6f1c1b9e-3c55-4f0e-9a8b-2f9d1c1e7a10",st=l',
  'Connection: keep-alive',
  'Referer: http://127.0.0.1:8080/watch/demo',
  'Sec-Fetch-Dest: empty',
  'Sec-Fetch-Mode: cors',
  'Sec-Fetch-Site: same-origin',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"',
  'sec-ch-ua-mobile: ?0',
  'sec-ch-ua-platform: "Linux"',
];

/** Starts one on a core of its own. @param tls certificate and key, or nothing */
export async function openTarget(
  folder: string,
  tls: readonly string[],
  opened: AsyncDisposableStack,
): Promise<RunningTarget> {
  const script = join(import.meta.dirname, 'serve-target.ts');
  const child = spawn('taskset', ['-c', SERVER_CORE, process.execPath, script, folder, ...tls], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stderr.pipe(process.stderr);
  opened.defer(() => void child.kill());
  for await (const line of createInterface(child.stdout)) return { pid: child.pid!, target: JSON.parse(line), child };
  throw new Error('the target did not start');
}

/** Where a program lies. @throws Error where it is not installed */
export function program(name: string): string {
  const path = pathOf(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}
