/**
 * Starts the child process of sealed hours when there is an order, and ends it when there were none for a
 * while.
 * In: orders. Out: their replies, one order at a time. It has limits on memory and time and no network; an
 * order that is aborted or takes too long ends it, and the next order starts another one.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { waitFor, withDeadline } from '../../../lib/abort.ts';
import { nodeVariables, spawnConfined } from '../../../lib/confine/confine.ts';
import { OxbowError, type RefusalCode } from '../../../lib/errors.ts';
import { nodeCommand, startedFile } from '../../../lib/program-files.ts';
import type { ChildSettings, Order, Replies, Reply } from './orders.ts';

/** An idle process ends after this long, ms: pages ask several questions. */
const IDLE_MS = 30_000;
/** Longest order, ms. */
const ORDER_MS = 30_000;
/** Orders that wait; further ones are refused. */
const MAX_WAITING = 20;
const MAX_STDERR_CHARS = 2000;
/** V8 of the process, MiB; rows in JavaScript are bounded by `mostRows`. */
const HEAP_MB = 512;
/** What code and threads take besides V8 and DuckDB, MiB. */
const REST_MB = 1024;
const MAX_OPEN_FILES = 4096;

/** The process and its orders. */
export class RowsChild implements AsyncDisposable {
  readonly #settings: ChildSettings;
  #running: Promise<Running> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(settings: ChildSettings) {
    this.#settings = settings;
  }

  /**
   * Runs an order after those before it. Abort ends the process.
   *
   * @throws OxbowError `busy` if too many wait, `needs-duckdb`, `engine-failed`
   */
  async run<O extends Order>(order: O, { signal }: { readonly signal: AbortSignal }): Promise<Replies[O['order']]> {
    signal.throwIfAborted();
    if (this.#isClosed) throw new OxbowError('engine-failed', 'The process of sealed hours is closed.');
    if (this.#waiting >= MAX_WAITING) throw new OxbowError('busy', `${this.#waiting} questions about viewing wait.`);
    this.#waiting++;
    clearTimeout(this.#idle);
    const turn = this.#last.then(() => this.#runNow(order, signal));
    this.#last = turn.catch(() => undefined); // its caller has the error
    try {
      return (await waitFor(turn, { signal })) as Replies[O['order']];
    } finally {
      this.#waiting--;
      if (this.#waiting === 0) this.#endLater();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idle);
    await this.#end();
    await this.#last;
  }

  async #runNow(order: Order, signal: AbortSignal): Promise<Replies[keyof Replies]> {
    signal.throwIfAborted();
    using limit = withDeadline(ORDER_MS, 'a question about viewing', { signal });
    this.#running ??= start(this.#settings);
    try {
      const child = await this.#running;
      const reply = await waitFor(child.send(order), limit);
      if ('error' in reply) {
        const { message, code } = reply.error;
        throw new OxbowError((code ?? 'engine-failed') as RefusalCode, message);
      }
      return reply.reply;
    } catch (error) {
      const isAnswered = error instanceof OxbowError && !limit.signal.aborted && error.code === 'needs-duckdb';
      if (!isAnswered) await this.#end();
      throw error;
    }
  }

  #endLater(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.#end(), IDLE_MS);
    this.#idle.unref();
  }

  async #end(): Promise<void> {
    const running = this.#running?.catch(() => undefined);
    this.#running = undefined; // an order that comes now starts another one
    await (await running)?.kill();
  }
}

/** Undefined: a line that ended with its process, or text that a library has printed. */
function replyOf(line: string): Reply | undefined {
  try {
    const reply: unknown = JSON.parse(line);
    return typeof reply === 'object' && reply !== null ? (reply as Reply) : undefined;
  } catch {
    return undefined;
  }
}

interface Running {
  /** Rejects when the process ends first. */
  send(order: Order): Promise<Reply>;
  kill(): Promise<void>;
}

async function start(settings: ChildSettings): Promise<Running> {
  const file = fileURLToPath(startedFile('features/insight/sealed/child/rows-main'));
  const [program, ...flags] = nodeCommand([`--max-old-space-size=${HEAP_MB}`, '--no-warnings'], file);
  const limits = {
    maxDataBytes: (HEAP_MB + REST_MB + settings.memoryMb) * 2 ** 20,
    maxFileBytes: 0,
    maxOpenFiles: MAX_OPEN_FILES,
  };
  const child = await spawnConfined({
    command: [program, ...flags, JSON.stringify(settings)],
    limits,
    folder: settings.folder,
    env: { LANG: 'C', TZ: 'UTC', HOME: settings.folder, UV_THREADPOOL_SIZE: '2', ...nodeVariables(limits) },
    stdio: 'pipe',
  });
  await once(child, 'spawn');
  return follow(child);
}

function follow(child: ChildProcess): Running {
  let tail = '';
  let waiting: PromiseWithResolvers<Reply> | undefined;
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-MAX_STDERR_CHARS);
  });
  child.stdin!.on('error', () => undefined); // `close` has the reason
  child.on('error', () => undefined); // of a signal that cannot be sent
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const reply = replyOf(line);
    if (!reply) return;
    waiting?.resolve(reply);
    waiting = undefined;
  });
  const closed = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      const why = `${signal ?? `exit status ${code}`} ${tail.trim().split('\n').slice(-4).join(' | ')}`.trim();
      waiting?.reject(new OxbowError('engine-failed', `The process of sealed hours ended: ${why}.`));
      waiting = undefined;
      resolve();
    });
  });
  return {
    send(order) {
      const { promise, ...resolvers } = Promise.withResolvers<Reply>();
      promise.catch(() => undefined); // an order that is given up
      waiting = { promise, ...resolvers };
      if (child.exitCode !== null || child.signalCode !== null)
        resolvers.reject(new OxbowError('engine-failed', 'The process of sealed hours has ended.'));
      else child.stdin!.write(`${JSON.stringify(order)}\n`);
      return promise;
    },
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
