/**
 * Verifies all stored files from time to time, slowly, one pass at a time; a pass that was interrupted
 * continues where it was.
 * In: settings, files, the keeper of damage. Out: findings for the keeper; figures. docs/decisions/0063.
 */
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { createPace } from '../../lib/pace.ts';
import type { DamageKeeper } from './damage-keeper.ts';
import { FIRST_PLACE, type VerifyPlace } from './verified-files.ts';
import { type VerifyTools, verifyFiles } from './verify.ts';
import type { VerifyState } from './verify-state.ts';

/** The settings are read this often, ms. */
const LOOK_EVERY_MS = 60_000;
/** The place is saved at most this often, ms. */
const SAVE_EVERY_MS = 5_000;

interface VerifyScheduleOptions extends Omit<VerifyTools, 'pace' | 'signal'> {
  readonly keeper: DamageKeeper;
  /** `verifyEvery`, ms, 0: never; `verifyRate`, bytes a second. */
  readonly settings: Current<{ readonly record: { readonly verifyEvery: number; readonly verifyRate: number } }>;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly state: VerifyState;
  readonly save: (state: VerifyState) => void;
  readonly report: {
    read(bytes: number): void;
    /** A pass reached its end. */
    completed(state: VerifyState): void;
    failed(error: unknown): void;
  };
}

/** The verification of a running server. */
export class VerifySchedule {
  readonly #options: VerifyScheduleOptions;
  #state: VerifyState;
  #savedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: VerifyScheduleOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  /** Its state now. */
  get state(): VerifyState {
    return { ...this.#state, findings: this.#options.keeper.findings };
  }

  /** Writes the state, e.g. because the list of damaged files has changed. */
  save(): void {
    this.#options.save(this.state);
  }

  /** Runs until aborted. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { clock, settings, report } = this.#options;
    while (!signal.aborted) {
      const every = settings.now.record.verifyEvery;
      const dueMs = Math.max(this.#state.completedMs, this.#state.startedMs) + every;
      const isDue = every > 0 && (this.#state.place !== undefined || clock.nowMs() >= dueMs);
      let pauseMs = every > 0 && !isDue ? Math.min(LOOK_EVERY_MS, dueMs - clock.nowMs()) : LOOK_EVERY_MS;
      if (isDue) {
        try {
          await this.pass({ signal });
          pauseMs = 0;
        } catch (error) {
          if (!signal.aborted) report.failed(error);
        }
      }
      await sleep(pauseMs, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
    this.save();
  }

  /** One pass, or the rest of one. @throws errors of the database; the reason of the signal */
  async pass({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { files, store, isShared, keeper, settings, clock, report } = this.#options;
    const pace = createPace(() => settings.now.record.verifyRate, { clock, signal });
    if (!this.#state.place) {
      this.#state = { ...this.#state, place: FIRST_PLACE, startedMs: clock.nowMs(), files: 0, bytes: 0, met: [] };
    }
    const meet = (file: string) => {
      if (!this.#state.met.includes(file)) this.#state = { ...this.#state, met: [...this.#state.met, file] };
    };
    await verifyFiles({ files, store, isShared, pace, signal }, this.#state.place!, {
      async chunk(row, checked) {
        await keeper.take(row, checked);
        if (keeper.has(row.path)) meet(row.path);
      },
      async found(finding) {
        await keeper.takeFinding(finding);
        if (keeper.has(finding.file)) meet(finding.file);
      },
      reached: (place, bytes) => {
        report.read(bytes);
        this.#reached(place, bytes);
      },
    });
    keeper.keepOnly(new Set(this.#state.met));
    this.#state = { ...this.#state, place: undefined, completedMs: clock.nowMs() };
    this.save();
    report.completed(this.state);
  }

  #reached(place: VerifyPlace, bytes: number): void {
    const { files, bytes: before } = this.#state;
    this.#state = { ...this.#state, place, files: files + 1, bytes: before + bytes };
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#savedAtMs < SAVE_EVERY_MS) return;
    this.#savedAtMs = nowMs;
    this.save();
  }
}
