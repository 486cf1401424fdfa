/**
 * The status light of a publisher: one state out of the stream, the last refusal and the findings.
 * In: answers of the API, events. Out: a state; its colour. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';

/**
 * The state of the light. `weak`: live, but something needs to be changed. `silent`: connected, and nothing
 * arrives.
 */
type LightState = 'loading' | 'off' | 'waiting' | 'refused' | 'connecting' | 'paused' | 'silent' | 'weak' | 'live';

/** Colour of the light. */
type LightTone = 'quiet' | 'warn' | 'bad' | 'good';

/** The colour of each state. */
export const lightTones: Readonly<Record<LightState, LightTone>> = {
  loading: 'quiet',
  off: 'quiet',
  waiting: 'quiet',
  refused: 'bad',
  connecting: 'warn',
  paused: 'warn',
  silent: 'bad',
  weak: 'warn',
  live: 'good',
};

/** A refused attempt to publish. */
export interface Refusal {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly protocol: string;
  /** Address and port of the publisher. */
  readonly remote: string;
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
}

/** A refusal is shown for this long: encoders try again every few seconds, milliseconds. */
export const REFUSAL_MS = 60_000;

/**
 * The state of the light.
 *
 * @param view null before the first answer
 * @param refusal the last one; null if there was none
 * @param isWeak a finding that viewers notice
 * @param nowMs the server's time, unix milliseconds
 */
export function lightOf(
  view: Pick<StreamView, 'state' | 'publisher'> | null,
  refusal: Refusal | null,
  isWeak: boolean,
  nowMs: number,
): LightState {
  if (!view) return 'loading';
  if (view.state === 'live') return isWeak ? 'weak' : 'live';
  if (view.state === 'paused') return 'paused';
  if (view.publisher) return view.state === 'waiting' ? 'silent' : 'connecting';
  if (refusal && nowMs - refusal.atMs < REFUSAL_MS) return 'refused';
  return view.state === 'stopped' ? 'off' : 'waiting';
}
