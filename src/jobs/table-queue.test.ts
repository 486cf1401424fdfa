import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock } from '../lib/clock.ts';
import { createSilentLog } from '../observe/log.ts';
import { openStore } from '../store/db.ts';
import type { JobQueue } from './job.ts';
import { type JobStore, jobsContract } from './jobs.contract.ts';
import { openTableQueue } from './table-queue.ts';

jobsContract('a table', async (): Promise<JobStore> => {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-jobs-'));
  const open = () => openStore({ file: join(folder, 'oxbow.db'), log: createSilentLog() });
  let store = await open();
  const clock = createManualClock();
  const ended: string[] = [];
  return {
    advance: (ms) => clock.advance(ms),
    nowMs: () => clock.nowMs(),
    ended,
    open: ({ parallel = 1, maxQueued = 100 } = {}) =>
      openTableQueue({
        ...{ db: store.db, clock, parallel, maxQueued },
        ended: ({ id, state }) => ended.push(`${id} ${state}`),
        failed: () => undefined,
      }),
    async crash(queue: JobQueue) {
      await store[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
      store = await open();
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
