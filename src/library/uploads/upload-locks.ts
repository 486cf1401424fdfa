/**
 * Locks of uploads: one request at a time writes a stretch of a file, in all processes together.
 * In: leases. Out: locks with fences. A newer request takes the lock from an older one of this process, whose
 * connection is often dead without anyone knowing; the lock of another process is free when that process
 * releases it or renews it no longer.
 */
import type { Lease, Leases } from '../../cluster/lease/lease.ts';
import { waitFor, withDeadline } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Fence } from '../../store/lease-table.ts';

/** A lock that is held. */
export interface UploadLock extends AsyncDisposable {
  readonly fence: Fence;
  /** Fires when a newer request or another process takes it: stop writing, then dispose it. */
  readonly taken: AbortSignal;
}

/** Renewed three times in it, ms; the database of a busy machine may take seconds. */
const TTL_MS = 30_000;
/** Longest wait for a lock, ms. */
const WAIT_MS = 10_000;

interface Holder {
  readonly leave: AbortController;
  readonly released: PromiseWithResolvers<void>;
}

/** The locks that this process takes. */
export class UploadLocks {
  readonly #leases: Leases;
  readonly #holder: string;
  readonly #held = new Map<string, Holder>();

  /** @param holder this process, for people */
  constructor(leases: Leases, holder: string) {
    this.#leases = leases;
    this.#holder = holder;
  }

  /**
   * Takes a lock.
   *
   * @throws OxbowError `upload-locked` if it is not free in time; the reason of `signal`
   */
  async take(name: string, { signal }: { readonly signal: AbortSignal }): Promise<UploadLock> {
    using limit = withDeadline(WAIT_MS, `the lock ${name}`, { signal });
    const refusal = (cause: unknown) => (signal.aborted ? signal.reason : locked(cause));
    for (let other = this.#held.get(name); other; other = this.#held.get(name)) {
      other.leave.abort(locked());
      await waitFor(other.released.promise, limit).catch((error: unknown) => Promise.reject(refusal(error)));
    }
    const holder: Holder = { leave: new AbortController(), released: Promise.withResolvers() };
    this.#held.set(name, holder);
    try {
      const waits = AbortSignal.any([limit.signal, holder.leave.signal]);
      const wanted = { holder: this.#holder, ttlMs: TTL_MS, ifHeld: 'wait', signal: waits } as const;
      const { lease } = await this.#leases.acquire(name, wanted);
      return this.#lock(name, holder, lease!);
    } catch (error) {
      this.#free(name, holder);
      throw refusal(error);
    }
  }

  #lock(name: string, holder: Holder, lease: Lease): UploadLock {
    let releasing: Promise<void> | undefined;
    return {
      fence: { name, token: lease.token },
      taken: AbortSignal.any([holder.leave.signal, lease.lost]),
      [Symbol.asyncDispose]: (): Promise<void> => {
        releasing ??= Promise.resolve(lease[Symbol.asyncDispose]()).finally(() => this.#free(name, holder));
        return releasing;
      },
    };
  }

  #free(name: string, holder: Holder): void {
    this.#held.delete(name);
    holder.released.resolve();
  }
}

/** The refusal of a request that did not get the lock, or lost it. */
export function locked(cause?: unknown): OxbowError {
  return new OxbowError('upload-locked', 'Another request continues this upload.', {
    cause,
    extra: { retryAfterSeconds: 1 },
  });
}

/** Name of the lock of an upload; those of its chunks begin with it. */
export function lockOf(id: string): string {
  return `upload/${id}`;
}
