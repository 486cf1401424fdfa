/**
 * What the queue of jobs in a table promises on every database: all that a queue promises.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import type { KyselyPlugin } from 'kysely';
import { createManualClock } from '../lib/clock.ts';
import type { OpenDatabase } from '../store/store.fixture.ts';
import type { JobQueue } from './job.ts';
import { type JobStore, jobsContract } from './jobs.contract.ts';
import { openTableQueue } from './table-queue.ts';

/** Every database runs this suite. */
export function tableQueueContract(name: string, open: OpenDatabase): void {
  jobsContract(`a table of ${name}`, async (): Promise<JobStore> => {
    const database = await open();
    const clock = createManualClock();
    const ended: string[] = [];
    const cuts = new Map<JobQueue, () => void>();
    return {
      advance: (ms) => clock.advance(ms),
      nowMs: () => clock.nowMs(),
      ended,
      async open({ parallel = 1, maxQueued = 100 } = {}) {
        const line = createLine();
        const queue = await openTableQueue({
          db: database.db.withPlugin(line.plugin),
          clock,
          parallel,
          maxQueued,
          ended: ({ id, state }) => ended.push(`${id} ${state}`),
          failed: () => undefined,
        });
        cuts.set(queue, line.cut);
        return queue;
      },
      async crash(queue) {
        cuts.get(queue)!();
        await queue[Symbol.asyncDispose]();
      },
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  });
}

/** A connection to the database that can be cut: then every statement fails before it is sent. */
function createLine(): { readonly plugin: KyselyPlugin; cut(): void } {
  let isCut = false;
  return {
    plugin: {
      transformQuery({ node }) {
        if (isCut) throw new Error('the process has crashed');
        return node;
      },
      transformResult: async ({ result }) => result,
    },
    cut() {
      isCut = true;
    },
  };
}
