/**
 * Traces of the media path: sessions of publishers and sources, and segments from the packager to the disk.
 * In: events of publisher slots, committed segments. Out: spans. A segment has its own trace, with a
 * link to its session, which may last for months.
 */
import type { Publisher } from '../../ingest/publisher.ts';
import type { PublisherEvent } from '../../ingest/publisher-slot.ts';
import type { OpenSpan, Telemetry } from '../../observe/traces/telemetry.ts';

interface Session {
  readonly span: OpenSpan;
  readonly startedMs: number;
}

/** Traces of the streams of a process; does nothing while tracing is off. */
export class StreamTraces {
  readonly #telemetry: Pick<Telemetry, 'begin' | 'ended'>;
  readonly #nowMs: () => number;
  readonly #sessions = new WeakMap<Publisher, Session>();
  /** The active session of each stream, by its id. */
  readonly #active = new Map<string, OpenSpan>();

  /** @param nowMs a clock that never steps, ms */
  constructor(telemetry: Pick<Telemetry, 'begin' | 'ended'>, nowMs: () => number) {
    this.#telemetry = telemetry;
    this.#nowMs = nowMs;
  }

  /** `traceparent` of the active session of a stream; undefined if there is none. */
  sessionOf(streamId: string): string | undefined {
    return this.#active.get(streamId)?.traceparent;
  }

  /** Notes an event of a publisher or source. */
  publisher({ id, name }: { readonly id: string; readonly name: string }, event: PublisherEvent): void {
    if (event.type === 'refused') {
      const { request, error } = event;
      this.#telemetry.ended({
        kind: 'publish',
        name: `publish ${request.protocol}`,
        tookMs: 0,
        error: error.message,
        isRare: true,
        attributes: { 'oxbow.stream': name, 'oxbow.protocol': request.protocol, 'error.type': error.code },
      });
      return;
    }
    const { publisher } = event;
    if (event.type === 'ended') {
      this.#ended(id, name, publisher, event.detail);
      return;
    }
    if (event.type === 'started') {
      const span = this.#telemetry.begin({ isRare: true });
      if (!span) return;
      this.#sessions.set(publisher, { span, startedMs: this.#nowMs() });
    }
    const session = this.#sessions.get(publisher);
    if (session && (event.type === 'switched' || publisher.turn.role === 'active')) this.#active.set(id, session.span);
  }

  /** The span of a segment that is sealed now, and will be recorded. */
  segment(): OpenSpan | undefined {
    return this.#telemetry.begin({});
  }

  /** A segment is on the disk. @param lagMs since it was sealed */
  recorded(
    { id, name }: { readonly id: string; readonly name: string },
    span: OpenSpan,
    { msn, bytes, lagMs }: { readonly msn: number; readonly bytes: number; readonly lagMs: number },
  ): void {
    this.#telemetry.ended({
      kind: 'record',
      name: 'record segment',
      tookMs: lagMs,
      span,
      attributes: { 'oxbow.stream': name, 'oxbow.segment.msn': msn, 'oxbow.segment.bytes': bytes },
      links: [this.sessionOf(id)],
    });
  }

  #ended(id: string, name: string, publisher: Publisher, detail: string): void {
    const session = this.#sessions.get(publisher);
    if (!session) return;
    this.#sessions.delete(publisher);
    if (this.#active.get(id) === session.span) this.#active.delete(id);
    const { protocol, remote } = publisher.connection;
    this.#telemetry.ended({
      kind: 'publish',
      name: `publish ${protocol}`,
      span: session.span,
      tookMs: this.#nowMs() - session.startedMs,
      attributes: {
        'oxbow.stream': name,
        'oxbow.protocol': protocol,
        ...(remote !== '' && { 'client.address': remote }),
        'oxbow.end': detail,
      },
    });
  }
}
