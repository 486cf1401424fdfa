/**
 * Traces for OpenTelemetry, when switched on: spans of requests, fetches, jobs and slow database answers, sent by OTLP over HTTP.
 * In: finished operations with their times. Out: POSTs to a collector, in batches. Loads its libraries only when tracing is on.
 */
import type { IdGenerator, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { version } from '../lib/version.ts';
import { parseParentSpan } from './trace.ts';

/** Kinds of spans. */
export type SpanKind = 'request' | 'fetch' | 'webhook' | 'job' | 'database';

/** A started span, so that its outgoing requests can refer to it. */
export interface OpenSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Header of its outgoing requests, with the sampled flag. */
  readonly traceparent: string;
}

/** A finished operation. */
export interface Ended {
  readonly kind: SpanKind;
  /** Of low cardinality: `GET /api/v1/streams/{name}`, never a URL with values. */
  readonly name: string;
  readonly tookMs: number;
  /** The trace it belongs to, 32 hexadecimal digits; default: a new one. */
  readonly traceId?: string;
  /** Result of `begin` for the same trace and caller. */
  readonly span?: OpenSpan | undefined;
  /** The caller's `traceparent`. */
  readonly traceparent?: string | undefined;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  /** Reason of a failure. */
  readonly error?: string | undefined;
}

/** Receives spans. */
export interface Telemetry extends AsyncDisposable {
  /** Starts a span of the caller's trace or of the given one; undefined if tracing is off. */
  begin(of: Pick<Ended, 'traceId' | 'traceparent'>): OpenSpan | undefined;
  /** Queues a span that ends now; returns at once. Drops it if the queue is full. */
  ended(span: Ended): void;
}

/** Options of tracing. */
export interface TelemetryOptions {
  /** Base address of the collector, e.g. `http://127.0.0.1:4318`; `/v1/traces` is added if missing. */
  readonly endpoint: string;
  /** Share of sampled traces, 0 to 1; the flag of a caller's `traceparent` has precedence. */
  readonly sample: number;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Longest request to the collector, and longest wait of closing, ms; default 3,000. */
  readonly deadlineMs?: number;
  /** Called for each span that is sent. */
  readonly onSpan?: (kind: SpanKind) => void;
}

const MAX_QUEUED = 2048;
const MAX_BATCH = 256;
const BATCH_MS = 5000;
const DEADLINE_MS = 3000;

/** A `Telemetry` that does nothing: tracing is off. */
export const noTelemetry: Telemetry = {
  begin: () => undefined,
  ended() {},
  async [Symbol.asyncDispose]() {},
};

/** Loads the libraries and starts. An unavailable collector loses only spans. Disposing sends queued spans until its deadline. */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { deadlineMs = DEADLINE_MS } = options;
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const random = new sdk.RandomIdGenerator();
  let wantedTraceId: string | undefined;
  let wantedSpanId: string | undefined;
  const idGenerator: IdGenerator = {
    generateTraceId: () => wantedTraceId ?? random.generateTraceId(),
    generateSpanId: () => wantedSpanId ?? random.generateSpanId(),
  };
  const batches: SpanProcessor = new sdk.BatchSpanProcessor(
    new OTLPTraceExporter({ url: tracesUrl(options.endpoint), timeoutMillis: deadlineMs }),
    {
      maxQueueSize: MAX_QUEUED,
      maxExportBatchSize: MAX_BATCH,
      scheduledDelayMillis: BATCH_MS,
      exportTimeoutMillis: deadlineMs,
    },
  );
  const share = new sdk.TraceIdRatioBasedSampler(options.sample);
  const isKept = (traceId: string) =>
    share.shouldSample(api.ROOT_CONTEXT, traceId).decision === sdk.SamplingDecision.RECORD_AND_SAMPLED;
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'oxbow', 'service.version': version }),
    sampler: new sdk.ParentBasedSampler({ root: share }),
    idGenerator,
    spanProcessors: [batches],
  });
  const tracer = provider.getTracer('oxbow', version);
  const kinds = {
    request: api.SpanKind.SERVER,
    fetch: api.SpanKind.CLIENT,
    webhook: api.SpanKind.CLIENT,
    job: api.SpanKind.INTERNAL,
    database: api.SpanKind.CLIENT,
  };
  return {
    begin({ traceId: requested, traceparent }) {
      const parent = parseParentSpan(traceparent ?? '');
      const traceId = parent?.traceId ?? requested ?? random.generateTraceId();
      const spanId = random.generateSpanId();
      const flags = (parent ? (parent.traceFlags & 1) === 1 : isKept(traceId)) ? '01' : '00';
      return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` };
    },
    ended({ kind, name, tookMs, span: begun, traceId = begun?.traceId, traceparent, attributes = {}, error }) {
      const endTime = options.nowMs();
      const parent = parseParentSpan(traceparent ?? '');
      const context = parent
        ? api.trace.setSpanContext(api.ROOT_CONTEXT, { ...parent, isRemote: true })
        : api.ROOT_CONTEXT;
      wantedTraceId = traceId;
      wantedSpanId = begun?.spanId;
      const span = tracer.startSpan(name, { kind: kinds[kind], startTime: endTime - tookMs, attributes }, context);
      wantedTraceId = undefined;
      wantedSpanId = undefined;
      if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
      if (span.isRecording()) options.onSpan?.(kind);
      span.end(endTime);
    },
    async [Symbol.asyncDispose]() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, deadlineMs);
      });
      // An unavailable collector must not delay the end of oxbow.
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}

function tracesUrl(endpoint: string): string {
  const base = endpoint.replace(/\/+$/, '');
  return base.endsWith('/v1/traces') ? base : `${base}/v1/traces`;
}
