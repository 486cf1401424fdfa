/**
 * Offsets and confidence of angles as text, and the steps of their slider.
 * In: ms, facts of a member. Out: short texts without words, keys of texts. Pure.
 */
import type { AngleMember } from '../../../../src/api/angles/angle-shapes.ts';

/** The slider reaches this far around the stored offset, either way, ms. */
export const REACH_MS = 30_000;

/** An offset in seconds with its sign, as `+7.300`. */
export function printOffset(ms: number): string {
  const rounded = Math.round(ms);
  const sign = rounded > 0 ? '+' : rounded < 0 ? '−' : '±';
  return `${sign}${(Math.abs(rounded) / 1000).toFixed(3)}`;
}

/** A confidence of 0 to 1 as whole percent. */
export function printConfidence(confidence: number): string {
  return `${Math.round(confidence * 100)} %`;
}

/** Key of the text that says how an offset was found; one that was moved on the page is by hand. */
export function howKey({ how, offsetMs }: Pick<AngleMember, 'how' | 'offsetMs'>, shownMs: number) {
  return offsetMs === shownMs ? (`angles.how.${how}` as const) : 'angles.how.moved';
}

/** Key of the warning about the clock of a member; undefined: there is none. */
export function driftKey({ drift }: Pick<AngleMember, 'drift'>) {
  if (!drift) return undefined;
  return drift.isJump ? 'angles.jump' : 'angles.drift';
}

/** The values of the texts of `driftKey`. */
export function driftValues({ ms, overSeconds, ppm }: NonNullable<AngleMember['drift']>) {
  return { ms: Math.round(ms), minutes: Math.round(overSeconds / 60), ppm: Math.round(ppm) };
}
