/**
 * Log lines as log records of OpenTelemetry, by OTLP over HTTP (JSON).
 * In: finished lines, JSON without secrets. Out: POSTs to a collector, in batches. A line that is lost is on
 * standard error all the same.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { sleep } from '../../lib/abort.ts';
import { version } from '../../lib/version.ts';

/** Sends a body; rejects if the collector does not accept it. */
export type PostRecords = (body: Uint8Array, headers: Readonly<Record<string, string>>) => Promise<void>;

/** Log records on their way to a collector. Disposing sends what waits. */
export interface OtlpLogs extends AsyncDisposable {
  /** Queues a line; drops it if too many wait. Ignores what is no JSON object. */
  take(json: string): void;
  /** Lines wait for this. */
  connect(post: PostRecords): void;
}

/** Options of `openOtlpLogs`. */
export interface OtlpLogsOptions {
  readonly resource: Readonly<Record<string, string>>;
  /** Called for records that are lost. */
  readonly onLost: (count: number) => void;
}

const MAX_QUEUED = 2048;
const MAX_BATCH = 256;
const BATCH_MS = 1000;

/** Severity numbers of OpenTelemetry; Logs Data Model, 4.4. */
const severities: Readonly<Record<string, number>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 };

type AnyValue = Readonly<Record<string, string | number | boolean>>;
const compress = promisify(gzip);

/** Opens the queue. */
export function openOtlpLogs({ resource, onLost }: OtlpLogsOptions): OtlpLogs {
  const queue: object[] = [];
  const closing = new AbortController();
  let post: PostRecords | undefined;
  let sending: Promise<void> | undefined;
  const send = async (): Promise<void> => {
    // Lines of one incident are one batch. The end does not wait.
    await sleep(BATCH_MS, { signal: closing.signal }).catch(() => undefined);
    while (queue.length > 0 && post) {
      const records = queue.splice(0, MAX_BATCH);
      const scope = { name: 'oxbow', version };
      const body = {
        resourceLogs: [{ resource: { attributes: keyValues(resource) }, scopeLogs: [{ scope, logRecords: records }] }],
      };
      try {
        const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
        await post(await compress(JSON.stringify(body)), headers);
      } catch {
        onLost(records.length); // not logged: the line would be sent too
      }
    }
    sending = undefined;
  };
  const start = () => {
    if (post && queue.length > 0) sending ??= send();
  };
  return {
    take(json) {
      const record = recordOf(json);
      if (!record) return;
      if (queue.length >= MAX_QUEUED) {
        onLost(1);
        return;
      }
      queue.push(record);
      start();
    },
    connect(given) {
      post = given;
      start();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      start();
      await sending;
    },
  };
}

/** The log record of a line; undefined if it is no JSON object. */
export function recordOf(json: string): object | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return undefined; // not a line of oxbow
  }
  const { level, time, msg, traceId, stream, error, stack, err, ...rest } = fields;
  const { type, message, stack: errStack } = { ...(err as Record<string, unknown> | undefined) };
  const nanos = `${BigInt(Date.parse(String(time)) || 0) * 1_000_000n}`;
  return {
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    severityNumber: severities[String(level)] ?? 0,
    severityText: String(level),
    body: { stringValue: String(msg ?? '') },
    ...(typeof traceId === 'string' && /^[0-9a-f]{32}$/.test(traceId) && { traceId }),
    attributes: keyValues({
      'oxbow.stream': stream,
      'exception.type': type ?? typeIn(stack),
      'exception.message': message ?? error,
      'exception.stacktrace': errStack ?? stack,
      ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [`oxbow.${name}`, value])),
    }),
  };
}

/** The class of an error, from the first line of its stack. */
function typeIn(stack: unknown): string | undefined {
  return typeof stack === 'string' ? /^([A-Z]\w*)(?: \[\w+\])?:/.exec(stack)?.[1] : undefined;
}

function keyValues(values: Readonly<Record<string, unknown>>): { key: string; value: AnyValue }[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined || value === null ? [] : [{ key, value: anyValue(value) }],
  );
}

function anyValue(value: unknown): AnyValue {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return Number.isSafeInteger(value) ? { intValue: value } : { doubleValue: value };
  return { stringValue: JSON.stringify(value) };
}
