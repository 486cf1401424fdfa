/**
 * The live streams of other nodes that this one follows: for mixers and channels.
 * In: names of streams. Out: their frames, as sinks get them; whether they are live. docs/decisions/0121.
 */
import type { Clock } from '../../../lib/clock.ts';
import { dropOldest } from '../../../lib/drop-oldest.ts';
import type { Placement } from '../../placement/placement.ts';
import { internalTarget } from '../internal-requests.ts';
import type { NodeClient } from '../node-client.ts';
import { RemoteStream } from './remote-stream.ts';

/** Whether a stream is live is requested at most this often, ms, and its owner answers within this time. */
const ASK_EACH_MS = 1000;
const ANSWER_MS = 2000;
/** An older answer is none, ms. */
const VALID_MS = 5000;
const MAX_BYTES = 1024;
/** Most streams of which an answer is remembered. */
const MAX_KNOWN = 1000;
/** Most streams that are followed at a time; each is one connection to its owner. */
const MAX_FOLLOWED = 512;

/** What streams are followed with. */
interface RemoteStreamsOptions {
  readonly client: Pick<NodeClient, 'send'>;
  readonly placement: Pick<Placement, 'lookUp'>;
  readonly clock: Clock;
  /** Ends all of it. */
  readonly signal: AbortSignal;
  readonly failed: (stream: string, error: unknown) => void;
}

/** An answer of an owner. */
interface Known {
  readonly isLive: boolean;
  /** When it came, monotonic ms. */
  readonly atMs: number;
}

/** One of each process; closed by its signal. */
export class RemoteStreams {
  readonly #options: RemoteStreamsOptions;
  /** Those that have sinks, by how they begin and their name. */
  readonly #followed = new Map<string, RemoteStream>();
  readonly #known = new Map<string, Known>();
  /** Questions without an answer yet, at most `MAX_KNOWN`: a stream is not asked about twice at a time. */
  readonly #asking = new Map<string, Promise<boolean>>();
  /** When a stream was asked about last, monotonic ms. */
  readonly #askedMs = new Map<string, number>();

  constructor(options: RemoteStreamsOptions) {
    this.#options = options;
  }

  /**
   * A stream of another node; undefined: too many are followed. It costs nothing until it has a sink, and is
   * read once for all that have the same `fromKeyFrame`.
   *
   * @param options.fromKeyFrame its first sink begins with the last key frame
   */
  of(name: string, { fromKeyFrame }: { readonly fromKeyFrame: boolean }): Pick<RemoteStream, 'sinks'> | undefined {
    const key = `${fromKeyFrame ? 'last' : 'next'} ${name}`;
    const followed = this.#followed.get(key);
    if (followed) return followed;
    if (this.#followed.size >= MAX_FOLLOWED) return undefined;
    const stream: RemoteStream = new RemoteStream({
      ...this.#options,
      name,
      fromKeyFrame,
      used: (isUsed) => {
        if (isUsed) this.#followed.set(key, stream);
        else if (this.#followed.get(key) === stream) this.#followed.delete(key);
      },
    });
    return stream;
  }

  /** Whether a stream is live, as its owner said a moment ago; it is asked again meanwhile. */
  isLive(name: string): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - (this.#askedMs.get(name) ?? Number.NEGATIVE_INFINITY) >= ASK_EACH_MS) void this.askLive(name);
    const known = this.#known.get(name);
    return known?.isLive === true && nowMs - known.atMs < VALID_MS;
  }

  /** Whether a stream is live now; false if its owner does not answer. Never rejects. */
  askLive(name: string): Promise<boolean> {
    const { clock } = this.#options;
    const before = this.#asking.get(name);
    if (before) return before;
    this.#askedMs.set(name, clock.monotonicMs());
    dropOldest(this.#askedMs, MAX_KNOWN);
    const asking = this.#ask(name)
      .catch(() => false)
      .then((isLive) => {
        if (this.#asking.get(name) === asking) this.#asking.delete(name);
        this.#known.set(name, { isLive, atMs: clock.monotonicMs() });
        dropOldest(this.#known, MAX_KNOWN);
        return isLive;
      });
    this.#asking.set(name, asking);
    dropOldest(this.#asking, MAX_KNOWN);
    return asking;
  }

  async #ask(name: string): Promise<boolean> {
    const { client, placement, signal } = this.#options;
    const owner = await placement.lookUp('stream', name);
    if (owner === undefined || owner === 'own' || !owner.isAlive) return false;
    const target = internalTarget.edge(name);
    const request = { method: 'GET', target, maxBytes: MAX_BYTES, deadlineMs: ANSWER_MS, signal } as const;
    using response = await client.send(owner, request);
    if (response.status !== 200) return false;
    return (JSON.parse(Buffer.from(await response.body()).toString()) as { isLive?: boolean }).isLive === true;
  }
}
