/**
 * Runs statements in the database thread.
 * In: SQL from dialect.ts. Out: `Request` messages to worker.ts. If the thread dies, all waiting statements reject.
 */
import { Worker } from 'node:worker_threads';
import { OxbowError } from '../lib/errors.ts';
import { unpackRows } from './packed-rows.ts';
import type { Parameter, SqliteResult } from './sqlite.ts';
import type { Failure, Request, Response, WorkerSettings } from './worker.ts';

interface Waiting {
  resolve(result: SqliteResult & { movedTo?: string }): void;
  reject(error: Error): void;
}

/** A running database thread. */
export class DatabaseThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended: Error | undefined;
  #closing: Promise<void> | undefined;

  /** Resolves when the database is open, with the path that a corrupt one was moved to. */
  readonly opened: Promise<{ movedTo: string | undefined }>;

  constructor(settings: WorkerSettings) {
    // The published program is JavaScript, the working tree TypeScript.
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
    // Do not inherit flags of the main thread (an inspector, --eval).
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: settings,
      name: 'oxbow-database',
      execArgv: [],
    });
    this.opened = this.#wait(0).then(({ movedTo }) => ({ movedTo }));
    this.#worker.on('message', (response: Response) => this.#settle(response));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(undefined));
  }

  /**
   * Runs one statement.
   *
   * @throws Error of SQLite with `errcode`; OxbowError `not-ready` if the thread has ended
   */
  async run(sql: string, parameters: readonly Parameter[]): Promise<SqliteResult> {
    if (this.#closing) throw this.#ended ?? new OxbowError('not-ready', 'The database is closed.');
    return this.#post(sql, parameters);
  }

  async #post(sql: string | undefined, parameters: readonly Parameter[]): Promise<SqliteResult> {
    if (this.#ended) throw this.#ended;
    const id = this.#nextId++;
    const result = this.#wait(id);
    this.#worker.postMessage({ id, sql, parameters: parameters.map(ownBytes) } satisfies Request);
    return result;
  }

  #wait(id: number): Promise<SqliteResult & { movedTo?: string }> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #settle(response: Response): void {
    const waiting = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if ('packed' in response) waiting?.resolve({ rows: unpackRows(response.packed) });
    else if ('result' in response) waiting?.resolve(response.result);
    else waiting?.reject(toError(response.failure));
  }

  #end(cause: unknown): void {
    this.#ended ??= new OxbowError('not-ready', 'The database thread has ended.', { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }

  /** Waits for earlier statements, closes the file and ends the thread. May be called twice. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#ended) return;
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    await this.#post(undefined, []).catch(() => undefined); // the thread has already ended
    await this.#worker.terminate();
    await exited;
  }
}

function toError({ message, errcode, refusal }: Failure): Error {
  if (refusal) return new OxbowError(refusal, message);
  return Object.assign(new Error(message), errcode === undefined ? {} : { errcode });
}

// Copying a view would copy its whole buffer.
function ownBytes(value: Parameter): Parameter {
  return value instanceof Uint8Array && value.byteLength !== value.buffer.byteLength ? new Uint8Array(value) : value;
}
