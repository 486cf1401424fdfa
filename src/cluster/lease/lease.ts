/**
 * One owner at a time: a lease on a name, with a fencing token that rises with each new owner.
 * In: an engine (`LeaseStore`; lease.contract.ts is its suite), a name, a holder. Out: a `Lease` that renews
 * itself and reports its loss. A process that was paused may believe that it still holds a lease: a write
 * that only the owner may do checks the token in the same statement.
 */
import { sleep, waitFor, withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';

/** Who holds a lease. */
export interface LeaseState {
  /** For people and logs, e.g. a host and a process. */
  readonly holder: string;
  /** Fencing token: 1 or more, higher than that of every earlier holder of the name. */
  readonly token: number;
  /** When it ends unless it is renewed, ms since 1970 by the clock of the engine. */
  readonly expiresMs: number;
}

/** How a lease is taken. */
export interface LeaseRequest {
  readonly holder: string;
  /** More than 0. */
  readonly ttlMs: number;
  /** Takes the lease also from the holder of this token. */
  readonly replaces?: number | undefined;
}

/** The operations of an engine, each one atomic step. */
export interface LeaseStore {
  /**
   * Takes a lease that is free, expired or held with `replaces`. `isTaken` false: the state is that of the
   * present holder.
   */
  take(name: string, request: LeaseRequest): Promise<LeaseState & { readonly isTaken: boolean }>;
  /**
   * Extends a lease by `ttlMs` from now, also one that has expired and was not taken. False: another holder
   * has it, or it was released.
   */
  renew(name: string, token: number, ttlMs: number): Promise<boolean>;
  /** Frees a lease; does nothing if `token` does not hold it. */
  release(name: string, token: number): Promise<void>;
}

/**
 * Why a lease was lost: another holder took it, or the engine did not confirm it for its whole time to live.
 */
export type LeaseLoss = 'taken' | 'unconfirmed';

/** A lease that is held. It renews itself; disposing releases it. */
export interface Lease extends AsyncDisposable {
  readonly name: string;
  readonly token: number;
  /** Fires once, when the lease is lost; `reason` is a LeaseLoss. It does not fire on release. */
  readonly lost: AbortSignal;
}

/** How a lease is acquired. */
interface AcquireOptions extends LeaseRequest {
  /** While another holder has it: return that holder (default), take it over, or wait until it is free. */
  readonly ifHeld?: 'refuse' | 'replace' | 'wait';
  /**
   * It is lost only when another holder has taken it, however long the engine does not confirm it: for a
   * holder that checks the token with each write.
   */
  readonly untilTaken?: boolean;
  /** Ends the waiting; a lease that is held is not affected. */
  readonly signal: AbortSignal;
}

/** The lease, or its present holder. */
type Acquired =
  | { readonly lease: Lease; readonly heldBy?: undefined }
  | { readonly lease?: undefined; readonly heldBy: LeaseState };

/** Dependencies of leases. */
interface LeasesOptions {
  readonly store: LeaseStore;
  readonly clock: Clock;
  /** Receives failures of the engine; the renewal is tried again. */
  readonly failed: (error: unknown) => void;
}

/** A lease is renewed this often within its time to live, and a waiting holder looks as often. */
const RENEWALS = 3;

/** The leases of this process. */
export class Leases {
  readonly #options: LeasesOptions;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /**
   * Acquires a lease.
   *
   * @throws the reason of `signal`, and errors of the engine
   */
  async acquire(
    name: string,
    { ifHeld = 'refuse', untilTaken = false, signal, ...request }: AcquireOptions,
  ): Promise<Acquired> {
    const { store, clock } = this.#options;
    let seen: LeaseState | undefined;
    let seenAtMs = 0;
    let { replaces } = request;
    for (;;) {
      signal.throwIfAborted();
      const askedAtMs = clock.monotonicMs();
      const { isTaken, ...state } = await store.take(name, { ...request, replaces });
      if (isTaken) {
        const { token } = state;
        return { lease: new HeldLease(this.#options, { name, token, ttlMs: request.ttlMs, askedAtMs, untilTaken }) };
      }
      if (ifHeld === 'refuse') return { heldBy: state };
      if (ifHeld === 'replace') {
        replaces = state.token;
        continue;
      }
      if (seen?.token !== state.token || seen.expiresMs !== state.expiresMs) {
        seen = state;
        seenAtMs = askedAtMs;
      } else if (askedAtMs - seenAtMs >= request.ttlMs) {
        // The holder renewed nothing for a whole time to live: its clock is wrong or ours is.
        replaces = state.token;
        continue;
      }
      await sleep(request.ttlMs / RENEWALS, { signal });
    }
  }
}

/** A lease that was just taken. */
interface Taken {
  readonly name: string;
  readonly token: number;
  readonly ttlMs: number;
  /** When it was requested, by the monotonic clock. */
  readonly askedAtMs: number;
  readonly untilTaken: boolean;
}

class HeldLease implements Lease {
  readonly name: string;
  readonly token: number;
  readonly #options: LeasesOptions;
  readonly #lost = new AbortController();
  readonly #released = new AbortController();
  #releasing: Promise<void> | undefined;

  constructor(options: LeasesOptions, taken: Taken) {
    this.#options = options;
    this.name = taken.name;
    this.token = taken.token;
    void this.#keep(taken).catch(() => undefined); // only the release rejects a pause
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#releasing ??= (async () => {
      this.#released.abort();
      if (!this.lost.aborted) await this.#options.store.release(this.name, this.token);
    })();
    return this.#releasing;
  }

  async #keep({ ttlMs, askedAtMs: takenAtMs, untilTaken }: Taken): Promise<void> {
    const { store, clock, failed } = this.#options;
    let confirmedAtMs = takenAtMs;
    const { signal } = this.#released;
    let loss: LeaseLoss | undefined;
    while (!loss) {
      await sleep(ttlMs / RENEWALS, { signal });
      const askedAtMs = clock.monotonicMs();
      using limit = withDeadline(ttlMs / RENEWALS, `renewing the lease ${this.name}`, { signal });
      try {
        if (await waitFor(store.renew(this.name, this.token, ttlMs), limit)) confirmedAtMs = askedAtMs;
        else loss = 'taken';
      } catch (error) {
        signal.throwIfAborted();
        failed(error);
      }
      if (!untilTaken && clock.monotonicMs() - confirmedAtMs >= ttlMs) loss ??= 'unconfirmed';
    }
    this.#lost.abort(loss);
  }
}
