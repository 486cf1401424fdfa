/**
 * Log lines as log records of OpenTelemetry, by OTLP over HTTP.
 * In: finished lines, JSON without secrets. Out: POSTs to a collector, in batches. A line that is lost is on
 * standard error all the same. Loads its libraries only when a collector is set.
 */
import type { SpanContext } from '@opentelemetry/api';
import type { LogRecordProcessor } from '@opentelemetry/sdk-logs';
import { version } from '../../lib/version.ts';
import { bounds, countLosses, exporterOptions, shutDown } from './collector.ts';
import type { TelemetryOptions } from './telemetry.ts';

/** Log records on their way to a collector. Disposing sends waiting records, until a deadline. */
export interface OtlpLogs extends AsyncDisposable {
  /** Queues a line; drops it if too many wait. Ignores a line that is no JSON object. */
  take(json: string): void;
}

const BATCH_MS = 1000;

/** Severity numbers of OpenTelemetry; Logs Data Model, 4.4. */
const severities: Readonly<Record<string, number>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 };

/** Loads the libraries and starts. An unavailable collector loses only records. */
export async function openOtlpLogs({
  endpoint,
  resource,
  onLost,
}: Required<Pick<TelemetryOptions, 'endpoint' | 'resource' | 'onLost'>>): Promise<OtlpLogs> {
  const [api, sdk, { OTLPLogExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-logs'),
    import('@opentelemetry/exporter-logs-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const deadlineMs = bounds.exportTimeoutMillis;
  const { admit, exporter } = countLosses(new OTLPLogExporter(exporterOptions(endpoint, 'logs', deadlineMs)), onLost);
  const batches = new sdk.BatchLogRecordProcessor({ exporter, ...bounds, scheduledDelayMillis: BATCH_MS });
  // Lines have no span id, and the library takes the context of a record only with one.
  const traceIds: LogRecordProcessor = {
    onEmit(record, context) {
      const trace = context && api.trace.getSpanContext(context);
      if (trace) record.spanContext = trace;
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const provider = new sdk.LoggerProvider({
    resource: resourceFromAttributes(resource),
    processors: [traceIds, batches],
  });
  const logger = provider.getLogger('oxbow', version);
  let closed: Promise<void> | undefined;
  return {
    take(json) {
      const record = recordOf(json);
      if (!record || !admit()) return;
      const { traceId, ...fields } = record;
      const trace = { traceId, traceFlags: 0 } as SpanContext;
      const context = traceId === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, trace);
      logger.emit({ ...fields, context });
    },
    [Symbol.asyncDispose]() {
      closed ??= shutDown(provider, deadlineMs);
      return closed;
    },
  };
}

/** The log record of a line, and its trace id; undefined if it is no JSON object. */
function recordOf(json: string) {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return undefined; // not a line of oxbow
  }
  const { level, time, msg, traceId, stream, error, stack, err, ...otherFields } = fields;
  const { type, message, stack: errStack } = { ...(err as Record<string, unknown> | undefined) };
  const timestamp = new Date(Date.parse(String(time)) || 0);
  const attributes: Record<string, unknown> = {
    'oxbow.stream': stream,
    'exception.type': type ?? typeIn(stack),
    'exception.message': message ?? error,
    'exception.stacktrace': errStack ?? stack,
    ...Object.fromEntries(Object.entries(otherFields).map(([name, value]) => [`oxbow.${name}`, value])),
  };
  return {
    timestamp,
    observedTimestamp: timestamp,
    severityNumber: severities[String(level)] ?? 0,
    severityText: String(level),
    body: String(msg ?? ''),
    attributes: Object.fromEntries(
      Object.entries(attributes).flatMap(([name, value]) =>
        value === undefined || value === null
          ? []
          : [[name, typeof value === 'object' ? JSON.stringify(value) : value]],
      ),
    ) as Record<string, string | number | boolean>,
    traceId: typeof traceId === 'string' && /^[0-9a-f]{32}$/.test(traceId) ? traceId : undefined,
  };
}

/** The class of an error, from the first line of its stack. */
function typeIn(stack: unknown): string | undefined {
  return typeof stack === 'string' ? /^([A-Z]\w*)(?: \[\w+\])?:/.exec(stack)?.[1] : undefined;
}
