/**
 * The shutdown signal of all background work, aborted once with one reason.
 * In: the owner of the app. Out: the signal.
 */

/** Created once per process. */
export class Shutdown {
  readonly #controller = new AbortController();

  /** Fires when the shutdown begins. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Fires the signal. May be called again. */
  begin(): void {
    this.#controller.abort(new DOMException('oxbow is shutting down', 'AbortError'));
  }

  /** Owns work that runs until the signal fires: disposing begins the shutdown and waits for the work. */
  owns(work: Promise<unknown>): AsyncDisposable {
    return {
      [Symbol.asyncDispose]: async () => {
        this.begin();
        await work;
      },
    };
  }
}
