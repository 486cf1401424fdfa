/**
 * Opens background work: the queue of jobs.
 * In: the context, store, events, recordings. Out: Jobs, Workers.
 */
import { fileURLToPath } from 'node:url';
import type { Nats } from '../cluster/nats/nats.ts';
import { nodeName } from '../config/sections/cluster-section.ts';
import type { AppContext, Parts } from '../features/core.ts';
import type { Job } from '../jobs/job.ts';
import { type OpenedJobs, openJobs as openQueue } from '../jobs/open-jobs.ts';
import { OwnWorker } from '../jobs/own-worker.ts';
import type { JobTransport } from '../jobs/transport/job-transport.ts';
import { messageOf } from '../lib/errors.ts';
import { startedFile } from '../lib/program-files.ts';
import { redact } from '../observe/redact.ts';

/** Longest attempt to connect to RabbitMQ, ms. */
const CONNECT_MS = 15_000;

/** Opens the queue. Kinds are registered next; then `startJobs` begins the work. */
export async function openJobs(
  app: AppContext,
  { store, bus, recordings, disk }: Pick<Parts, 'store' | 'bus' | 'recordings' | 'disk'>,
  nats?: Nats,
): Promise<OpenedJobs> {
  const { config, opened, clock, metrics, telemetry, failed } = app;
  const options = {
    transport: nats ? await openNatsTransport(app, nats) : await openTransport(app),
    db: store.db,
    clock,
    events: bus,
    metrics,
    telemetry,
    config: config.jobs,
    node: nodeName(config),
    media: recordings.segments,
    mayWrite: () => disk.now().hasRoom,
    jobFailed: ({ id, kind, subject, error }: Job) =>
      app.log.warn({ job: id, kind, subject, code: error?.code, reason: error?.detail }, 'a job has failed'),
    failed: failed('a job'),
  };
  return opened.use(await openQueue(options));
}

/**
 * The transport over RabbitMQ; undefined if none is set: within this process. Its library is loaded only if
 * there is one.
 */
async function openTransport({
  config,
  opened,
  clock,
  log,
  metrics,
  services,
  failed,
}: AppContext): Promise<JobTransport | undefined> {
  const { url, prefix } = config.jobs.amqp;
  if (url === undefined) return undefined;
  const { openRabbitTransport } = await import('../jobs/transport/rabbit/rabbit-transport.ts');
  return openRabbitTransport({
    url,
    prefix,
    clock,
    metrics,
    breaker: opened.use(await services.open({ service: 'rabbitmq', timeoutMs: CONNECT_MS, failures: 3 })),
    linked: () => log.info({ queues: `${prefix}.jobs` }, 'jobs are offered over RabbitMQ'),
    lost: (error) => log.warn({ reason: redact(messageOf(error)) }, 'the connection to RabbitMQ has ended'),
    failed: failed('the transport of jobs'),
  });
}

/** The transport over NATS. */
async function openNatsTransport({ config, log, metrics, failed }: AppContext, nats: Nats): Promise<JobTransport> {
  const { prefix } = config.nats;
  const transport = await import('../jobs/transport/nats/nats-transport.ts');
  log.info({ subject: `${prefix}.jobs` }, 'jobs are offered over NATS');
  return transport.openNatsTransport({ nats, prefix, metrics, failed: failed('the transport of jobs') });
}

/**
 * Starts the worker of the server itself, unless it is switched off. Call it after HTTP: it is ended before.
 */
export function openOwnWorker(
  { config: { jobs: config, transcode, ...others }, opened, clock, log, metrics, failed }: AppContext,
  { queued, isBusy, workers }: OpenedJobs,
  { url, token }: { readonly url: string; readonly token: string },
): void {
  const isShared = nodeName(others) !== undefined;
  if (config.ownWorker === 'off' || (isShared && !others.cluster.roles.includes('worker'))) return;
  const worker = opened.use(
    new OwnWorker({
      entry: fileURLToPath(startedFile('cli/own-worker')),
      url,
      token,
      clock,
      isNeeded: isBusy,
      slots: config.slots,
      encoders: { sessions: transcode.sessions, liveSessions: transcode.liveSessions, waitMs: transcode.wait },
      idleMs: config.workerIdle,
      isShared,
      children: others.children,
      unchecked: url.startsWith('https:'),
      when: config.ownWorker,
      otlp: others.telemetry.otlp,
      log: (text) => log.info({ worker: 'own' }, text),
      crashed(reason) {
        metrics.ownWorkerCrashes.inc({});
        log.warn({ report: 'child', error: reason }, 'the built-in worker exited; restarting it');
        workers.ownEnded(reason).catch(failed('the own worker'));
      },
    }),
  );
  queued.subscribe(() => worker.need());
}

/** Runs queued jobs, assigns them to workers and deletes expired ones until the shutdown. */
export async function startJobs(
  { opened, shutdown }: AppContext,
  { jobs, workers }: Pick<Parts, 'jobs' | 'workers'>,
): Promise<void> {
  await jobs.work();
  opened.use(shutdown.owns(jobs.expire({ signal: shutdown.signal })));
  opened.use(shutdown.owns(workers.watch({ signal: shutdown.signal })));
  // Before the server closes: it waits for open responses.
  opened.defer(() => workers.leave());
}
