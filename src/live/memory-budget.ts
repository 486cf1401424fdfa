/**
 * A ceiling for the frames that wait in sinks and GOP buffers: of one stream, and of all streams together.
 * In: bytes as they are kept and released. Out: whether more fit, and a level. Frames of a queue are counted
 * in each queue.
 */
import { type BudgetView, PressureGauge, type PressureLevel } from './pressure.ts';

/** Ceiling of one stream's waiting frames unless another is set: two GOPs of the largest size. */
export const DEFAULT_STREAM_BYTES = 128 * 1024 * 1024;

/** Bytes that are in use, against a ceiling. */
export class MemoryBudget {
  readonly maxBytes: number;
  readonly #parent: MemoryBudget | undefined;
  readonly #gauge: PressureGauge;
  readonly #onLevel: ((view: BudgetView) => void) | undefined;
  #bytes = 0;

  /**
   * @param parent the ceiling that holds for several budgets together
   * @param onLevel called when the level of this budget has changed
   */
  constructor(maxBytes: number, parent?: MemoryBudget, onLevel?: (view: BudgetView) => void) {
    this.maxBytes = maxBytes;
    this.#parent = parent;
    this.#onLevel = onLevel;
    this.#gauge = new PressureGauge(maxBytes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The higher level of this budget and its parents. */
  get level(): PressureLevel {
    const current = this.#gauge.level;
    const above = this.#parent?.level ?? 0;
    return current > above ? current : above;
  }

  /** The budget of all streams; this one if it has no parent. */
  get total(): MemoryBudget {
    return this.#parent?.total ?? this;
  }

  get view(): BudgetView {
    return { bytes: this.#bytes, maxBytes: this.maxBytes, level: this.#gauge.level };
  }

  /** Whether `bytes` more stay within every ceiling. */
  fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.maxBytes && (this.#parent?.fits(bytes) ?? true);
  }

  /** Counts bytes that are kept from now on; negative for bytes that were released. */
  add(bytes: number): void {
    this.#bytes += bytes;
    this.#parent?.add(bytes);
    if (this.#gauge.set(this.#bytes)) this.#onLevel?.(this.view);
  }
}
