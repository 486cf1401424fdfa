/**
 * Starts a media engine process with limits and reports why it ended.
 * In: an entry file and limits. Out: messages from its stdout; the reason of its end.
 *
 * Native code runs only there. The process gets a minimal environment, an empty folder and bytes on stdin,
 * and what lib/confine adds: hard limits on memory, files and processes, no network, and its end with that of
 * oxbow.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { nodeVariables, spawnConfined } from '../lib/confine/confine.ts';
import { OxbowError, reasonOf, sentenceOf } from '../lib/errors.ts';
import { Emitter } from '../lib/events.ts';
import { isProcess } from '../lib/platform.ts';
import { nodeCommand, startedFile } from '../lib/program-files.ts';
import { EMULATED_VARIABLE } from './encoders/emulated-devices.ts';
import { MessageSplitter } from './frame-protocol.ts';
import { inputDescriptor, type StreamInput, serveReads } from './stream-input.ts';

/** Folders of processes: the id of the oxbow that they belong to follows. */
const FOLDER = 'oxbow-engine-';
/** Resolves when the folders of oxbow processes that were killed are removed. */
let swept: Promise<void> | undefined;

/** Most media engine processes at a time, all kinds together. */
const MAX_CHILDREN = 32;
const MAX_STDERR_CHARS = 4096;
/** Processes that live as long as a server. */
const LASTING: ReadonlySet<string> = new Set(['answer-main', 'test-picture-main']);
/** Enough for a still of 8K video and for any segment; a longer message is an error of the child. */
const MAX_MESSAGE_BYTES = 128 * 1024 * 1024;
/** Longest start until a child reports that it is ready, ms; usual are 200 to 300. */
const READY_WITHIN_MS = 20_000;

/** A process that ended by itself although it should run. */
interface ChildCrash {
  readonly entry: ChildSetup['entry'];
  readonly pid: number;
  /** How it ended, and the end of its stderr. */
  readonly why: string;
}

/** Emits each crash. */
export const childCrashes = new Emitter<ChildCrash>();

/** Signals to the whole process group, which end this process too. */
const STOPS: ReadonlySet<NodeJS.Signals | null> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP']);

let running = 0;
let started = 0;

/** Number of media engine processes that run now, and that were started since the start of oxbow. */
export const childCounts = (): { readonly running: number; readonly started: number } => ({ running, started });

/** Options of {@link openChild}. */
export interface ChildSetup {
  /** Entry file below `child/`, without extension. */
  readonly entry:
    | 'answer-main'
    | 'audio-main'
    | 'demux-main'
    | 'ladder/ladder-main'
    | 'ladder/live-main'
    | 'ladder/try-encoder-main'
    | 'recode-main'
    | 'test-picture-main';
  /** Most private writable memory, bytes. */
  readonly maxDataBytes: number;
  /** Largest file that it may write in its own folder, bytes; default: it writes none. */
  readonly maxFileBytes?: number;
  /** Most processor time, seconds; left out where it lives as long as a stream, or is watched for answers. */
  readonly maxCpuS?: number;
  /** Bytes that the child reads at any position with child/stream-input; without it, it has none to read. */
  readonly input?: StreamInput;
  /**
   * Called for each message; the payload may be kept. An exception kills the child and becomes the reason of
   * its end.
   */
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

/** The system ends the processes of an oxbow that is killed at once, before they remove their folders. */
async function sweepFolders(): Promise<void> {
  try {
    for (const name of await readdir(tmpdir())) {
      const owner = Number(name.startsWith(FOLDER) ? name.slice(FOLDER.length).split('-')[0] : Number.NaN);
      if (owner > 0 && !isProcess(owner)) await rm(join(tmpdir(), name), { recursive: true, force: true });
    }
  } catch {
    // A folder of another user, or a temporary folder that cannot be listed: the remaining files are small.
  }
}

/**
 * Starts a child.
 *
 * @throws OxbowError `engine-failed` when too many run or the process cannot be started
 */
export async function openChild(setup: ChildSetup): Promise<EngineChild> {
  if (running >= MAX_CHILDREN) throw new OxbowError('engine-failed', `${running} media engine processes run already.`);
  running += 1;
  started += 1;
  let folder: string | undefined;
  try {
    swept ??= sweepFolders();
    await swept;
    folder = await mkdtemp(join(tmpdir(), `${FOLDER}${process.pid}-`));
    return await startIn(folder, setup);
  } catch (error) {
    running -= 1;
    if (folder) await rm(folder, { recursive: true, force: true });
    if (error instanceof OxbowError) throw error;
    throw new OxbowError('engine-failed', `The media engine could not be started: ${sentenceOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Waits until a child is ready; kills it if it is not within 20 s.
 *
 * @param ready resolves when the child has reported that it is ready
 * @throws OxbowError `engine-failed` if it ends first
 */
export async function untilReady(child: EngineChild, ready: Promise<void>): Promise<void> {
  const late = setTimeout(() => child.kill(`it was not ready after ${READY_WITHIN_MS / 1000} s`), READY_WITHIN_MS);
  const gone = child.ended.then((why): never => {
    throw new OxbowError('engine-failed', `The media engine ended: ${why}.`);
  });
  gone.catch(() => {}); // It also ends later, when it is not needed any more.
  try {
    await Promise.race([ready, gone]);
  } finally {
    clearTimeout(late);
  }
}

async function startIn(folder: string, setup: ChildSetup): Promise<EngineChild> {
  const child = await spawnEngine(folder, setup);
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
  child.on('error', (error) => kill(reasonOf(error)));
  child.stdin!.on('error', () => {}); // The child closed its stdin: 'close' has the reason.
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-MAX_STDERR_CHARS);
  });
  if (setup.input) serveReads(child.stdio[inputDescriptor] as Duplex, setup.input, (error) => kill(reasonOf(error)));
  const splitter = new MessageSplitter(MAX_MESSAGE_BYTES, (kind, payload) => setup.onMessage(kind, payload));
  child.stdout!.on('data', (bytes: Uint8Array) => {
    if (why) return;
    try {
      splitter.push(bytes);
    } catch (error) {
      kill(reasonOf(error));
    }
  });
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => {
      running -= 1;
      const how = why ?? (signal ? `killed by ${signal}` : `exit status ${code}`);
      const said = tail.trim().split('\n').slice(-6).join(' | ');
      void rm(folder, { recursive: true, force: true })
        .catch(() => {}) // A folder left in the system's temporary folder is harmless.
        .then(() => {
          const reason = said ? `${how}: ${said}` : how;
          if (why === undefined && code !== 0 && !STOPS.has(signal))
            childCrashes.emit({ entry: setup.entry, pid: child.pid!, why: reason });
          resolve(reason);
        });
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

function spawnEngine(folder: string, setup: ChildSetup): Promise<ChildProcess> {
  const { entry, maxDataBytes, maxFileBytes = 0, maxCpuS, input } = setup;
  const file = fileURLToPath(startedFile(`ffmpeg/child/${entry}`));
  const isLasting = LASTING.has(entry);
  return spawnConfined({
    command: nodeCommand(
      ['--max-old-space-size=128', ...(isLasting ? ['--max-semi-space-size=2'] : []), '--no-warnings'],
      file,
    ),
    limits: { maxDataBytes, maxFileBytes, maxOpenFiles: 128, ...(maxCpuS !== undefined && { maxCpuS }) },
    folder,
    env: {
      LANG: 'C',
      TZ: 'UTC',
      HOME: folder,
      TMPDIR: folder,
      UV_THREADPOOL_SIZE: '1',
      // Fewer heaps of the C library. Its thresholds stay: with those of bin/oxbow it would map memory for
      // each picture, which takes a third more CPU time.
      ...(isLasting && { MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? '2' }),
      ...nodeVariables({ maxFileBytes }),
      ...(process.env[EMULATED_VARIABLE] ? { [EMULATED_VARIABLE]: process.env[EMULATED_VARIABLE] } : {}),
    },
    stdio: input ? ['pipe', 'pipe', 'pipe', 'pipe'] : 'pipe',
  });
}
