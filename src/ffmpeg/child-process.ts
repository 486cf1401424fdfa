/**
 * Starts a media engine process with limits and reports why it ended.
 * In: an entry file and limits. Out: messages from its stdout; the reason of its end.
 *
 * Native code runs only there. The process gets a minimal environment, an empty folder and bytes on stdin. If util-linux
 * is installed, it also gets hard limits on memory and open files, and cannot write files.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { isWindows, prlimit } from '../lib/platform.ts';
import { MessageSplitter } from './frame-protocol.ts';

/** Most media engine processes at a time, all kinds together. */
export const MAX_CHILDREN = 32;
const MAX_STDERR_CHARS = 4096;
/** Enough for a still of 8K video and for any segment; a longer message is an error of the child. */
const MAX_MESSAGE_BYTES = 128 * 1024 * 1024;

let running = 0;
let started = 0;

/** Number of media engine processes that run now, and that were started since the start of oxbow. */
export const childCounts = (): { readonly running: number; readonly started: number } => ({ running, started });

/** Options of {@link openChild}. */
export interface ChildSetup {
  /** Entry file below `child/`, without extension. */
  readonly entry: 'answer-main' | 'audio-main' | 'recode-main' | 'test-picture-main';
  /** Most private writable memory, bytes; limited by RLIMIT_DATA if `prlimit` is installed. */
  readonly maxDataBytes: number;
  /** Called for each message; the payload may be kept. An exception kills the child and becomes the reason of its end. */
  onMessage(kind: number, payload: Uint8Array): void;
}

/** A media engine process. Disposing kills it and waits for its end; may be called twice. */
export interface EngineChild extends AsyncDisposable {
  readonly pid: number;
  /** Writes a message to its stdin; no effect after its end. */
  send(message: Uint8Array): void;
  /** Kills it; `why` becomes the reason in `ended` unless there is an earlier one. */
  kill(why: string): void;
  /** Resolves with the reason when the process has ended and its folder is removed. Never rejects. */
  readonly ended: Promise<string>;
}

/**
 * Starts a child.
 *
 * @throws OxbowError `engine-failed` when too many run or the process cannot be started
 */
export async function openChild(setup: ChildSetup): Promise<EngineChild> {
  if (running >= MAX_CHILDREN) throw new OxbowError('engine-failed', `${running} media engine processes run already`);
  running += 1;
  started += 1;
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-engine-'));
    return await startIn(folder, setup);
  } catch (error) {
    running -= 1;
    if (folder) await rm(folder, { recursive: true, force: true });
    throw new OxbowError('engine-failed', `the media engine could not be started: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function startIn(folder: string, setup: ChildSetup): Promise<EngineChild> {
  const child = spawnLimited(folder, setup);
  // An error before 'spawn' rejects; later ones (a failed kill, a broken pipe) end the process.
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  let why: string | undefined;
  let tail = '';
  const kill = (reason: string) => {
    why ??= reason;
    child.kill('SIGKILL');
  };
  child.on('error', (error) => kill(messageOf(error)));
  child.stdin!.on('error', () => {}); // The child closed its stdin: 'close' has the reason.
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-MAX_STDERR_CHARS);
  });
  const splitter = new MessageSplitter(MAX_MESSAGE_BYTES, (kind, payload) => setup.onMessage(kind, payload));
  child.stdout!.on('data', (bytes: Uint8Array) => {
    if (why) return;
    try {
      splitter.push(bytes);
    } catch (error) {
      kill(messageOf(error));
    }
  });
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => {
      running -= 1;
      const how = why ?? (signal ? `killed by ${signal}` : `exit status ${code}`);
      const said = tail.trim().split('\n').slice(-6).join(' | ');
      void rm(folder, { recursive: true, force: true })
        .catch(() => {}) // A folder left in the system's temporary folder is harmless.
        .then(() => resolve(said ? `${how}: ${said}` : how));
    });
  });
  return {
    pid: child.pid!,
    send: (message) => void child.stdin!.write(message),
    kill,
    ended,
    async [Symbol.asyncDispose]() {
      kill('closed');
      await ended;
    },
  };
}

function spawnLimited(folder: string, { entry, maxDataBytes }: ChildSetup): ChildProcess {
  const here = fileURLToPath(import.meta.url);
  const file = join(here, '..', 'child', `${entry}${here.endsWith('.ts') ? '.ts' : '.js'}`);
  const node = [process.execPath, '--max-old-space-size=128', '--no-warnings', file];
  const limits = [`--data=${maxDataBytes}`, '--nofile=128', '--fsize=0', '--core=0', '--'];
  const [command, ...args] = prlimit ? [prlimit, ...limits, ...node] : node;
  return spawn(command!, args, {
    cwd: folder,
    env: {
      LANG: 'C',
      TZ: 'UTC',
      HOME: folder,
      TMPDIR: folder,
      UV_THREADPOOL_SIZE: '1',
      ...(isWindows && process.env.SystemRoot ? { SystemRoot: process.env.SystemRoot } : {}),
    },
    stdio: 'pipe',
    windowsHide: true,
  });
}
