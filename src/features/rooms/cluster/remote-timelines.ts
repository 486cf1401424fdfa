/**
 * The media of streams that other nodes of a cluster run, as rooms need it: the live edge is requested while
 * it is used.
 * In: questions to the owner of a stream. Out: StreamTimeline.
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

/** What the owner of a stream answers. */
export interface RemoteEdge {
  /** Unix ms; null: the stream is not live. */
  readonly edgeMs: number | null;
  readonly distanceMs: number;
}

/** What timelines work with. */
export interface RemoteTimelinesOptions {
  readonly monotonicMs: () => number;
  /** Asks the owner of a stream. @throws if it does not answer */
  edge(stream: string): Promise<RemoteEdge>;
  /** The first media that ends after a position, unix ms. @throws if it does not answer */
  span(stream: string, positionMs: number): Promise<MediaSpan | null>;
  /** Called when an owner did not answer. */
  failed(error: unknown): void;
}

interface Known extends RemoteEdge {
  /** When it was requested, monotonic ms. */
  readonly atMs: number;
}

/** The streams of other nodes. */
export class RemoteTimelines {
  readonly #options: RemoteTimelinesOptions;
  readonly #known = new Map<string, Known>();
  readonly #asked = new Map<string, number>();

  constructor(options: RemoteTimelinesOptions) {
    this.#options = options;
  }

  /** Asks for the edge of a stream, so that it is known. Never rejects. */
  async refresh(stream: string): Promise<void> {
    const atMs = this.#options.monotonicMs();
    this.#asked.set(stream, atMs);
    dropOldest(this.#asked, MAX_STREAMS);
    try {
      this.#known.set(stream, { ...(await this.#options.edge(stream)), atMs });
      dropOldest(this.#known, MAX_STREAMS);
    } catch (error) {
      this.#options.failed(error);
    }
  }

  /** The timeline of a stream. */
  of(stream: string): StreamTimeline {
    return {
      edgeMs: () => {
        const known = this.#current(stream);
        if (known?.edgeMs == null) return undefined;
        return known.edgeMs + this.#options.monotonicMs() - known.atMs;
      },
      distanceMs: () => this.#current(stream)?.distanceMs ?? USUAL_DISTANCE_MS,
      span: async (positionMs) => {
        try {
          return (await this.#options.span(stream, positionMs)) ?? undefined;
        } catch (error) {
          this.#options.failed(error);
          return undefined; // the room asks again, and ends after a while
        }
      },
    };
  }

  #current(stream: string): Known | undefined {
    const nowMs = this.#options.monotonicMs();
    if (nowMs - (this.#asked.get(stream) ?? Number.NEGATIVE_INFINITY) >= ASK_EACH_MS) void this.refresh(stream);
    const known = this.#known.get(stream);
    return known && nowMs - known.atMs < VALID_MS ? known : undefined;
  }
}
