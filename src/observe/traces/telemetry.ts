/**
 * Traces for OpenTelemetry, when switched on: spans of requests, fetches, jobs, publishers and slow database
 * answers, by OTLP over HTTP.
 * In: finished operations with their times. Out: POSTs to a collector, in batches. Loads its libraries only
 * when tracing is on.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Tracer } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type {
  BasicTracerProvider,
  IdGenerator,
  SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { version } from '../../lib/version.ts';
import { redact } from '../redact.ts';
import { bounds, countLosses, exporterOptions, shutDown } from './collector.ts';
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
  /** Of a new trace: it is sampled unless the share is 0. For rare and long work, such as publishers. */
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
  /** The source of the spans; see `resourceOf`. */
  readonly resource?: Readonly<Record<string, string>>;
  /** Longest request to the collector, and longest wait of closing, ms; default 3,000. */
  readonly deadlineMs?: number;
  /** Called for each span that is sent. */
  readonly onSpan?: (kind: SpanKind) => void;
  /** Called when spans are lost, because the collector does not accept them or too many wait. */
  readonly onLost?: (count: number) => void;
}

const BATCH_MS = 2000;

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
  const { deadlineMs = bounds.exportTimeoutMillis, onLost = () => {} } = options;
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const spanExporter = new OTLPTraceExporter(exporterOptions(options.endpoint, 'traces', deadlineMs));
  const resource = resourceFromAttributes(options.resource ?? resourceOf(undefined));
  return new SpanSender({ ...options, deadlineMs, api, sdk, resource, ...countLosses(spanExporter, onLost) });
}

/** The libraries, loaded, and the options of tracing. */
interface SpanSenderSetup extends Omit<TelemetryOptions, 'resource' | 'onLost'> {
  readonly deadlineMs: number;
  readonly api: typeof import('@opentelemetry/api');
  readonly sdk: typeof import('@opentelemetry/sdk-trace-base');
  readonly exporter: SpanExporter;
  /** Whether the queue takes one more span. */
  readonly admit: () => boolean;
  readonly resource: Resource;
}

/** Sends spans in batches, as many as the queue takes. */
class SpanSender implements Telemetry {
  readonly #setup: SpanSenderSetup;
  readonly #ids: IdGenerator;
  readonly #share: TraceIdRatioBasedSampler;
  readonly #provider: BasicTracerProvider;
  readonly #tracer: Tracer;
  readonly #kinds: Readonly<Record<SpanKind, number>>;
  /** The ids of the span that is started now. */
  #started: Pick<OpenSpan, 'traceId' | 'spanId'> = { traceId: '', spanId: '' };

  constructor(setup: SpanSenderSetup) {
    const { api, sdk } = setup;
    this.#setup = setup;
    this.#ids = new sdk.RandomIdGenerator();
    this.#share = new sdk.TraceIdRatioBasedSampler(setup.sample);
    this.#provider = new sdk.BasicTracerProvider({
      resource: setup.resource,
      sampler: new sdk.AlwaysOnSampler(), // `begin` has decided
      idGenerator: { generateTraceId: () => this.#started.traceId, generateSpanId: () => this.#started.spanId },
      spanProcessors: [
        new sdk.BatchSpanProcessor(setup.exporter, {
          ...bounds,
          scheduledDelayMillis: BATCH_MS,
          exportTimeoutMillis: setup.deadlineMs,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer('oxbow', version);
    this.#kinds = {
      request: api.SpanKind.SERVER,
      'pass-on': api.SpanKind.CLIENT,
      fetch: api.SpanKind.CLIENT,
      webhook: api.SpanKind.PRODUCER,
      job: api.SpanKind.CONSUMER,
      database: api.SpanKind.CLIENT,
      publish: api.SpanKind.SERVER,
      record: api.SpanKind.INTERNAL,
      playback: api.SpanKind.SERVER,
    };
  }

  begin({ traceId: requested, spanId = this.#ids.generateSpanId(), traceparent, isRare }: Begun): OpenSpan {
    const parent = parseParentSpan(traceparent ?? '');
    const traceId = parent?.traceId ?? requested ?? this.#ids.generateTraceId();
    const isChosen = () => (isRare ? this.#setup.sample > 0 : this.#isKept(traceId));
    const isSampled = parent ? (parent.traceFlags & 1) === 1 : isChosen();
    return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}` };
  }

  ended({ kind, name, tookMs, agoMs = 0, span: begun, attributes, links = [], error, ...of }: Ended): void {
    const { api, nowMs, admit, onSpan } = this.#setup;
    const ids = begun ?? this.begin(of);
    if (!ids.traceparent.endsWith('01')) return;
    if (!admit()) return;
    const endTime = nowMs() - agoMs;
    const parent = parseParentSpan(of.traceparent ?? '');
    const context = parent
      ? api.trace.setSpanContext(api.ROOT_CONTEXT, { ...parent, isRemote: true })
      : api.ROOT_CONTEXT;
    this.#started = ids;
    const linked = links.flatMap((link) => parseParentSpan(link ?? '') ?? []);
    const span = this.#tracer.startSpan(
      name,
      {
        kind: this.#kinds[kind],
        startTime: endTime - tookMs,
        ...(attributes && { attributes: withoutSecrets(attributes) }),
        ...(linked.length > 0 && { links: linked.map((each) => ({ context: each })) }),
      },
      context,
    );
    if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: redact(error) });
    onSpan?.(kind);
    span.end(endTime);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return shutDown(this.#provider, this.#setup.deadlineMs);
  }

  #isKept(traceId: string): boolean {
    const { api, sdk } = this.#setup;
    const { decision } = this.#share.shouldSample(api.ROOT_CONTEXT, traceId);
    return decision === sdk.SamplingDecision.RECORD_AND_SAMPLED;
  }
}

/** Attributes as they may leave this machine: a path may begin with a playback token. */
function withoutSecrets(attributes: NonNullable<Ended['attributes']>): Record<string, AttributeValue> {
  const clean: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) clean[name] = typeof value === 'string' ? redact(value) : value;
  return clean;
}
