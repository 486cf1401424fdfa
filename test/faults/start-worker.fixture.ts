/**
 * A worker process of `worker.fixture.ts` for a server of the test.
 * In: the server, a name. Out: its end by signals.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { WorkerServer } from '../../src/http/workers.fixture.ts';
import { until } from '../fixtures/wait.ts';

const entry = join(import.meta.dirname, 'worker.fixture.ts');

/** Starts the process and waits until it has registered. Disposing kills it. @param name unique */
export async function startWorker(
  { server, token, workers }: WorkerServer,
  name: string,
  mode: 'push' | 'pull' = 'push',
) {
  const setup = JSON.stringify({ url: server.url, token, name, mode });
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, entry, setup], { stdio: 'inherit' });
  const own = () => workers.list().find((one) => one.name === name);
  await until(`worker ${name} registers`, () => own() !== undefined);
  return {
    id: own()!.id,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    async ended() {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}
