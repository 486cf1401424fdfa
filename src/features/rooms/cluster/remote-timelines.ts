/**
 * The media of streams that other nodes of a cluster run, as rooms need it: the live edge is requested while
 * it is used.
 * In: requests to the owner of a stream. Out: StreamTimeline.
 */
import { dropOldest } from '../../../lib/drop-oldest.ts';
import type { MediaSpan, StreamTimeline } from '../../../streams/timeline/stream-timeline.ts';

/** The edge is requested this often, ms; in between it grows as time passes. */
const ASK_EACH_MS = 1000;
/** An edge that is older is none: the stream has no node for now, ms. */
const VALID_MS = 5000;
/** The distance to the edge while nothing is known, ms. */
const USUAL_DISTANCE_MS = 3000;
/** Most streams that are known. */
const MAX_STREAMS = 1000;

/** The answer of the owner of a stream. */
export interface RemoteEdge {
  /** Unix ms; null: the stream is not live. */
  readonly edgeMs: number | null;
  readonly distanceMs: number;
}

/** Dependencies of timelines. */
interface RemoteTimelinesOptions {
  readonly monotonicMs: () => number;
  /** Requests it from the owner of a stream. @throws if it does not answer */
  edge(stream: string): Promise<RemoteEdge>;
  /** The first media that ends after a position, unix ms. @throws if it does not answer */
  span(stream: string, positionMs: number): Promise<MediaSpan | null>;
  /** Called when an owner did not answer. */
  failed(error: unknown): void;
}

interface TimedEdge extends RemoteEdge {
  /** When it was requested, monotonic ms. */
  readonly atMs: number;
}

/** The streams of other nodes. */
export class RemoteTimelines {
  readonly #options: RemoteTimelinesOptions;
  readonly #edges = new Map<string, TimedEdge>();
  readonly #requestedMs = new Map<string, number>();

  constructor(options: RemoteTimelinesOptions) {
    this.#options = options;
  }

  /** Requests the edge of a stream. Never rejects. */
  async refresh(stream: string): Promise<void> {
    const atMs = this.#options.monotonicMs();
    this.#requestedMs.set(stream, atMs);
    dropOldest(this.#requestedMs, MAX_STREAMS);
    try {
      this.#edges.set(stream, { ...(await this.#options.edge(stream)), atMs });
      dropOldest(this.#edges, MAX_STREAMS);
    } catch (error) {
      this.#options.failed(error);
    }
  }

  /** The timeline of a stream. */
  of(stream: string): StreamTimeline {
    return {
      edgeMs: () => {
        const edge = this.#current(stream);
        if (edge?.edgeMs == null) return undefined;
        return edge.edgeMs + this.#options.monotonicMs() - edge.atMs;
      },
      distanceMs: () => this.#current(stream)?.distanceMs ?? USUAL_DISTANCE_MS,
      span: async (positionMs) => {
        try {
          return (await this.#options.span(stream, positionMs)) ?? undefined;
        } catch (error) {
          this.#options.failed(error);
          return undefined; // the room requests it again, and ends after a while
        }
      },
    };
  }

  #current(stream: string): TimedEdge | undefined {
    const nowMs = this.#options.monotonicMs();
    if (nowMs - (this.#requestedMs.get(stream) ?? Number.NEGATIVE_INFINITY) >= ASK_EACH_MS) void this.refresh(stream);
    const edge = this.#edges.get(stream);
    return edge && nowMs - edge.atMs < VALID_MS ? edge : undefined;
  }
}
