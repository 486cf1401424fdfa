/**
 * The database's own thread: takes statements from the port, one at a time and in order, and posts what they gave.
 * In: `Request` messages from dialect.ts. Out: `Response` messages with the same id. First message out: opened, or why not.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { OxbowError, type RefusalCode } from '../lib/errors.ts';
import { collectGarbage, TIDY_AFTER_MS } from '../lib/memory/heap.ts';
import { isWorthPacking, type PackedRows, packRows } from './packed-rows.ts';
import { openSqlite, type Parameter, type Sqlite, type SqliteResult } from './sqlite.ts';

/** What the thread is started with. */
export interface WorkerSettings {
  readonly file: string;
  readonly nowMs: number;
}

/** A statement, or `undefined` SQL for: close and end. */
export interface Request {
  readonly id: number;
  readonly sql: string | undefined;
  readonly parameters: readonly Parameter[];
}

/** An error that can cross threads without losing what callers tell apart. */
export interface Failure {
  readonly message: string;
  /** Of SQLite, see sqlite-code.ts. */
  readonly errcode?: number;
  /** Of an OxbowError. */
  readonly refusal?: RefusalCode;
}

/** What a statement gave; id 0 is the opening. */
export type Response =
  | { readonly id: number; readonly result: SqliteResult & { readonly movedTo?: string } }
  | { readonly id: number; readonly packed: PackedRows }
  | { readonly id: number; readonly failure: Failure };

/** Moving costs about as much as copying this many. */
const MOVED_FROM_BYTES = 64 * 1024;

function toFailure(error: unknown): Failure {
  const { message, errcode } = error as Error & { errcode?: number };
  return {
    message,
    ...(errcode === undefined ? {} : { errcode }),
    ...(error instanceof OxbowError ? { refusal: error.code } : {}),
  };
}

function serve(port: NonNullable<typeof parentPort>, db: Sqlite): void {
  port.on('message', ({ id, sql, parameters }: Request) => {
    try {
      if (sql === undefined) {
        db[Symbol.dispose]();
        port.postMessage({ id, result: { rows: [] } } satisfies Response);
        port.close();
        return;
      }
      const result = db.run(sql, parameters);
      if (isWorthPacking(result.rows)) {
        const packed = packRows(result.rows);
        port.postMessage({ id, packed } satisfies Response, [packed.blobs.buffer as ArrayBuffer]);
      } else port.postMessage({ id, result } satisfies Response, blobsOf(result));
    } catch (error) {
      port.postMessage({ id, failure: toFailure(error) } satisfies Response);
    }
  });
}

// Blobs are fresh from SQLite and nobody else's: moved to the other thread instead of copied, where that is worth more than it costs.
function blobsOf({ rows }: SqliteResult): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const row of rows) {
    for (const value of Object.values(row)) {
      if (value instanceof Uint8Array && value.byteLength >= MOVED_FROM_BYTES) buffers.add(value.buffer as ArrayBuffer);
    }
  }
  return [...buffers];
}

if (parentPort) {
  const { file, nowMs } = workerData as WorkerSettings;
  try {
    const db = openSqlite(file, nowMs);
    serve(parentPort, db);
    setTimeout(collectGarbage, TIDY_AFTER_MS).unref();
    const movedTo = db.movedTo === undefined ? {} : { movedTo: db.movedTo };
    parentPort.postMessage({ id: 0, result: { rows: [], ...movedTo } } satisfies Response);
  } catch (error) {
    parentPort.postMessage({ id: 0, failure: toFailure(error) } satisfies Response);
  }
}
