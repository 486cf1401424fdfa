/**
 * `npm run bench -- jobs`: the time from the answer 202 to a request until the first progress of its job, as
 * a client sees it.
 * In: requests over HTTP to a server with one idle worker process, by push and by pull. Out: a table of
 * times; the targets are 150 ms (push) and 850 ms (pull) at the 95th percentile.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { subscribeBySse } from '../../src/http/events/subscriber.fixture.ts';
import { asAdmin } from '../../src/http/fixture.ts';
import { startWorkerServer } from '../../src/http/workers.fixture.ts';
import { until } from '../../test/fixtures/wait.ts';
import { printTable, quantile, say, sorted } from '../report.ts';

const entry = join(import.meta.dirname, '..', '..', 'test', 'faults', 'worker.fixture.ts');
const TARGETS_MS = { push: 150, pull: 850 } as const;

/** Measures `count` jobs of each mode, one after the other, and returns the report. */
export async function benchJobs(count: number): Promise<string> {
  const rows: string[][] = [];
  for (const mode of ['push', 'pull'] as const) {
    say(`${mode}: ${count} jobs`);
    const took = sorted(await measure(mode, count));
    const ms = [0.5, 0.95, 1].map((part) => quantile(took, part).toFixed(1));
    rows.push([mode, String(took.length), ...ms, String(TARGETS_MS[mode])]);
  }
  return printTable(['mode', 'jobs', 'p50 ms', 'p95 ms', 'worst ms', 'target of p95'], rows);
}

/** Times of all jobs, ms. */
async function measure(mode: 'push' | 'pull', count: number): Promise<number[]> {
  await using system = await startWorkerServer();
  const { url } = system.server;
  const setup = JSON.stringify({ url, token: system.token, mode });
  const worker = spawn(process.execPath, [...process.execArgv, entry, setup], { stdio: 'inherit' });
  try {
    await until('the worker registers', () => system.workers.list().length === 1);
    const events = await subscribeBySse(`${url}/api/v1/events?types=job.*`, asAdmin);
    const took: number[] = [];
    for (let i = -3; i < count; i++) {
      const ms = await measureJob(url, events);
      if (i >= 0) took.push(ms); // the first ones load code
    }
    events.close();
    return took;
  } finally {
    worker.kill();
    await once(worker, 'exit');
  }
}

/** From the answer to the first progress, ms; waits for the end of the job. */
async function measureJob(url: string, events: Awaited<ReturnType<typeof subscribeBySse>>): Promise<number> {
  const headers = { ...asAdmin, 'content-type': 'application/json' };
  const body = JSON.stringify({ stream: 'cam', from: '0', to: '1s' });
  const answer = await fetch(`${url}/api/v1/exports`, { method: 'POST', headers, body });
  const answeredMs = performance.now();
  if (answer.status !== 202) throw new Error(`the server answered ${answer.status}: ${await answer.text()}`);
  const { id } = (await answer.json()) as { id: string };
  let tookMs: number | undefined;
  for (;;) {
    const { type, data } = await events.next();
    if (data.id !== id) continue;
    if (type === 'job.progress' && (data.progress as number) > 0)
      tookMs ??= Math.max(0, performance.now() - answeredMs);
    if (type === 'job.failed') throw new Error('the job failed');
    if (type === 'job.done') return tookMs ?? Number.NaN;
  }
}
