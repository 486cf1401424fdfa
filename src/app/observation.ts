/**
 * Opens clock, metrics, log, traces and the list of services.
 * In: settings. Out: Observation.
 */
import type { EffectiveSettings } from '../config/running/effective-settings.ts';
import type { Config } from '../config/schema.ts';
import { nodeName } from '../config/sections/cluster-section.ts';
import type { Observation, ServerProcess } from '../features/core.ts';
import { createSystemClock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { Emitter } from '../lib/events.ts';
import { GarbageWatch } from '../lib/memory/garbage-watch.ts';
import { createLog } from '../observe/log.ts';
import { LogRing } from '../observe/log-ring.ts';
import { createMetrics } from '../observe/metrics.ts';
import { Services } from '../observe/services/services.ts';
import { openOtlpLogs } from '../observe/traces/otlp-logs.ts';
import { noTelemetry, openTelemetry, resourceOf } from '../observe/traces/telemetry.ts';
import { DatabaseLost } from '../store/engine.ts';

/**
 * Opens the log first, so that later errors are logged.
 *
 * @param options.shown log lines are written after it resolves
 */
export async function openObservation(
  config: Config,
  settings: EffectiveSettings,
  {
    opened,
    shown,
    process: part,
  }: {
    readonly opened: AsyncDisposableStack;
    readonly shown: Promise<void> | undefined;
    readonly process: ServerProcess | undefined;
  },
): Promise<Observation> {
  const clock = createSystemClock();
  const metrics = opened.use(createMetrics());
  opened.use(new GarbageWatch());
  const logs = new LogRing(() => clock.nowMs());
  const reports = new Emitter<string>();
  const { otlp, sample } = config.telemetry;
  const resource = resourceOf(nodeName(config));
  const otlpLogs =
    otlp === undefined
      ? undefined
      : opened.use(
          await openOtlpLogs({
            endpoint: otlp,
            resource,
            onLost: (count) => metrics.telemetryLost.inc({ signal: 'logs' }, count),
          }),
        );
  const log = createLog({
    level: settings,
    format: config.logFormat,
    fd: 2,
    base: part && { process: part.link.start.name },
    after: shown,
    onWritten(line) {
      logs.take(line);
      if (config.telemetry.logs) otlpLogs?.take(line);
    },
    onReport(line) {
      reports.emit(line);
      if (!config.telemetry.logs) otlpLogs?.take(line);
    },
    onLine: (level) => metrics.logLines.inc({ level }),
    onSuppressed: (reason) => metrics.logSuppressed.inc({ reason }),
  });
  opened.defer(() => log.flush());
  let stop: { readonly reason: string; readonly atMs: number } | undefined;
  opened.defer(() => {
    if (stop) log.info({ reason: stop.reason, tookMs: Math.round(clock.monotonicMs() - stop.atMs) }, 'oxbow stopped');
  });
  const telemetry =
    otlp === undefined
      ? noTelemetry
      : await openTelemetry({
          endpoint: otlp,
          sample: sample / 100,
          nowMs: () => clock.nowMs(),
          resource,
          onSpan: (kind) => metrics.spans.inc({ kind }),
          onLost: (count) => metrics.telemetryLost.inc({ signal: 'traces' }, count),
        });
  opened.use(telemetry);
  return {
    clock,
    metrics,
    log,
    logs,
    telemetry,
    reports,
    otlpLogs,
    services: new Services({ metrics, log }),
    failed: (activity) => (error) => {
      log[levelOfFailure(error)]({ error: messageOf(error) }, `${activity} failed`);
    },
    stopping(reason) {
      stop = { reason, atMs: clock.monotonicMs() };
      log.info({ reason }, 'oxbow is shutting down');
    },
  };
}

/**
 * The level of a failure in the log: what was aborted, because oxbow ends, is none, and of a lost database
 * others report.
 */
export function levelOfFailure(error: unknown): 'debug' | 'error' {
  const isAborted = error instanceof DOMException && error.name === 'AbortError';
  return isAborted || error instanceof DatabaseLost ? 'debug' : 'error';
}
