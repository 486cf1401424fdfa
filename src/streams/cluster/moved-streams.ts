/**
 * Follows the owners of streams: what moves to this node is opened, four streams at a time, what moves from
 * it is closed. What fails is tried again, since the stream runs nowhere until it succeeds.
 * In: changes of owners. Out: calls of the catalog.
 */
import type { Placement } from '../../cluster/placement/placement.ts';
import { backoffMs, isAbort, sleep } from '../../lib/abort.ts';
import { mapEach } from '../../lib/map-each.ts';
import type { Log } from '../../observe/log.ts';

/** Longest pause between two tries, ms. */
const MAX_PAUSE_MS = 10_000;

/** What streams are followed with. */
interface MovedStreamsOptions {
  readonly placement: Placement;
  readonly log: Log;
  /** Makes a change when the ones before it have ended. */
  readonly inTurn: (change: () => Promise<void>) => Promise<void>;
  /** Opens a stream, if this node is its owner now. Others may be opened meanwhile. */
  readonly adopt: (name: string) => Promise<void>;
  /** Closes a stream, if this node is not its owner now. */
  readonly leave: (name: string) => Promise<void>;
}

/** The streams that move. Disposing ends it, and waits for moves under way. */
export class MovedStreams implements AsyncDisposable {
  readonly #options: MovedStreamsOptions;
  readonly #ending = new AbortController();
  /** What is under way, with the stream that is opened; undefined for one that is closed. */
  readonly #underWay = new Map<Promise<void>, string | undefined>();
  /** Streams that are opened together in the next turn. */
  readonly #toAdopt = new Map<string, PromiseWithResolvers<void>>();
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
    const { inTurn, leave, log } = this.#options;
    const { signal } = this.#ending;
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        await (isOwn ? this.#adopt(name) : inTurn(() => leave(name)));
        return;
      } catch (error) {
        if (signal.aborted) return;
        // Given up because the server shuts down, which ends this a moment later.
        if (!isAbort(error))
          log.error({ stream: name, err: error }, 'a stream that moved could not be opened or closed; trying again');
      }
      await sleep(backoffMs(tries, 500, MAX_PAUSE_MS), { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  }

  /** Opens a stream, with all that move before its turn. Rejects as the opening of this one does. */
  #adopt(name: string): Promise<void> {
    const waiting = this.#toAdopt.get(name);
    if (waiting) return waiting.promise;
    const adoption = Promise.withResolvers<void>();
    this.#toAdopt.set(name, adoption);
    if (this.#toAdopt.size === 1) {
      this.#options
        .inTurn(() => this.#adoptAll())
        .catch((refusal) => {
          for (const { reject } of this.#toAdopt.values()) reject(refusal);
          this.#toAdopt.clear();
        });
    }
    return adoption.promise;
  }

  async #adoptAll(): Promise<void> {
    const streams = [...this.#toAdopt];
    this.#toAdopt.clear();
    await mapEach(streams, ([name, adoption]) => this.#options.adopt(name).then(adoption.resolve, adoption.reject));
  }
}
