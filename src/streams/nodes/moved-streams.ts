/**
 * Follows the owners of streams: what moves to this node is opened, what moves from it is closed. What fails is tried again, since the
 * stream runs nowhere until it succeeds.
 * In: changes of owners. Out: calls of the catalog.
 */
import { backoffMs, sleep } from '../../lib/abort.ts';
import type { Placement } from '../../nodes/placement.ts';
import type { Log } from '../../observe/log.ts';

/** Longest pause between two tries, ms. */
const MAX_PAUSE_MS = 10_000;

/** What streams are followed with. */
export interface MovedStreamsOptions {
  readonly placement: Placement;
  readonly log: Log;
  /** Opens or closes a stream, as its owner is now. */
  readonly follow: (name: string, isOwn: boolean) => Promise<void>;
}

/** The streams that move. Disposing ends it, and waits for what is under way. */
export class MovedStreams implements AsyncDisposable {
  readonly #options: MovedStreamsOptions;
  readonly #ending = new AbortController();
  /** What is under way, with the stream that is opened; undefined for one that is closed. */
  readonly #underWay = new Map<Promise<void>, string | undefined>();
  readonly #unsubscribe: () => void;

  constructor(options: MovedStreamsOptions) {
    this.#options = options;
    this.#unsubscribe = options.placement.moved.subscribe(({ kind, key, owner }) => {
      if (kind !== 'stream') return;
      const following = this.#follow(key, owner === 'own').finally(() => this.#underWay.delete(following));
      this.#underWay.set(following, owner === 'own' ? key : undefined);
    });
  }

  /** Names of the streams that this node has taken over and not opened yet. */
  get toOpen(): readonly string[] {
    return [...new Set([...this.#underWay.values()].filter((name) => name !== undefined))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    this.#ending.abort(new DOMException('the streams are closed', 'AbortError'));
    await Promise.all(this.#underWay.keys());
  }

  /** Never rejects. */
  async #follow(name: string, isOwn: boolean): Promise<void> {
    const { follow, log } = this.#options;
    const { signal } = this.#ending;
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        await follow(name, isOwn);
        return;
      } catch (error) {
        if (signal.aborted) return;
        log.error({ stream: name, err: error }, 'a stream that moved could not be opened or closed; trying again');
      }
      await sleep(backoffMs(tries, 500, MAX_PAUSE_MS), { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  }
}
