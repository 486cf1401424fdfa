/**
 * The lease on a stream's name: only one of several oxbow processes has the stream's publishers.
 * In: the first and the last session of a slot. Out: a lease in between; its loss, after which the stream
 * records nothing of this process until it holds the lease again (`PublisherSlot.isFenced`).
 */
import { hostname } from 'node:os';
import type { Lease, Leases } from '../cluster/lease/lease.ts';
import { OxbowError } from '../lib/errors.ts';

/** Time after which the lease of a crashed process expires, ms. */
const TTL_MS = 15_000;

/** Dependencies of a lease. */
interface PublisherLeaseSetup {
  readonly leases: Leases;
  /** Internal id of the stream. */
  readonly streamId: string;
  /**
   * Called when another process took the lease, or the engine of leases does not respond: this process must
   * stop publishing.
   */
  readonly onLost: () => void;
}

/** The lease of one stream. */
export class PublisherLease {
  readonly #setup: PublisherLeaseSetup;
  #lease: Lease | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(setup: PublisherLeaseSetup) {
    this.#setup = setup;
  }

  /**
   * Resolves when this process holds the lease.
   *
   * @param options.ifHeld behaviour while another process has the lease
   * @param options.signal ends the wait
   * @throws OxbowError `publisher-active` with `ifHeld: 'refuse'`; the signal's reason; errors of the engine
   */
  acquire(options: { readonly ifHeld: 'refuse' | 'replace' | 'wait'; readonly signal: AbortSignal }): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#lease) return;
      const { leases, streamId, onLost } = this.#setup;
      const holder = `${hostname()}, process ${process.pid}`;
      const { lease, heldBy } = await leases.acquire(`publisher:${streamId}`, { holder, ttlMs: TTL_MS, ...options });
      if (!lease) throw new OxbowError('publisher-active', `Another oxbow (${heldBy.holder}) publishes this stream.`);
      this.#lease = lease;
      const onAbort = () => {
        if (this.#lease !== lease) return;
        this.#lease = undefined;
        onLost();
      };
      lease.lost.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Resolves when the lease is free for other processes; rejects if the engine fails. */
  release(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    return this.#inTurn(async () => lease?.[Symbol.asyncDispose]());
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined); // the caller handles it
    return turn;
  }
}
