/**
 * Why a stream is not live: a sentence of its state for everyone, and the server's reason for administrators.
 * In: a stream of the API. Out: sentences; empty where there is nothing to say. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import type { TextKey } from '../text/text.ts';

/** For these states the server's reason adds nothing to the sentence. */
const selfExplaining: ReadonlySet<StreamView['state']> = new Set(['live', 'offline', 'ended', 'unpublished']);
/** Nothing comes by itself, or not soon: an administrator can start it. */
const startable: ReadonlySet<StreamView['state']> = new Set(['offline', 'ended', 'paused', 'stopped']);

/** The sentence of a state, in the reader's language. */
export function stateText({ state }: Pick<StreamView, 'state'>, t: (key: TextKey) => string): string {
  return state === 'live' ? '' : t(`state.${state}Long`);
}

/** The server's reason: it may name addresses and answers of the source, so it is for administrators. */
export function stateDetail({ state, problem }: Pick<StreamView, 'state' | 'problem'>): string {
  return selfExplaining.has(state) ? '' : problem;
}

/** Whether an administrator can start the stream. */
export function isStartable({ state }: Pick<StreamView, 'state'>): boolean {
  return startable.has(state);
}

/**
 * Whether the state needs attention: a stream that has ended or waits for its publisher is in a normal state.
 */
export function needsAttention({ state }: Pick<StreamView, 'state'>): boolean {
  return state === 'waiting';
}
