/**
 * Whether a member's network delivers what a room plays as fast as it plays.
 * In: whether the picture lacks media, at each step. Out: a verdict, which changes seldom; how often it ran
 * dry. Pure.
 */
import type { SyncTarget } from '../player/sync-target.ts';

/** A member that the room waits for is ready with this much media ahead, ms. */
const READY_MS = 2_000;
/** At the end of the media this is not needed, ms. */
const END_MS = 250;

/** Whether a player can continue from a position, ms, in a room that waits for its members. */
export function isReady(
  target: Pick<SyncTarget, 'durationMs' | 'pictured' | 'isBuffered' | 'exists'>,
  positionMs: number,
): boolean {
  const aheadMs = Math.min(positionMs + READY_MS, (target.durationMs ?? Number.POSITIVE_INFINITY) - END_MS);
  return target.pictured && (target.isBuffered(aheadMs) || !target.exists(aheadMs));
}

/** The waits of this much time count, ms. */
const WINDOW_MS = 30_000;
/** Too slow from here; no longer below that, ms of the window. */
const SLOW_MS = 4_000;
const FINE_MS = 1_000;
/** While it is too slow, the quality is lowered this often; and it stays low for this long. Ms. */
const EASE_MS = 8_000;
const EASED_FOR_MS = 120_000;
/** Steps further apart mean that the page stood still, ms. */
const LONGEST_STEP_MS = 2_000;

interface Wait {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What one member's player receives. Times are of a steady clock, ms. */
export interface Supply {
  readonly waits: readonly Wait[];
  readonly lookedAtMs: number;
  readonly lacked: boolean;
  /** The picture has lacked media long enough that its viewer should know why. */
  readonly isSlow: boolean;
  /** When the quality was last lowered; null: it is not. */
  readonly easedAtMs: number | null;
}

/** Nothing has played. */
export const newSupply: Supply = {
  waits: [],
  lookedAtMs: Number.NEGATIVE_INFINITY,
  lacked: false,
  isSlow: false,
  easedAtMs: null,
};

/**
 * The supply at a step. A player sees late that a network is too slow for live media, which never arrives
 * faster than it is made.
 *
 * @param lacks it should play, and has no media
 * @returns `ease`: true: the quality is to be lowered; false: it may rise again; null: neither
 */
export function lookAtSupply(
  supply: Supply,
  lacks: boolean,
  atMs: number,
): { readonly supply: Supply; readonly ease: boolean | null } {
  const fromMs = atMs - WINDOW_MS;
  const waits = waitsWith(supply, lacks, atMs).filter(({ toMs }) => toMs > fromMs);
  const waitedMs = waits.reduce((sum, wait) => sum + wait.toMs - Math.max(fromMs, wait.fromMs), 0);
  const isSlow = waitedMs >= (supply.isSlow ? FINE_MS : SLOW_MS);
  const { easedAtMs } = supply;
  const next = { waits, lookedAtMs: atMs, lacked: lacks, isSlow, easedAtMs };
  const sinceMs = atMs - (easedAtMs ?? Number.NEGATIVE_INFINITY);
  if (isSlow && lacks && sinceMs > EASE_MS) return { supply: { ...next, easedAtMs: atMs }, ease: true };
  if (easedAtMs === null || isSlow || sinceMs <= EASED_FOR_MS) return { supply: next, ease: null };
  return { supply: { ...next, easedAtMs: null }, ease: false };
}

/** The waits with that of the last step: it continues the one before, or begins. */
function waitsWith({ waits, lacked, lookedAtMs }: Supply, lacks: boolean, atMs: number): readonly Wait[] {
  if (!lacks) return waits;
  const last = waits.at(-1);
  if (!lacked || !last || atMs - lookedAtMs > LONGEST_STEP_MS) return [...waits, { fromMs: atMs, toMs: atMs }];
  return [...waits.slice(0, -1), { fromMs: last.fromMs, toMs: atMs }];
}

/** Another thing plays, or the page was hidden: what was before does not count. */
export function withoutWaits(supply: Supply): Supply {
  return { ...supply, waits: [], lacked: false, isSlow: false };
}
