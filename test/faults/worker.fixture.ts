/**
 * A worker process for tests: its job says what it does. Started with its setup as an argument, or by the
 * server, with it on stdin.
 * In: WorkerSetup as JSON. Out: lines on stderr.
 */
import { createInterface } from 'node:readline';
import { runWorker } from '../../src/jobs/worker/worker.ts';
import type { WorkerHandler } from '../../src/jobs/worker-job.ts';

interface WorkerSetup {
  readonly url: string;
  readonly token: string;
  readonly slots?: number;
  readonly name?: string;
  readonly mode?: 'push' | 'pull';
}

const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());

interface TestJob {
  readonly act: 'work' | 'die' | 'hang';
  readonly forMs?: number;
  /** Only the first try lasts this long. */
  readonly onceMs?: number;
}

/** What the job says: `work` for a while and send an output, end the process, or never stop. */
const handler: WorkerHandler = async ({ input, token }, { progress, output, signal }) => {
  const { act, onceMs = 0, forMs = token === 1 ? onceMs : 0 } = input as TestJob;
  progress(0.1, { v0: 0.1 });
  if (act === 'die') process.kill(process.pid, 'SIGKILL');
  if (act === 'hang') await new Promise(() => {});
  // Not ended by the signal: a worker that believes that it still has the job.
  await new Promise((resolve) => setTimeout(resolve, forMs));
  if (act === 'work' && forMs === 0) signal.throwIfAborted();
  await using file = await output('v0/1.mp4');
  await file.write(Buffer.from(`by ${token}`));
  await file.finish();
  return { token };
};

async function readSetup(): Promise<WorkerSetup> {
  if (process.argv[2] !== undefined) return JSON.parse(process.argv[2]) as WorkerSetup;
  const { promise, resolve } = Promise.withResolvers<WorkerSetup>();
  createInterface({ input: process.stdin })
    .once('line', (line) => resolve(JSON.parse(line) as WorkerSetup))
    .once('close', () => {
      stopping.abort();
      setTimeout(() => process.exit(0), 1000).unref();
    });
  return promise;
}

const { url, token, slots = 1, name = 'fixture', mode = 'push' } = await readSetup();
const end = await runWorker({
  name,
  mode,
  slots,
  kinds: ['test'],
  handlers: { test: handler },
  server: { url, token },
  log: (text) => process.stderr.write(`${name}: ${text}\n`),
  signal: stopping.signal,
});
process.exit(end === 'stuck' ? 1 : 0);
