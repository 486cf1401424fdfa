/**
 * Starts a media engine process within limits, and knows how it ended.
 * In: which entry file, what it may use. Out: messages from its stdout; one sentence when it is gone.
 *
 * Native code runs only there. The process gets a bare environment, an empty folder of its own, bytes on stdin and
 * nothing else; where util-linux is installed also hard limits on memory, open files and writing files at all.
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
/** A still of 8K video and any segment fit; longer is a fault of the child. */
const MAX_MESSAGE_BYTES = 128 * 1024 * 1024;

let running = 0;
let started = 0;

/** Media engine processes: how many run now, and how many were started since oxbow began. */
export const childCounts = (): { readonly running: number; readonly started: number } => ({ running, started });

/** What to start. */
export interface ChildSetup {
  /** Entry file below `child/`, without extension. */
  readonly entry: 'answer-main' | 'recode-main' | 'test-picture-main';
  /** Most private writable memory, bytes; held by RLIMIT_DATA where `prlimit` is installed. */
  readonly maxDataBytes: number;
  /** Called for each message; the payload may be kept. What it throws kills the child and becomes the reason. */
  onMessage(kind: number, payload: Uint8Array): void;
}

/** A media engine process. Disposing kills it and waits until it is gone; may be done twice. */
export interface EngineChild extends AsyncDisposable {
  readonly pid: number;
  /** Writes a whole message to its stdin; does nothing once it is gone. */
  send(message: Uint8Array): void;
  /** Kills it; `why` becomes the reason given by `ended` unless it had one before. */
  kill(why: string): void;
  /** Resolves once the process is gone and its folder removed, with a sentence that says why. Never rejects. */
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
  // Before 'spawn' an error rejects; later ones (a kill that fails, a pipe that breaks) show up as the end of the process.
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
  child.stdin!.on('error', () => {}); // It closed its end: 'close' tells the reason.
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
        .catch(() => {}) // A folder left in the system's temporary folder harms nobody.
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
