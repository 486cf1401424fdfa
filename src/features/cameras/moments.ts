/**
 * The moments of one camera: notifications that follow each other are one moment, however many come.
 * In: notifications, the time. Out: which moments begin and end. Pure. docs/2-sources/cameras.md.
 */
import type { CameraKind } from '../../api/cameras/camera-shapes.ts';

/** A moment is over when nothing was noticed for this long, ms. */
export const QUIET_MS = 10_000;
/** Longest moment, ms: what is noticed for longer is the state of things. */
export const LONGEST_MS = 300_000;
/** Most moments in an hour of one camera. */
export const MOST_IN_HOUR = 120;
const HOUR_MS = 3_600_000;

/** A notification, by the clock of oxbow. */
export interface Noticed {
  readonly kind: CameraKind;
  /** Whether it is so now; undefined: it has happened at an instant. */
  readonly isOn: boolean | undefined;
  /** ms since 1970. */
  readonly atMs: number;
}

/** A moment that has begun, or is over. */
export interface Moment {
  readonly kind: CameraKind;
  readonly is: 'begun' | 'over';
  readonly fromMs: number;
  /** When it was noticed last. */
  readonly toMs: number;
}

/** What became of a notification. */
export type MomentResult = 'new' | 'merged' | 'dropped';

interface OpenMoment {
  readonly fromMs: number;
  lastMs: number;
  isOn: boolean;
}

/** Merges notifications. */
export class Moments {
  readonly #open = new Map<CameraKind, OpenMoment>();
  /** Kinds that are on for longer than a moment. */
  readonly #stuck = new Set<CameraKind>();
  #begun: number[] = [];

  /** Whether a moment is open. */
  get areOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Takes a notification. @returns what became of it; undefined: it says that nothing is noticed */
  take({ kind, isOn, atMs }: Noticed, begun: (moment: Moment) => void): MomentResult | undefined {
    const open = this.#open.get(kind);
    if (isOn === false) {
      this.#stuck.delete(kind);
      if (open?.isOn) open.lastMs = Math.max(open.lastMs, atMs);
      if (open) open.isOn = false;
      return undefined;
    }
    if (open) {
      open.lastMs = Math.max(open.lastMs, atMs);
      open.isOn = isOn === true;
      return 'merged';
    }
    if (this.#stuck.has(kind)) return 'merged';
    this.#begun = this.#begun.filter((ms) => ms > atMs - HOUR_MS);
    if (this.#begun.length >= MOST_IN_HOUR) return 'dropped';
    this.#begun.push(atMs);
    this.#open.set(kind, { fromMs: atMs, lastMs: atMs, isOn: isOn === true });
    begun({ kind, is: 'begun', fromMs: atMs, toMs: atMs });
    return 'new';
  }

  /**
   * Continues a moment that another process has begun: what is noticed soon after is a part of it.
   *
   * @param fromMs when it began, ms since 1970
   */
  resume(kind: CameraKind, fromMs: number, nowMs: number): void {
    if (this.#open.has(kind)) return;
    // Of one that began long ago it is not known how long it lasted.
    const lastMs = nowMs - fromMs >= LONGEST_MS ? fromMs : Math.max(fromMs, nowMs);
    this.#open.set(kind, { fromMs, lastMs, isOn: false });
    this.#begun.push(fromMs);
  }

  /** The moments that are over. @param all also those that are not: the camera is no longer watched */
  over(nowMs: number, all = false): Moment[] {
    return [...this.#open].flatMap(([kind, { fromMs, lastMs, isOn }]) => {
      const isLong = nowMs - fromMs >= LONGEST_MS;
      if (!all && !isLong && (isOn || nowMs - lastMs < QUIET_MS)) return [];
      this.#open.delete(kind);
      if (isOn && isLong) this.#stuck.add(kind);
      const toMs = isOn ? Math.min(Math.floor(nowMs), fromMs + LONGEST_MS) : lastMs;
      return { kind, is: 'over' as const, fromMs, toMs: Math.max(fromMs, toMs) };
    });
  }
}
