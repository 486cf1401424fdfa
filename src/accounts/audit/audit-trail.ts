/**
 * The stored audit log: who did what, for administrators and for the users themselves.
 * In: lines of requests and rooms. Out: rows, in batches; pages of lines, newest first.
 */
import type { Clock } from '../../lib/clock.ts';

/** One action. */
interface AuditLine {
  /** Id of the user, `admin`, or `token:` with an id; empty for an unknown client. */
  readonly userId: string;
  /** The user, session or token, as in the log. */
  readonly name: string;
  readonly address: string;
  /** Operation of the API, e.g. `createRoom`, or an action of the server. */
  readonly action: string;
  /** Method and path, without the query; or the subject. */
  readonly request: string;
  /** HTTP status; null: the client left before the answer, or it was no request. */
  readonly status: number | null;
  readonly traceId: string;
}

export interface StoredLine extends AuditLine {
  /** Rises with every line. */
  readonly seq: number;
  readonly atMs: number;
}

/** The filter of a page of lines. */
export interface AuditQuery {
  /** Only lines older than this one. */
  readonly before?: number | undefined;
  readonly userId?: string | undefined;
  readonly action?: string | undefined;
  /** Only requests to this path and to all below it; `/streams/door` is short for `/api/v1/streams/door`. */
  readonly target?: string | undefined;
  /** Only lines from this instant on, and before the other, ms since 1970. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly limit: number;
}

/** The path of a target: without `/api/` it is below `/api/v1`. */
export function targetPath(target: string): string {
  const path = target.replace(/\/+$/, '');
  return path.startsWith('/api/') ? path : `/api/v1${path}`;
}

/** Where lines are stored. */
export interface AuditRows {
  add(lines: readonly (AuditLine & { readonly atMs: number })[]): Promise<void>;
  /** Newest first. */
  page(query: AuditQuery): Promise<readonly StoredLine[]>;
  /** Removes lines before an instant, ms. */
  removeBefore(atMs: number): Promise<void>;
  /** Removes name and address from the lines of a user. */
  forget(userId: string): Promise<void>;
}

interface Options {
  readonly rows: AuditRows;
  readonly clock: Clock;
}

const MAX_WAITING = 10_000;
const BATCH = 500;
const LONGEST = 300;

/** The audit log. */
export class AuditTrail {
  readonly #rows: AuditRows;
  readonly #clock: Clock;
  readonly #waiting: (AuditLine & { readonly atMs: number })[] = [];
  #writing: Promise<void> | undefined;
  /** Called for lines that are lost: too many at once, or the database failed. The app sets it. */
  onLost: (count: number, error?: unknown) => void = () => {};

  /** @param options where lines are stored */
  constructor({ rows, clock }: Options) {
    this.#rows = rows;
    this.#clock = clock;
  }

  /** Stores a line soon; never waits. Lines that come during a write make up the next one. */
  record(line: AuditLine): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.onLost(1);
      return;
    }
    const cut = { name: line.name.slice(0, LONGEST), request: line.request.slice(0, LONGEST) };
    this.#waiting.push({ ...line, ...cut, atMs: this.#clock.nowMs() });
    this.#writing ??= this.#write();
  }

  /** Resolves when all lines so far are stored. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** A page of lines, newest first; those that were just recorded are in it. */
  async page(query: AuditQuery): Promise<readonly StoredLine[]> {
    await this.flush();
    return this.#rows.page(query);
  }

  /** Deletes lines that are older than this. */
  removeOlder(keepMs: number): Promise<void> {
    return this.#rows.removeBefore(this.#clock.nowMs() - keepMs);
  }

  /** Removes the name and addresses of a deleted user. */
  async forget(userId: string): Promise<void> {
    await this.flush();
    await this.#rows.forget(userId);
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // lines of the same turn are one write
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0, BATCH);
      await this.#rows.add(lines).catch((error: unknown) => this.onLost(lines.length, error));
    }
    this.#writing = undefined;
  }
}
