/**
 * The worker process that a server starts itself. It ends with the server, however that ends: its stdin
 * closes then.
 * In: a line of JSON on stdin, OwnWorkerSetup. Out: lines on stderr, which the server logs. Started by
 * jobs/own-worker.
 */
import { createInterface } from 'node:readline';
import { createMachinePool, poolLines } from '../ffmpeg/encoders/machine-pool.ts';
import type { OwnWorkerSetup } from '../jobs/own-worker.ts';
import { runWorker } from '../jobs/worker/worker.ts';
import { createSystemClock } from '../lib/clock.ts';
import { applyChildSettings } from '../lib/confine/confine.ts';
import { workerHandlers } from '../transcode/handlers.ts';
import { note } from './terminal.ts';
import { openWorkerTelemetry, workerFacts } from './worker.ts';

/** A server that does not answer any more gets no jobs back: the process ends after this, ms. */
const LEAVE_WITHIN_MS = 3000;

const stopping = new AbortController();
const { promise: setup, resolve } = Promise.withResolvers<OwnWorkerSetup>();
// A Ctrl-C reaches the whole process group: the server decides when this process ends.
process.on('SIGINT', () => {});
createInterface({ input: process.stdin })
  .once('line', (line) => resolve(JSON.parse(line) as OwnWorkerSetup))
  .once('close', () => {
    stopping.abort(new DOMException('the server ends', 'AbortError'));
    setTimeout(() => process.exit(0), LEAVE_WITHIN_MS).unref();
  });

const { url, token, unchecked, slots, children, encoders, otlp } = await setup;
applyChildSettings(children);
const pool = createMachinePool(encoders, createSystemClock(), poolLines(note));
await pool.ready();
const handlers = workerHandlers(pool);
const telemetry = await openWorkerTelemetry(otlp, 'own');
const kinds = Object.keys(handlers);
const end = await runWorker({
  name: 'this server',
  mode: 'push',
  slots,
  kinds,
  facts: workerFacts(pool),
  encoders: pool,
  server: { url, token, unchecked },
  handlers,
  log: note,
  telemetry,
  signal: stopping.signal,
});
await telemetry[Symbol.asyncDispose]();
await pool[Symbol.asyncDispose]();
process.exit(end === 'stuck' ? 1 : 0);
