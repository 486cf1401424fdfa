/**
 * A list of listeners for one kind of event. Synchronous, no names, no wildcard.
 * In: `emit`. Out: a call of each listener, in the order of subscription.
 */

/** What a subscriber sees. */
export interface Subscribable<T> {
  /** Calls `listener` at each event until the returned function is called. */
  subscribe(listener: (event: T) => void): () => void;
}

/** The emitting side of an event. */
export class Emitter<T> implements Subscribable<T> {
  /** Each subscription has a box of its own: the same function may listen twice. */
  readonly #listeners = new Set<{ readonly call: (event: T) => void }>();

  /** How many listen now. */
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

  /** Calls every listener; a listener that throws does not keep the others from being called, its error is rethrown after. */
  emit(event: T): void {
    let failure: { error: unknown } | undefined;
    // A copy: listeners come and go while they are called. Who comes waits for the next event, who goes hears no more.
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
