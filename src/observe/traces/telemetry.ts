/**
 * Traces for OpenTelemetry, when switched on: spans of requests, fetches, jobs, publishers and slow database
 * answers, by OTLP over HTTP.
 * In: finished operations with their times. Out: POSTs to a collector, in batches. Loads its libraries only
 * when tracing is on.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { IdGenerator, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { version } from '../../lib/version.ts';
import { parseParentSpan } from './trace.ts';

/** Kinds of spans. docs/9-run/traces.md has their names and attributes. */
export type SpanKind =
  | 'request'
  | 'pass-on'
  | 'fetch'
  | 'webhook'
  | 'job'
  | 'database'
  | 'publish'
  | 'record'
  | 'playback';

/** A started span, so that its outgoing requests can refer to it. */
export interface OpenSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Header of its outgoing requests, with the sampled flag. */
  readonly traceparent: string;
}

export type AttributeValue = string | number | boolean;

/** How a span begins. */
export interface Begun {
  /** The trace it belongs to, 32 hexadecimal digits; default: a new one. */
  readonly traceId?: string | undefined;
  /** 16 hexadecimal digits; default: random. */
  readonly spanId?: string | undefined;
  /** The parent's `traceparent`, whose trace and sampling decision it takes. */
  readonly traceparent?: string | undefined;
  /** Of a new trace: it is sampled unless the share is 0. For what is rare and long, such as publishers. */
  readonly isRare?: boolean;
}

/** A finished operation. */
export interface Ended extends Omit<Begun, 'spanId'> {
  readonly kind: SpanKind;
  /** Of low cardinality: `GET /api/v1/streams/{name}`, never a URL with values. */
  readonly name: string;
  readonly tookMs: number;
  /** It ended this long ago, ms; 0 by default. */
  readonly agoMs?: number | undefined;
  /** Result of `begin` for the same trace and caller. */
  readonly span?: OpenSpan | undefined;
  readonly attributes?: Readonly<Record<string, AttributeValue | undefined>> | undefined;
  /** `traceparent` of spans that it belongs to without being a part of them. */
  readonly links?: readonly (string | undefined)[] | undefined;
  /** Reason of a failure. */
  readonly error?: string | undefined;
}

/** Receives spans. */
export interface Telemetry extends AsyncDisposable {
  /** Starts a span of the parent's trace or of the given one; undefined if tracing is off. */
  begin(of: Begun): OpenSpan | undefined;
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
  /** What the spans are of; see `resourceOf`. */
  readonly resource?: Readonly<Record<string, string>>;
  /** Longest request to the collector, and longest wait of closing, ms; default 3,000. */
  readonly deadlineMs?: number;
  /** Called for each span that is sent. */
  readonly onSpan?: (kind: SpanKind) => void;
  /** Called when spans are lost, because the collector does not accept them or too many wait. */
  readonly onLost?: (count: number) => void;
}

const MAX_QUEUED = 2048;
const MAX_BATCH = 256;
const BATCH_MS = 2000;
const DEADLINE_MS = 3000;

/** A `Telemetry` that does nothing: tracing is off. */
export const noTelemetry: Telemetry = {
  begin: () => undefined,
  ended() {},
  async [Symbol.asyncDispose]() {},
};

/** The instance of this process, when it has no name. */
const instance = randomUUID();

/**
 * The resource of the spans and log records of this process.
 *
 * @param node name of the node in a cluster, of the worker or of the edge
 * @param service `oxbow`, `oxbow-edge` or `oxbow-worker`
 */
export function resourceOf(node: string | undefined, service = 'oxbow'): Readonly<Record<string, string>> {
  return {
    'service.name': service,
    'service.version': version,
    'service.instance.id': node || instance,
    'host.name': hostname(),
  };
}

/**
 * Loads the libraries and starts. An unavailable collector loses only spans. Disposing sends queued spans
 * until its deadline.
 */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { deadlineMs = DEADLINE_MS, resource = resourceOf(undefined) } = options;
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const random = new sdk.RandomIdGenerator();
  let wanted: { readonly traceId: string; readonly spanId: string };
  const idGenerator: IdGenerator = {
    generateTraceId: () => wanted.traceId,
    generateSpanId: () => wanted.spanId,
  };
  const exporter = new OTLPTraceExporter({
    url: signalUrl(options.endpoint, 'traces'),
    timeoutMillis: deadlineMs,
    compression: 'gzip' as never, // a member of an enum that the library does not export
  });
  let queued = 0;
  const counted: SpanExporter = {
    export(spans, done) {
      exporter.export(spans, (result) => {
        queued -= spans.length;
        if (result.error) options.onLost?.(spans.length);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
  const batches: SpanProcessor = new sdk.BatchSpanProcessor(counted, {
    maxQueueSize: MAX_QUEUED,
    maxExportBatchSize: MAX_BATCH,
    scheduledDelayMillis: BATCH_MS,
    exportTimeoutMillis: deadlineMs,
  });
  const share = new sdk.TraceIdRatioBasedSampler(options.sample);
  const isKept = (traceId: string) =>
    share.shouldSample(api.ROOT_CONTEXT, traceId).decision === sdk.SamplingDecision.RECORD_AND_SAMPLED;
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes(resource),
    sampler: new sdk.AlwaysOnSampler(), // `begin` has decided
    idGenerator,
    spanProcessors: [batches],
  });
  const tracer = provider.getTracer('oxbow', version);
  const kinds = {
    request: api.SpanKind.SERVER,
    'pass-on': api.SpanKind.CLIENT,
    fetch: api.SpanKind.CLIENT,
    webhook: api.SpanKind.PRODUCER,
    job: api.SpanKind.CONSUMER,
    database: api.SpanKind.CLIENT,
    publish: api.SpanKind.SERVER,
    record: api.SpanKind.INTERNAL,
    playback: api.SpanKind.SERVER,
  } as const satisfies Record<SpanKind, unknown>;
  const begin = ({ traceId: requested, spanId = random.generateSpanId(), traceparent, isRare }: Begun): OpenSpan => {
    const parent = parseParentSpan(traceparent ?? '');
    const traceId = parent?.traceId ?? requested ?? random.generateTraceId();
    const isSampled = parent ? (parent.traceFlags & 1) === 1 : isRare ? options.sample > 0 : isKept(traceId);
    return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}` };
  };
  return {
    begin,
    ended({ kind, name, tookMs, agoMs = 0, span: begun, attributes, links = [], error, ...of }) {
      const own = begun ?? begin(of);
      if (!own.traceparent.endsWith('01')) return;
      if (queued >= MAX_QUEUED) {
        options.onLost?.(1);
        return;
      }
      queued += 1;
      const endTime = options.nowMs() - agoMs;
      const parent = parseParentSpan(of.traceparent ?? '');
      const context = parent
        ? api.trace.setSpanContext(api.ROOT_CONTEXT, { ...parent, isRemote: true })
        : api.ROOT_CONTEXT;
      wanted = own;
      const linked = links.flatMap((link) => parseParentSpan(link ?? '') ?? []);
      const span = tracer.startSpan(
        name,
        {
          kind: kinds[kind],
          startTime: endTime - tookMs,
          ...(attributes && { attributes: attributes as Record<string, AttributeValue> }),
          ...(linked.length > 0 && { links: linked.map((each) => ({ context: each })) }),
        },
        context,
      );
      if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
      options.onSpan?.(kind);
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

/** The address of a signal at a collector. */
export function signalUrl(endpoint: string, signal: 'traces' | 'logs'): string {
  const base = endpoint.replace(/\/+$/, '').replace(/\/v1\/(traces|logs)$/, '');
  return `${base}/v1/${signal}`;
}
