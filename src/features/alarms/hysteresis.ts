/**
 * One alarm of one stream: raised when a value was beyond a threshold for a time, cleared when it was back
 * for a time.
 * In: values with their times. Out: changes. Pure.
 */
import { type AlarmCode, type AlarmRule, isBeyond } from '../../api/alarms/alarm-rules.ts';

/** Values further apart than this are no stretch of time: the computer slept, or the media jumped, ms. */
const STRETCH_MS = 90_000;
/** An alarm that returns within this time flaps: each time it takes twice as long to clear, ms. */
const FLAP_MS = 600_000;
/** Longest time to clear, and the least of an alarm that flaps, ms. */
const [LEAST_CLEAR_MS, MOST_CLEAR_MS] = [5_000, 1_800_000];
const MOST_DOUBLINGS = 10;

/** The change, and since when the value was beyond its bound, in the times of the values. */
export interface AlarmChange {
  readonly to: 'raised' | 'cleared';
  readonly sinceMs: number;
}

/** The state of an alarm. Its times are of any one clock. */
export class Hysteresis {
  readonly #code: AlarmCode;
  #isRaised = false;
  /** Since when the value is beyond the bound that counts now; undefined: it is not. */
  #sinceMs: number | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  #clearedMs = Number.NEGATIVE_INFINITY;
  #flaps = 0;
  #worst: number | undefined;

  /** @param options.isRaised as an earlier process has left it */
  constructor(code: AlarmCode, { isRaised = false, worst }: { isRaised?: boolean; worst?: number | undefined } = {}) {
    this.#code = code;
    this.#isRaised = isRaised;
    this.#worst = worst;
  }

  /** Whether it is raised. */
  get isRaised(): boolean {
    return this.#isRaised;
  }

  /** The value that was furthest beyond the threshold since it was raised; undefined before. */
  get worst(): number | undefined {
    return this.#worst;
  }

  /**
   * Takes a value.
   *
   * @param value in the unit of the rule; undefined: nothing is measured, which is not beyond any threshold
   * @param options.atMs not before the last one
   * @param options.rule the rule, with its thresholds in the unit of the value
   * @param options.mayRaise false: muted; it is raised when that is over, if the value is still beyond
   */
  take(
    value: number | undefined,
    { atMs, rule, mayRaise }: { readonly atMs: number; readonly rule: AlarmRule; readonly mayRaise: boolean },
  ): AlarmChange | undefined {
    const wasNear = atMs >= this.#lastMs && atMs - this.#lastMs <= STRETCH_MS;
    this.#lastMs = atMs;
    const { raise, clear } = rule;
    if (!this.#isRaised) {
      const isBad = rule.isOn && value !== undefined && isBeyond(this.#code, value, raise.at);
      const sinceMs = this.#since(isBad, wasNear, atMs);
      this.#worst = isBad ? this.#further(value) : undefined;
      if (sinceMs === undefined || !mayRaise || atMs - sinceMs < raise.forMs) return undefined;
      this.#isRaised = true;
      this.#sinceMs = undefined;
      this.#flaps = atMs - this.#clearedMs <= FLAP_MS ? Math.min(MOST_DOUBLINGS, this.#flaps + 1) : 0;
      return { to: 'raised', sinceMs };
    }
    if (value !== undefined) this.#worst = this.#further(value);
    const isGood = value === undefined || !rule.isOn || !isBeyond(this.#code, value, clear.at);
    const sinceMs = this.#since(isGood, wasNear, atMs);
    if (sinceMs === undefined || (rule.isOn && atMs - sinceMs < this.#clearMs(clear.forMs))) return undefined;
    this.#isRaised = false;
    this.#sinceMs = undefined;
    this.#clearedMs = atMs;
    return { to: 'cleared', sinceMs };
  }

  #since(is: boolean, wasNear: boolean, atMs: number): number | undefined {
    if (!is) this.#sinceMs = undefined;
    else if (this.#sinceMs === undefined || !wasNear) this.#sinceMs = atMs;
    return this.#sinceMs;
  }

  #further(value: number): number {
    return this.#worst === undefined || isBeyond(this.#code, value, this.#worst) ? value : this.#worst;
  }

  #clearMs(forMs: number): number {
    if (this.#flaps === 0) return forMs;
    return Math.max(forMs, Math.min(MOST_CLEAR_MS, Math.max(LEAST_CLEAR_MS, forMs) * 2 ** this.#flaps));
  }
}
