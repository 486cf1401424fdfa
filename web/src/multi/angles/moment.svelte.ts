/**
 * Clips and an archive of one moment of a set of angles.
 * In: a set, a span on its clock. Out: AngleMoment.svelte, which reads the fields.
 */
import { type AngleClips, type AngleExport, clipAngleSet, exportAngleSet, listAngleExports } from '../../api/angles.ts';
import { type Failure, failureOf } from '../../api/client.ts';
import { poll } from '../../api/poll.ts';

/** An export is looked at this often, ms. */
const LOOK_MS = 700;

/** What was made last; `close` with its page. */
export class AngleMoments {
  busy = $state(false);
  failure = $state.raw<Failure | null>(null);
  clips = $state.raw<AngleClips | null>(null);
  archive = $state.raw<AngleExport | null>(null);
  readonly #ends = new AbortController();

  /** A clip of each stream. @param fromMs unix ms, on the clock of the set */
  clip(set: string, fromMs: number, toMs: number): Promise<void> {
    return this.#run(async (signal) => {
      this.clips = await clipAngleSet(set, spanOf(fromMs, toMs), signal);
    });
  }

  /** One archive of all streams. @param fromMs unix ms, on the clock of the set */
  export(set: string, fromMs: number, toMs: number): Promise<void> {
    return this.#run(async (signal) => {
      const { id } = await exportAngleSet(set, { ...spanOf(fromMs, toMs), exact: true }, signal);
      void this.#follow(set, id);
    });
  }

  close(): void {
    this.#ends.abort();
  }

  /** Until the export has ended. */
  async #follow(set: string, id: string): Promise<void> {
    const isOver = new AbortController();
    const signal = AbortSignal.any([this.#ends.signal, isOver.signal]);
    const look = async (within: AbortSignal) => {
      try {
        const found = (await listAngleExports(set, within)).find((each) => each.id === id);
        this.archive = found ?? null;
        if (found?.state === 'queued' || found?.state === 'running') return;
      } catch (error) {
        if (within.aborted) return;
        this.failure = failureOf(error);
      }
      isOver.abort();
    };
    await poll(LOOK_MS, look, { signal });
  }

  async #run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await work(this.#ends.signal);
      this.failure = null;
    } catch (error) {
      if (!this.#ends.signal.aborted) this.failure = failureOf(error);
    } finally {
      this.busy = false;
    }
  }
}

function spanOf(fromMs: number, toMs: number) {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}
