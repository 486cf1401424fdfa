/**
 * A list of listeners for one kind of event. Synchronous, no names, no wildcard.
 * In: `emit`. Out: a call of each listener, in the order of subscription.
 */

/** The subscribing side of an event. */
export interface Subscribable<T> {
  /** Calls `listener` at each event until the returned function is called. */
  subscribe(listener: (event: T) => void): () => void;
}

/** The emitting side of an event. */
export class Emitter<T> implements Subscribable<T> {
  /** One object per subscription, because the same function may subscribe twice. */
  readonly #listeners = new Set<{ readonly call: (event: T) => void }>();

  /** Number of listeners. */
  get size(): number {
    return this.#listeners.size;
  }

  subscribe(listener: (event: T) => void): () => void {
    const box = { call: listener };
    this.#listeners.add(box);
    return () => {
      this.#listeners.delete(box);
    };
  }

  /** Calls every listener, also after one has thrown; rethrows the first error at the end. */
  emit(event: T): void {
    let failure: { error: unknown } | undefined;
    // A copy, because listeners may be added and removed during the calls: a new one gets the next event, a
    // removed one none.
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue;
      try {
        listener.call(event);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
  }
}
