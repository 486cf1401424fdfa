/**
 * Commits the messages of all rooms in batches. The first message after a pause is committed at once; under
 * load a transaction has what came during the last one and the pause after it, as much as a second can store.
 * In: rows, changes and marks of room-chat.ts. Out: for each row, whether it was stored.
 */
import { sleep } from '../../../lib/abort.ts';
import type { MessageRow } from './message-row.ts';
import { keyOfRow, type MessageChange, type MessageTable } from './message-table.ts';

/** Shortest pause between two transactions, ms. */
const WAIT_MS = 20;
/**
 * The pause is as long as the last transaction took, up to this, ms: what waits for the database meanwhile is
 * stored together, which costs less for each message.
 */
const MAX_WAIT_MS = 50;
/** Pause after a transaction that failed, ms. */
const RETRY_MS = 1000;
/**
 * A transaction that takes longer gets no answer of the database soon: no message waits for the next one, ms.
 */
const STUCK_MS = 5000;
/**
 * Messages in a transaction: twice as many after a full one that took less than half of LONG_MS, half as many
 * after one that took longer than LONG_MS. A slow database would otherwise seem stuck.
 */
const MIN_BATCH = 512;
const LONG_MS = 1000;
/** Messages of all rooms that wait for a transaction, and most of one; more are refused. */
const MAX_WAITING = 4096;
/** Changes of old messages that are not committed. */
const MAX_CHANGES = 4096;

/** How a message ended. */
export interface Written {
  /** Number under which the message is stored; the earlier one if it was sent before. */
  readonly seq: number;
}

/**
 * How it was tried to store a message: undefined if that failed; `moved`: another node owns the room, and
 * nothing was stored.
 */
export type Outcome = Written | 'moved' | undefined;

interface WriterOptions {
  readonly table: Pick<MessageTable, 'write'>;
  /** Reports a transaction that failed. */
  readonly failed: (error: unknown) => void;
  /** Shortest pause after a transaction, and the pause after one that failed, ms; for tests. */
  readonly waitMs?: number;
  readonly retryMs?: number;
  /** Reports each transaction: its messages and how long it took, seconds. */
  readonly committed?: (messages: number, seconds: number) => void;
}

interface Waiting {
  readonly row: MessageRow;
  done: (written: Outcome) => void;
}

/** The queue of uncommitted writes. Disposing commits it. */
export class MessageWriter implements AsyncDisposable {
  readonly #options: WriterOptions;
  readonly #closing = new AbortController();
  #rows: Waiting[] = [];
  #changes = new Map<string, MessageChange>();
  #marks = new Map<string, { readonly seq: number; readonly done: (outcome: 'stored' | 'moved') => void }>();
  /** Wait for the next batch. */
  #idlers: (() => void)[] = [];
  #running: Promise<void> | undefined;
  #committing: Promise<boolean> | undefined;
  /** The next transaction begins no earlier, ms of `performance.now()`. */
  #nextAtMs = 0;
  /** Most messages of the next transaction. */
  #maxBatch = MIN_BATCH;
  /** The database does not answer. */
  #isStuck = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Whether another message would be refused. */
  get isFull(): boolean {
    return this.#isStuck || this.#rows.length >= MAX_WAITING || this.#changes.size >= MAX_CHANGES;
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.#rows.length;
  }

  /**
   * Writes a message.
   *
   * @param done called after the commit; undefined: it failed, and nothing was stored
   */
  add(row: MessageRow, done: (written: Outcome) => void): void {
    this.#rows.push({ row, done });
    this.#start();
  }

  /**
   * Writes a change of a message after the message itself; replaces a change that waits, and is tried again
   * until it is stored.
   */
  change(change: MessageChange): void {
    this.#changes.set(`${change.roomId} ${change.seq}`, change);
    this.#start();
  }

  /**
   * Stores the highest number that a room may use; tried again until it is stored, or another node owns the
   * room.
   */
  mark(roomId: string, seq: number, done: (outcome: 'stored' | 'moved') => void): void {
    this.#marks.set(roomId, { seq, done });
    this.#start();
  }

  /** Resolves when everything that waits now is committed, or has failed. */
  async idle(): Promise<void> {
    const last = this.#rows.at(-1);
    if (!last) {
      if (this.#marks.size + this.#changes.size === 0) await this.#committing;
      else if (this.#running) await new Promise<void>((resolve) => this.#idlers.push(resolve));
      return;
    }
    await new Promise<void>((resolve) => {
      const { done } = last;
      last.done = (written) => {
        done(written);
        resolve();
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { waitMs = WAIT_MS, retryMs = RETRY_MS } = this.#options;
    while (this.#rows.length + this.#changes.size + this.#marks.size > 0) {
      const restMs = Math.max(0, this.#nextAtMs - performance.now());
      await sleep(restMs, { signal }).catch(() => undefined); // closing commits at once
      const startedAt = performance.now();
      this.#committing = this.#commit();
      const stuck = setTimeout(() => this.#refuseWaiting(), STUCK_MS).unref();
      const isStored = await this.#committing;
      clearTimeout(stuck);
      this.#isStuck = false;
      if (!isStored && signal.aborted) break;
      const endedAt = performance.now();
      const pauseMs = Math.max(waitMs, Math.min(endedAt - startedAt, MAX_WAIT_MS));
      this.#nextAtMs = endedAt + (isStored ? pauseMs : retryMs);
    }
    this.#running = undefined; // in the same step as the last look at the queue: additions start it again
  }

  /** The authors of messages that are in no transaction yet are notified; nothing of them was stored. */
  #refuseWaiting(): void {
    this.#isStuck = true;
    for (const { done } of this.#rows.splice(0)) done(undefined);
  }

  #adapt(messages: number, tookMs: number): void {
    if (tookMs > LONG_MS) this.#maxBatch = Math.max(MIN_BATCH, this.#maxBatch / 2);
    else if (messages === this.#maxBatch && tookMs < LONG_MS / 2)
      this.#maxBatch = Math.min(MAX_WAITING, this.#maxBatch * 2);
  }

  /**
   * Commits one batch. The authors of messages that cannot be stored are notified at once; changes and marks
   * are kept for the next batch.
   */
  async #commit(): Promise<boolean> {
    const { table, failed, committed } = this.#options;
    const rows = this.#rows.splice(0, this.#maxBatch);
    // A change of a message that still waits would find no row.
    const changes = this.#rows.length === 0 ? this.#changes : new Map<string, MessageChange>();
    if (changes === this.#changes) this.#changes = new Map();
    const marks = this.#marks;
    this.#marks = new Map();
    const idlers = this.#idlers;
    this.#idlers = [];
    const startedAt = performance.now();
    try {
      const { repeated, moved } = await table.write({
        rows: rows.map(({ row }) => row),
        changes: [...changes.values()],
        marks: new Map(Array.from(marks, ([roomId, { seq }]) => [roomId, seq])),
      });
      committed?.(rows.length, (performance.now() - startedAt) / 1000);
      for (const [roomId, { done }] of marks) done(moved.has(roomId) ? 'moved' : 'stored');
      for (const { row, done } of rows) {
        const before = repeated.size === 0 ? undefined : repeated.get(keyOfRow(row));
        done(before === undefined && moved.has(row.room_id) ? 'moved' : { seq: before ?? row.seq });
      }
      return true;
    } catch (error) {
      failed(error);
      this.#changes = new Map([...changes, ...this.#changes]);
      this.#marks = new Map([...marks, ...this.#marks]);
      for (const { done } of rows) done(undefined);
      return false;
    } finally {
      this.#adapt(rows.length, performance.now() - startedAt);
      for (const resolve of idlers) resolve();
    }
  }
}
