/**
 * How far a member's picture is from the room's, as a word and a colour.
 * In: a member. Out: the member list, the status line. Pure.
 */
import type { MemberView } from '../../../../src/api/room/room-shapes.ts';

/** In step up to here, milliseconds. */
const IN_STEP_MS = 60;
/** Nearly in step up to here, milliseconds. */
const NEARLY_MS = 300;

/** The state of a member's player. */
interface StepState {
  readonly is: 'away' | 'loading' | 'unknown' | 'in-step' | 'late' | 'early';
  readonly tone: 'good' | 'warn' | 'live' | 'quiet';
  /** With its sign and unit, `+12 ms`, `−1.4 s`; empty where it is not known, and while it loads. */
  readonly offset: string;
}

/** A signed length, in seconds from 1 s on. @param ms positive: later than the room */
export function offsetText(ms: number): string {
  const size = Math.abs(ms);
  const sign = Math.round(ms) === 0 ? '' : ms > 0 ? '+' : '−';
  return size < 999.5 ? `${sign}${Math.round(size)} ms` : `${sign}${(size / 1000).toFixed(1)} s`;
}

/** The state of a member's player. */
export function stepState({
  present,
  buffering,
  offsetMs,
}: Pick<MemberView, 'present' | 'buffering' | 'offsetMs'>): StepState {
  if (present === 0) return { is: 'away', tone: 'quiet', offset: '' };
  if (buffering) return { is: 'loading', tone: 'warn', offset: '' }; // it only grows
  const offset = offsetMs === null ? '' : offsetText(offsetMs);
  if (offsetMs === null) return { is: 'unknown', tone: 'quiet', offset };
  const size = Math.abs(offsetMs);
  if (size <= IN_STEP_MS) return { is: 'in-step', tone: 'good', offset };
  return { is: offsetMs > 0 ? 'late' : 'early', tone: size <= NEARLY_MS ? 'warn' : 'live', offset };
}
