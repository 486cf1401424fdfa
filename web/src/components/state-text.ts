/**
 * The reason why a stream is not live, translated if the state is reason enough.
 * In: a stream of the API. Out: a sentence; empty while it is live. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import type { TextKey } from '../text/text.ts';

/** For these states the server's reason adds nothing to the state. */
const selfExplaining: ReadonlySet<StreamView['state']> = new Set(['offline', 'ended', 'unpublished']);

/** The server's reason, or the sentence of the state. */
export function stateText(
  { state, problem }: Pick<StreamView, 'state' | 'problem'>,
  t: (key: TextKey) => string,
): string {
  if (state === 'live') return '';
  return (selfExplaining.has(state) ? '' : problem) || t(`state.${state}Long`);
}

/** Whether that reason needs attention: a stream that waits for its publisher is in a normal state. */
export function needsAttention({ state }: Pick<StreamView, 'state'>): boolean {
  return state !== 'live' && state !== 'unpublished';
}
