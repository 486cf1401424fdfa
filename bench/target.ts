/**
 * Shared by the benchmarks of serving: the target server, the request of our own player, programs and CPU
 * cores.
 * In: a folder. Out: a running target server, pinned to one core.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathOf } from '../test/fixtures/need.ts';

/** Addresses of the target server. Its streams receive no media meanwhile. */
export interface Target {
  readonly url: string;
  readonly playlist: string;
  readonly part30: string;
  readonly part200: string;
  readonly recorded: readonly string[];
  /** A request for the part that comes next, which the server holds. */
  readonly held: string;
}

/** A running target server. */
export interface RunningTarget {
  readonly pid: number;
  readonly target: Target;
  readonly child: ChildProcessWithoutNullStreams;
}

/** Servers run on this core, load generators on the other. */
export const SERVER_CORE = '0';
/** @see SERVER_CORE */
export const CLIENT_CORE = '1';

/** Header fields of a request of our own player. */
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

/** A request of our own player, as bytes on the wire. */
export function playerRequest(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\n${PLAYER_FIELDS.join('\r\n')}\r\n\r\n`;
}

/** Addresses of the loopback network in turn, because the server limits held requests per address. */
export function localAddress(index: number): string {
  return `127.0.0.${2 + (index % 20)}`;
}

/** Starts a target server; `opened` ends it. @param options certificate and key, `--auth`, or nothing */
export async function openTarget(
  folder: string,
  options: readonly string[],
  opened: AsyncDisposableStack,
): Promise<RunningTarget> {
  const script = join(import.meta.dirname, 'target-server.ts');
  const child = spawn('taskset', ['-c', SERVER_CORE, process.execPath, script, folder, ...options], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stderr.pipe(process.stderr);
  opened.defer(() => void child.kill());
  for await (const line of createInterface(child.stdout)) return { pid: child.pid!, target: JSON.parse(line), child };
  throw new Error('the target server did not start');
}

/** Path of a program. @throws Error if it is not installed */
export function program(name: string): string {
  const path = pathOf(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}
