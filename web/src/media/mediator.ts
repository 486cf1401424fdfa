/**
 * A player as its controls see it: one interface for every way to play.
 * In: a page's session, which has a player. Out: controls, actions of keys.
 */
import type { MediaRequests } from './requests.ts';
import type { MediaState } from './state.ts';

/** The shown state, and the possible requests. */
export interface Mediator {
  readonly player: MediaState;
  readonly controls: MediaRequests;
}

/** A player that steps from where it is. */
export interface SteppingMediator extends Mediator {
  /** @param bySeconds forward; negative is back */
  step(bySeconds: number): void;
}
