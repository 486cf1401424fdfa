/**
 * Runs the statements of a message port in order, on a database that it opens.
 * In: `Request` messages from connection.ts. Out: `Response` messages with the same id. The first one reports
 * whether opening worked.
 */
import type { MessagePort } from 'node:worker_threads';
import { OxbowError, type RefusalCode } from '../../lib/errors.ts';
import type { Parameter, RepeatedStatement } from '../engine.ts';
import { isWorthPacking, type PackedRows, packRows } from './packed-rows.ts';
import { openSqlite, type Sqlite, type SqliteResult } from './sqlite.ts';

/** The served database. */
export interface DatabaseSettings {
  readonly file: string;
  readonly nowMs: number;
}

/** A statement, or statements of one transaction; `undefined` SQL closes the database and ends the thread. */
export type Request = { readonly id: number } & (
  | { readonly sql: string | undefined; readonly parameters: readonly Parameter[] }
  | { readonly all: readonly RepeatedStatement[] }
);

/** An error as a message, with the fields that callers distinguish. */
export interface Failure {
  readonly message: string;
  /** Result code of SQLite, see sqlite-code.ts. */
  readonly errcode?: number;
  /** Code of an OxbowError. */
  readonly refusal?: RefusalCode;
}

/** Result of a statement; id 0 is that of opening. */
export type Response =
  | { readonly id: number; readonly result: SqliteResult & { readonly movedTo?: string } }
  | { readonly id: number; readonly packed: PackedRows }
  | { readonly id: number; readonly unchanged: number[][] }
  | { readonly id: number; readonly failure: Failure };

/** Transferring a buffer costs about as much as copying this many bytes. */
const MOVED_FROM_BYTES = 64 * 1024;

function toFailure(error: unknown): Failure {
  const { message, errcode } = error as Error & { errcode?: number };
  return {
    message,
    ...(errcode === undefined ? {} : { errcode }),
    ...(error instanceof OxbowError ? { refusal: error.code } : {}),
  };
}

function serve(port: MessagePort, db: Sqlite): void {
  /**
   * Separate transactions, while another one is open. At most one for each of the few writers that use
   * them.
   */
  let waiting: Extract<Request, { all: unknown }>[] = [];
  const run = (request: Request): void => {
    const { id } = request;
    try {
      if ('all' in request) {
        if (db.isInTransaction) waiting.push(request);
        else port.postMessage({ id, unchanged: db.runAll(request.all) } satisfies Response);
        return;
      }
      const { sql, parameters } = request;
      if (sql === undefined) {
        waiting = []; // the other side rejects them
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
  };
  port.on('message', (request: Request) => {
    run(request);
    if (waiting.length === 0 || db.isInTransaction) return;
    const next = waiting;
    waiting = [];
    for (const queued of next) run(queued);
  });
}

// Blobs are new buffers of SQLite: transferred to the other thread instead of copied if they are large
// enough.
function blobsOf({ rows }: SqliteResult): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const row of rows) {
    for (const value of Object.values(row)) {
      if (value instanceof Uint8Array && value.byteLength >= MOVED_FROM_BYTES) buffers.add(value.buffer as ArrayBuffer);
    }
  }
  return [...buffers];
}

/**
 * Opens the database and serves it until a request closes it. The port closes then, or after a failure to
 * open is reported.
 */
export function serveDatabase(port: MessagePort, { file, nowMs }: DatabaseSettings): void {
  try {
    const db = openSqlite(file, nowMs);
    serve(port, db);
    const movedTo = db.movedTo === undefined ? {} : { movedTo: db.movedTo };
    port.postMessage({ id: 0, result: { rows: [], ...movedTo } } satisfies Response);
  } catch (error) {
    port.postMessage({ id: 0, failure: toFailure(error) } satisfies Response);
    port.close();
  }
}
