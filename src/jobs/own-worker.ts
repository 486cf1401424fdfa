/**
 * The worker of the server itself: a child process that works over loopback like any other worker.
 * In: queued jobs, settings. Out: a process that is started when it is needed, kept while jobs come, and
 * started again after a crash.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { backoffMs, sleep, waitFor } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import type { ChildSettings } from '../lib/confine/confine.ts';
import { messageOf } from '../lib/errors.ts';
import { nodeCommand } from '../lib/program-files.ts';

/** The first line of stdin of the process. The secret is in no argument and no variable. */
export interface OwnWorkerSetup {
  /** Address of the server on this computer. */
  readonly url: string;
  readonly token: string;
  readonly slots: number;
  /** The certificate is for another name than the loopback address. */
  readonly unchecked: boolean;
  /** The settings `children`. */
  readonly children: ChildSettings;
  /** Bounds of its hardware encoders. */
  readonly encoders: { readonly sessions: number; readonly liveSessions: number; readonly waitMs: number };
  /** Collector for the spans of its jobs. */
  readonly otlp?: string | undefined;
}

interface OwnWorkerOptions extends OwnWorkerSetup {
  /** Program that it runs: the path of a file with JavaScript or TypeScript. */
  readonly entry: string;
  /** `auto`: while there are jobs for workers, and for a while after; `always`: all the time. */
  readonly when: 'auto' | 'always';
  /** How long `auto` keeps it without a job, ms. */
  readonly idleMs: number;
  readonly clock: Clock;
  /** Whether jobs for workers wait or run. */
  readonly isNeeded: () => Promise<boolean>;
  readonly log: (text: string) => void;
  /** Other nodes queue jobs too, and call no `need`. */
  readonly isShared?: boolean;
  /** Called when the process ended though it should run. */
  readonly crashed?: (reason: string) => void;
  /** For tests: longest interval of the check for jobs, ms. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 5000;
/** While it does not run, and other nodes may have queued a job, ms. */
const SHARED_LOOK_MS = 1000;
/** It gives its jobs back within this time, ms; then it is killed. */
const LEAVE_WITHIN_MS = 4000;
/** A process that ran this long before it crashed is started again at once, ms. */
const STABLE_AFTER_MS = 60_000;
/** Encoders yield to the threads that serve live media. */
const NICE = 10;

/** The process, if it runs. */
export class OwnWorker implements AsyncDisposable {
  readonly #options: OwnWorkerOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #needed = Promise.withResolvers<void>();
  #child: ChildProcess | undefined;

  constructor(options: OwnWorkerOptions) {
    this.#options = options;
    this.#running = this.#run().catch((error) => options.log(messageOf(error)));
  }

  /** Its process id; undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** A job for workers was queued. */
  need(): void {
    this.#needed.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException('oxbow is shutting down', 'AbortError'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { when, clock, isNeeded, crashed } = this.#options;
    const { signal } = this.#closing;
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    if (when === 'always' || (await isNeeded())) this.need();
    for (let failed = 0; !signal.aborted; ) {
      await this.#untilNeeded(aborted);
      if (signal.aborted) return;
      const startedMs = clock.monotonicMs();
      const reason = await this.#once();
      if (reason === undefined) {
        this.#needed = Promise.withResolvers();
        if (await isNeeded()) this.need();
        failed = 0;
        continue;
      }
      crashed?.(reason);
      if (clock.monotonicMs() - startedMs > STABLE_AFTER_MS) failed = 0;
      await sleep(backoffMs(failed++, 500, 60_000), { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  }

  async #untilNeeded(aborted: Promise<void>): Promise<void> {
    const { isShared = false, isNeeded, lookEveryMs = SHARED_LOOK_MS, log } = this.#options;
    const over = Promise.race([this.#needed.promise, aborted]);
    if (!isShared) return over;
    const looking = new AbortController();
    const { signal } = looking;
    void over.then(() => looking.abort());
    while (!signal.aborted) {
      try {
        await sleep(lookEveryMs, { signal });
        if (await waitFor(isNeeded(), { signal })) return;
      } catch (error) {
        if (!signal.aborted) log(messageOf(error));
      }
    }
  }

  /** Runs the process until it is not needed. Returns why it ended before that; undefined if it did not. */
  async #once(): Promise<string | undefined> {
    const { entry, url, token, slots, unchecked, children, encoders, otlp, log } = this.#options;
    const [program, ...args] = nodeCommand(process.execArgv, entry);
    const child = spawn(program, args, {
      env: environment(),
      stdio: ['pipe', 'ignore', 'pipe'],
      windowsHide: true,
    });
    this.#child = child;
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(messageOf(error)));
      child.once('exit', (code, killed) => resolve(killed ? `killed by ${killed}` : `exit status ${code}`));
    });
    child.stdin!.on('error', () => {}); // it has ended: `exit` follows
    let text = '';
    child.stderr!.setEncoding('utf8').on('data', (piece: string) => {
      const lines = `${text}${piece}`.split('\n');
      text = lines.pop()!.slice(-4096);
      for (const line of lines) log(line);
    });
    const setup: OwnWorkerSetup = { url, token, slots, unchecked, children, encoders, otlp };
    child.stdin!.write(`${JSON.stringify(setup)}\n`);
    yieldToOthers(child);
    const stop = new AbortController();
    const unneeded = this.#waitUntilUnneeded(AbortSignal.any([stop.signal, this.#closing.signal]));
    const reason = await Promise.race([exited, unneeded]);
    stop.abort();
    if (reason === undefined) await leave(child, exited);
    this.#child = undefined;
    return reason;
  }

  /** Resolves when no job was there for a while, or oxbow ends. */
  async #waitUntilUnneeded(signal: AbortSignal): Promise<undefined> {
    const { when, idleMs, clock, isNeeded, lookEveryMs = LOOK_EVERY_MS } = this.#options;
    let neededMs = clock.monotonicMs();
    while (!signal.aborted && (when === 'always' || clock.monotonicMs() - neededMs < idleMs)) {
      await sleep(Math.min(lookEveryMs, idleMs), { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
      if (!signal.aborted && (await isNeeded())) neededMs = clock.monotonicMs();
    }
  }
}

function yieldToOthers({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, NICE);
  } catch {
    // It has ended, or the system does not allow it: the priority stays.
  }
}

/** Ends the process in order: the end of stdin requests it. */
async function leave(child: ChildProcess, exited: Promise<string>): Promise<void> {
  child.stdin!.end();
  const late = setTimeout(() => child.kill('SIGKILL'), LEAVE_WITHIN_MS);
  await exited;
  clearTimeout(late);
}

/** The variables of this process without settings, which may have secrets. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OXBOW_')));
}
