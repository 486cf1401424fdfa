/**
 * Keeps printed programme guides for five minutes: each takes the timeline of every stream, and players
 * request them again and again.
 * In: a name and a function that prints. Out: Reply. The cache is bounded.
 */

import type { Reply } from '../../delivery/reply.ts';
import { SingleFlight } from '../../delivery/single-flight.ts';
import { playlistReply } from '../../delivery/text-reply.ts';
import type { Clock } from '../../lib/clock.ts';
import { type ChannelProgramme, type Channels, noChannels } from '../../streams/source/channel-source.ts';

/** A guide is printed again when the next of these periods begins, ms. */
const PERIOD_MS = 300_000;
const BOUNDS = { maxBytes: 16 * 1024 * 1024 };

interface GuidesOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly signal: AbortSignal;
  readonly channels?: () => Pick<Channels, 'programmes' | 'roomTitle'>;
}

/** The guides of one server. */
export class Guides {
  readonly #channels: () => Pick<Channels, 'programmes' | 'roomTitle'>;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #shared: SingleFlight;
  /** Of each printed guide, with its validator and its compressed form. */
  readonly #replies = new WeakMap<Uint8Array, Reply>();

  /**
   * @param options.channels what channels have scheduled; read at each request: they open later
   * @param options.signal aborts all work
   */
  constructor({ clock, signal, channels = () => noChannels }: GuidesOptions) {
    this.#clock = clock;
    this.#channels = channels;
    this.#shared = new SingleFlight({ bounds: BOUNDS, signal });
  }

  /** What a channel of this process has scheduled in [fromMs, toMs); undefined: the stream is none. */
  scheduled(stream: string, fromMs: number, toMs: number): readonly ChannelProgramme[] | undefined {
    return this.#channels().programmes(stream, fromMs, toMs);
  }

  /** What a channel of this process shows of its room: a guide with another one is printed again. */
  roomTitle(stream: string): string {
    return this.#channels().roomTitle(stream) ?? '';
  }

  /**
   * The guide of that name; concurrent requests share the work.
   *
   * @param name everything that the text depends on, except time
   * @param print is aborted when no client waits any more
   */
  async get(
    name: string,
    print: (options: { readonly signal: AbortSignal }) => Promise<string>,
    options: { readonly signal: AbortSignal },
  ): Promise<Reply> {
    const period = Math.floor(this.#clock.nowMs() / PERIOD_MS);
    const bytes = await this.#shared.get(
      `${period} ${name}`,
      async (sharedOptions) => Buffer.from(await print(sharedOptions)),
      options,
    );
    const cachedReply = this.#replies.get(bytes);
    if (cachedReply) return cachedReply;
    const reply = playlistReply(bytes, 'max-age=60', 'application/xml; charset=utf-8');
    this.#replies.set(bytes, reply);
    return reply;
  }
}
