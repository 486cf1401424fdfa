/**
 * Runs statements in the database thread.
 * In: SQL from dialect.ts. Out: `Request` messages to database-port.ts. If the thread dies, all waiting
 * statements reject.
 */
import { Worker } from 'node:worker_threads';
import { OxbowError } from '../../lib/errors.ts';
import { startedFile } from '../../lib/program-files.ts';
import type { Parameter, RepeatedStatement } from '../engine.ts';
import type { DatabaseSettings, Failure, Request, Response } from './database-port.ts';
import { unpackRows } from './packed-rows.ts';
import type { SqliteResult } from './sqlite.ts';

/** The result of a request. */
type Result = SqliteResult & { readonly movedTo?: string; readonly unchanged?: number[][] };
/** A request without its id. */
type Work =
  | { readonly sql: string | undefined; readonly parameters: readonly Parameter[] }
  | { readonly all: readonly RepeatedStatement[] };

interface Waiting {
  resolve(result: Result): void;
  reject(error: Error): void;
}

/** Where the statements run: a thread, except in tests. */
interface DatabaseHost {
  post(request: Request): void;
  /** Called once, before the first message. */
  receive(listener: (response: Response) => void): void;
  /** Resolves when it has ended, with the error that ended it. */
  readonly ended: Promise<unknown>;
  end(): void;
}

/** Starts the thread of a database. */
export type StartDatabase = (settings: DatabaseSettings) => DatabaseHost;

function startThread(settings: DatabaseSettings): DatabaseHost {
  // Do not inherit flags of the main thread (an inspector, --eval).
  const worker = new Worker(startedFile('store/sqlite/worker'), {
    workerData: settings,
    name: 'oxbow-database',
    execArgv: [],
  });
  let cause: unknown;
  worker.on('error', (error) => {
    cause = error;
  });
  return {
    post: (request) => worker.postMessage(request),
    receive: (listener) => worker.on('message', listener),
    ended: new Promise((resolve) => worker.once('exit', () => resolve(cause))),
    end: () => void worker.terminate(),
  };
}

/** A running database thread. */
export class DatabaseThread implements AsyncDisposable {
  readonly #host: DatabaseHost;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended: Error | undefined;
  #closing: Promise<void> | undefined;

  /** Resolves when the database is open, with the path that a corrupt one was moved to. */
  readonly opened: Promise<{ movedTo: string | undefined }>;

  constructor(settings: DatabaseSettings, start: StartDatabase = startThread) {
    this.#host = start(settings);
    this.opened = this.#wait(0).then(({ movedTo }) => ({ movedTo }));
    this.#host.receive((response) => this.#settle(response));
    void this.#host.ended.then((cause) => this.#end(cause));
  }

  /**
   * Runs one statement.
   *
   * @throws Error of SQLite with `errcode`; OxbowError `not-ready` if the thread has ended
   */
  async run(sql: string, parameters: readonly Parameter[]): Promise<SqliteResult> {
    if (this.#closing) throw this.#ended ?? new OxbowError('not-ready', 'The database is closed.');
    return this.#post({ sql, parameters: parameters.map(ownBytes) });
  }

  /**
   * Runs statements in one transaction, with one message to the thread; see Sqlite.runAll.
   *
   * @throws as `run`
   */
  async runAll(statements: readonly RepeatedStatement[]): Promise<readonly (readonly number[])[]> {
    if (this.#closing) throw this.#ended ?? new OxbowError('not-ready', 'The database is closed.');
    return (await this.#post({ all: statements })).unchanged!;
  }

  async #post(work: Work): Promise<Result> {
    if (this.#ended) throw this.#ended;
    const id = this.#nextId++;
    const result = this.#wait(id);
    this.#host.post({ id, ...work });
    return result;
  }

  #wait(id: number): Promise<Result> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #settle(response: Response): void {
    const waiting = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if ('packed' in response) waiting?.resolve({ rows: unpackRows(response.packed) });
    else if ('result' in response) waiting?.resolve(response.result);
    else if ('unchanged' in response) waiting?.resolve({ rows: [], unchanged: response.unchanged });
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
    await this.#post({ sql: undefined, parameters: [] }).catch(() => undefined); // the thread has already ended
    this.#host.end();
    await this.#host.ended;
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
