/**
 * An action of a form or button on the pages of cases: one at a time, with its failure.
 * In: work. Out: components, which read `busy` and `failure`.
 */
import { type Failure, failureOf } from '../api/client.ts';

/** An action takes at most this long, milliseconds. */
const WITHIN_MS = 30_000;

/** One action at a time. */
export class CaseAction {
  busy = $state(false);
  failure = $state.raw<Failure | null>(null);

  /** Forgets the failure before. */
  clear(): void {
    this.failure = null;
  }

  /** Runs the work unless another one runs; returns whether it succeeded. */
  async run(work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      await work(AbortSignal.timeout(WITHIN_MS));
      this.failure = null;
      return true;
    } catch (error) {
      this.failure = failureOf(error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
