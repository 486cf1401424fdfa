/**
 * A segment that the origin is still sending: all viewers that request it get its bytes as they come.
 * In: the body of one response. Out: a reply that grows, for many readers. docs/decisions/0031.
 */
import { waitFor } from '../../delivery/live/pending-reply.ts';
import type { Reply } from '../../delivery/reply.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Emitter } from '../../lib/events.ts';
import type { CopyFields } from './copy.ts';

/** A segment that stops growing is given up after this long, ms. */
const MAX_WAIT_MS = 60_000;

/** The segment. */
export class Growth {
  readonly #chunks: Uint8Array[] = [];
  readonly #changes = new Emitter<void>();
  #isEnded = false;
  #error: unknown;
  readonly reply: Reply;

  constructor({ contentType }: Pick<CopyFields, 'contentType'>) {
    this.reply = {
      contentType,
      cacheControl: 'no-store',
      length: 0,
      body: [],
      grows: ({ signal }) => this.#read(signal),
    };
  }

  /** Reads the response to its end; never rejects. */
  async fill(body: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of body) {
        this.#chunks.push(chunk);
        this.#changes.emit();
      }
    } catch (error) {
      this.#error = error;
    }
    this.#isEnded = true;
    this.#changes.emit();
  }

  async *#read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let index = 0; ; index++) {
      const hasMore = () => this.#chunks.length > index || this.#isEnded;
      await waitFor(this.#changes, hasMore, MAX_WAIT_MS, signal);
      const chunk = this.#chunks[index];
      if (chunk) yield chunk;
      else if (this.#error !== undefined) throw this.#error;
      else if (this.#isEnded) return;
      else throw new OxbowError('part-timeout', 'The segment does not continue.');
    }
  }
}
