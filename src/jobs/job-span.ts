/**
 * The span of a job: the same in every process that has to do with it, so that it needs no place in the
 * store.
 * In: jobs. Out: spans of their tries, below the request that added the job.
 */
import { createHash } from 'node:crypto';
import type { OpenSpan, Telemetry } from '../observe/traces/telemetry.ts';
import type { Job } from './job.ts';

const digits = (text: string, count: number) => createHash('sha256').update(text).digest('hex').slice(0, count);

/** The span of the current try of a job; undefined if tracing is off. */
export function spanOfJob(telemetry: Pick<Telemetry, 'begin'>, job: Job): OpenSpan | undefined {
  return telemetry.begin({
    traceId: digits(job.id, 32),
    spanId: digits(`${job.id} ${job.token}`, 16),
    traceparent: job.traceparent ?? undefined,
  });
}

/** Records the span of a try that has ended. */
export function endJobSpan(telemetry: Telemetry, job: Job, endedMs: number): void {
  if (job.startedMs === null) return;
  const { code, detail } = (job.state === 'queued' ? job.failures.at(-1) : job.error) ?? {};
  telemetry.ended({
    kind: 'job',
    name: `process ${job.kind}`,
    tookMs: Math.max(0, endedMs - job.startedMs),
    span: spanOfJob(telemetry, job),
    traceparent: job.traceparent ?? undefined,
    attributes: {
      'messaging.system': 'oxbow',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': job.kind,
      'messaging.message.id': job.id,
      'oxbow.job.state': job.state,
      'oxbow.job.try': job.tries,
      ...(job.subject !== null && { 'oxbow.job.subject': job.subject }),
      ...(job.worker !== null && { 'oxbow.job.worker': job.worker }),
      ...(code !== undefined && { 'error.type': code }),
    },
    error: detail,
  });
}
