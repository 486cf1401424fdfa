/**
 * Sends the media of a reply: from memory, from files, or while it grows.
 * In: delivery's Reply. Out: heads and bodies of responses, counted. RFC 9110 13 and 14.
 */
import type { MediaClass } from '../../api/media-address.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { ServeDeps } from '../deps.ts';
import type { Exchange, HeadFields } from '../exchange/exchange.ts';
import { joinFields } from '../exchange/media-answer.ts';
import { representationOf, type Sharing } from '../exchange/representation.ts';
import type { RequestSource } from '../exchange/request-source.ts';
import { areInMemory, readBlocks, sendBlocks, sendMemory } from '../exchange/send.ts';
import type { WaitLimiter } from '../wait-limiter.ts';

/** How a reply is sent. */
interface Sending {
  readonly class: MediaClass;
  readonly fields: HeadFields;
  readonly isHead: boolean;
  readonly sharing: Sharing;
}

/** What media is sent with. */
interface MediaSenderOptions {
  readonly deps: Pick<ServeDeps, 'metrics' | 'reader'>;
  readonly waitLimiter: WaitLimiter;
  readonly addressOf: (source: RequestSource) => string;
}

export class MediaSender {
  readonly #options: MediaSenderOptions;

  constructor(options: MediaSenderOptions) {
    this.#options = options;
  }

  /** @param hold counts the memory of the body; may refuse it */
  async send(exchange: Exchange, reply: Reply, how: Sending, hold: (body: Reply['body']) => void): Promise<void> {
    const { metrics, reader } = this.#options.deps;
    const { status, headers, body, length } = representationOf(exchange.headers, reply, how);
    const head = joinFields(how.fields, headers);
    if (how.isHead || status === 304) {
      exchange.head(status, head);
      exchange.body.end();
      return;
    }
    hold(body);
    if (areInMemory(body)) {
      exchange.head(status, head);
      sendMemory(exchange, body);
    } else {
      const blocks = await startedBlocks(readBlocks(body, reader));
      exchange.head(status, head);
      await sendBlocks(exchange, blocks);
    }
    metrics.servedBytes.inc({ class: how.class }, length);
  }

  /** Sends a reply that is not complete yet. Until its end it counts as a waiting request. */
  async sendGrowing(exchange: Exchange, reply: Reply, how: Sending, waiting: AbortController): Promise<void> {
    const { deps, waitLimiter, addressOf } = this.#options;
    const { signal } = waiting;
    const stopCounting = waitLimiter.acquire(addressOf(exchange));
    const leave = waitLimiter.register(waiting);
    const { status, headers } = representationOf(exchange.headers, reply, how);
    let length = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const bytes of reply.grows!({ signal })) {
        length += bytes.length;
        yield bytes;
      }
    }
    try {
      exchange.head(status, joinFields(how.fields, headers));
      await sendBlocks(exchange, counted());
    } catch (error) {
      if (!exchange.body.destroyed || !signal.aborted) throw error; // otherwise the client has disconnected
    } finally {
      leave();
      stopCounting();
      deps.metrics.servedBytes.inc({ class: how.class }, length);
    }
  }
}

/**
 * Reads the first block before it returns the blocks, so that a read error can still become a problem
 * document.
 */
async function startedBlocks(blocks: AsyncGenerator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const first = await blocks.next();
  return {
    async *[Symbol.asyncIterator]() {
      if (!first.done) yield first.value;
      yield* blocks;
    },
  };
}
