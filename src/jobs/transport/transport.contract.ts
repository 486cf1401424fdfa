/**
 * The contract of every job transport.
 * In: a way to open transports of several processes that share one table of jobs. Out: tests; each engine's
 * test file runs this suite. Waits for wall time: a broker runs this suite too, and delivers over real
 * sockets.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { until as look } from '../../../test/fixtures/wait.ts';
import type { JobConsumer, JobSource, JobTransport, WaitingJob } from './job-transport.ts';

/**
 * Engines with a server are looked at in real time; a transport within a process is ready with the first
 * looks.
 */
const until = (what: string, isSo: () => boolean) => look(what, isSo, { everyMs: 1 });

/** Transports of one table of jobs; disposing closes them. */
export interface OpenTransports extends AsyncDisposable {
  /** The transport of one more process; it is started. */
  join(source: JobSource): Promise<JobTransport>;
  /** What takes threw. */
  readonly errors: readonly unknown[];
}

/** A table of jobs in memory: each is taken once. */
export class JobBoard implements JobSource {
  #jobs: WaitingJob[] = [];
  #number = 0;
  /** Ids in the order in which they were taken. */
  readonly taken: string[] = [];

  /** Adds a waiting job. */
  add(kind: string, priority = 0): WaitingJob {
    const number = ++this.#number;
    const job = { id: `${kind}-${number}`, number, kind, priority, notBeforeMs: 0 };
    this.#jobs.push(job);
    this.#jobs.sort((a, b) => b.priority - a.priority || a.number - b.number);
    return job;
  }

  /** Removes a waiting job, as one that is cancelled. */
  remove(id: string): void {
    this.#jobs = this.#jobs.filter((job) => job.id !== id);
  }

  /** Takes the next job of these kinds. */
  take(kinds: readonly string[]): WaitingJob | undefined {
    const job = this.#jobs.find(({ kind }) => kinds.includes(kind));
    if (!job) return undefined;
    this.remove(job.id);
    this.taken.push(job.id);
    return job;
  }

  async waiting(limit: number): Promise<readonly WaitingJob[]> {
    return this.#jobs.slice(0, limit);
  }
}

/** A process with slots, in which a job runs until `finish`. */
export class Slots implements JobConsumer {
  readonly #board: JobBoard;
  readonly #kinds: readonly string[];
  /** Jobs that can run at the same time; 0: none starts. */
  slots: number;
  readonly running: string[] = [];
  /** Takes in progress, and the most at the same time. */
  readonly takes = { now: 0, most: 0 };
  /** Called in each take; may throw. */
  onTake: () => void = () => undefined;

  constructor(board: JobBoard, kinds: readonly string[], slots: number) {
    this.#board = board;
    this.#kinds = kinds;
    this.slots = slots;
  }

  free() {
    return new Map(this.#kinds.map((kind) => [kind, Math.max(0, this.slots - this.running.length)]));
  }

  async take(kinds: readonly string[]): Promise<boolean> {
    this.takes.most = Math.max(this.takes.most, ++this.takes.now);
    try {
      await new Promise(setImmediate); // as a database
      this.onTake();
      const job = this.running.length < this.slots ? this.#board.take(kinds) : undefined;
      if (job) this.running.push(job.id);
      return job !== undefined;
    } finally {
      this.takes.now--;
    }
  }

  /** Ends the running jobs. */
  finish(): void {
    this.running.length = 0;
  }
}

/** Every engine of the transport runs this suite. */
export function transportContract(
  name: string,
  open: () => Promise<OpenTransports>,
  { skip = false }: { readonly skip?: string | false } = {},
): void {
  suite(`the transport of jobs ${name}`, { skip }, () => {
    test('an offered job starts where a slot is free; with no free slot it waits for one', async () => {
      await using opened = await open();
      const board = new JobBoard();
      const transport = await opened.join(board);
      const slots = new Slots(board, ['import'], 1);
      const consumption = transport.consume(slots);
      const [first, second] = [board.add('import'), board.add('import')];
      for (const job of [first, second]) transport.offer(job);
      await until('the first job runs', () => slots.running.length === 1);
      assert.deepEqual(slots.running, [first.id]);
      slots.finish();
      consumption.changed();
      await until('the second job runs', () => board.taken.length === 2);
      assert.deepEqual(slots.running, [second.id]);
      assert.equal(slots.takes.most, 1, 'takes run one after the other');
    });

    test('jobs that were queued before a process with slots came are taken by it, by priority and then in order', async () => {
      await using opened = await open();
      const board = new JobBoard();
      const transport = await opened.join(board);
      const jobs = [board.add('import', -1), board.add('import'), board.add('import', 5), board.add('import')];
      for (const job of jobs) transport.offer(job);
      const slots = new Slots(board, ['import'], 4);
      transport.consume(slots);
      await until('all run', () => slots.running.length === 4);
      assert.deepEqual(board.taken, ['import-3', 'import-2', 'import-4', 'import-1']);
    });

    test('a kind without slots waits, and holds up no other', async () => {
      await using opened = await open();
      const board = new JobBoard();
      const transport = await opened.join(board);
      const slots = new Slots(board, ['encode'], 2);
      transport.consume(slots);
      transport.offer(board.add('import'));
      transport.offer(board.add('encode'));
      await until('the other kind runs', () => slots.running.length === 1);
      assert.deepEqual(slots.running, ['encode-2']);
      const others = new Slots(board, ['import'], 1);
      transport.consume(others);
      await until('the first kind runs', () => others.running.length === 1);
    });

    test('several processes share the jobs: each job is taken once, and all are', async () => {
      await using opened = await open();
      const board = new JobBoard();
      const nodes = await Promise.all(
        [1, 2, 3].map(async () => {
          const transport = await opened.join(board);
          const slots = new Slots(board, ['import', 'encode'], 2);
          return { transport, slots, consumption: transport.consume(slots) };
        }),
      );
      const ids = Array.from({ length: 30 }, (_, n) => {
        const job = board.add(n % 3 === 0 ? 'encode' : 'import', n % 2);
        nodes[n % 3]!.transport.offer(job);
        return job.id;
      });
      // Slots are limited: while no job ends, each process gets some.
      await until('each process has taken one', () => nodes.every(({ slots }) => slots.takes.most > 0));
      await until('all were taken', () => {
        for (const { slots, consumption } of nodes) {
          slots.finish();
          consumption.changed();
        }
        return board.taken.length === ids.length;
      });
      assert.deepEqual(board.taken.toSorted(), ids.toSorted());
      for (const { slots } of nodes) assert.equal(slots.takes.most, 1);
    });

    test('the offer of a job that is gone is dropped, and one that is repeated starts nothing twice', async () => {
      await using opened = await open();
      const board = new JobBoard();
      const transport = await opened.join(board);
      const slots = new Slots(board, ['import'], 3);
      const gone = board.add('import');
      board.remove(gone.id);
      const job = board.add('import');
      for (const each of [gone, job, job, job]) transport.offer(each);
      transport.consume(slots);
      await until('the job runs', () => slots.running.length === 1);
      const last = board.add('import');
      transport.offer(last);
      await until('a later one runs', () => slots.running.length === 2);
      assert.deepEqual(board.taken, [job.id, last.id]);
    });

    test('a take that fails is reported, and the job is taken later', async () => {
      await using opened = await open();
      const board = new JobBoard();
      const transport = await opened.join(board);
      const slots = new Slots(board, ['import'], 1);
      const broken = new Error('the database does not answer');
      slots.onTake = () => {
        throw broken;
      };
      const consumption = transport.consume(slots);
      transport.offer(board.add('import'));
      await until('the failure is reported', () => opened.errors.includes(broken));
      slots.onTake = () => undefined;
      await until('the job runs', () => {
        consumption.changed();
        return slots.running.length === 1;
      });
    });

    test('after its end a consumption takes nothing, and the job waits for the next one', async () => {
      await using opened = await open();
      const board = new JobBoard();
      const transport = await opened.join(board);
      const slots = new Slots(board, ['import'], 1);
      const consumption = transport.consume(slots);
      await consumption[Symbol.asyncDispose]();
      await consumption[Symbol.asyncDispose]();
      transport.offer(board.add('import'));
      consumption.changed();
      const next = new Slots(board, ['import'], 1);
      transport.consume(next);
      await until('the job runs', () => next.running.length === 1);
      assert.deepEqual(slots.running, []);
    });
  });
}
