/**
 * One action of a form: whether it runs, and why the last try failed. Ends with its component.
 * In: the action. Out: forms, which show `failure` in place.
 */
import { type Failure, failureOf } from './client.ts';

/** The action of a form; `close` with the component. */
export class Attempt {
  #isBusy = $state(false);
  #failure = $state.raw<Failure | null>(null);
  readonly #ends = new AbortController();

  /** The action runs. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Why the last try failed; null if it did not. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /** Runs the action, unless it runs already. Returns whether it succeeded; throws only bugs. */
  async run(action: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    if (this.#isBusy) return false;
    this.#isBusy = true;
    this.#failure = null;
    try {
      await action(this.#ends.signal);
      return true;
    } catch (error) {
      if (!this.#ends.signal.aborted) this.#failure = failureOf(error);
      return false;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Aborts the action. */
  close(): void {
    this.#ends.abort();
  }
}
