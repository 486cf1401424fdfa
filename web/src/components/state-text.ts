/**
 * Why a stream is not live, in the reader's language where the state says it all.
 * In: a stream as the API shows it. Out: a sentence; empty while it is live. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import type { TextKey } from '../text/text.ts';

/** What the server adds to these states says no more than the state. */
const selfExplaining: ReadonlySet<StreamView['state']> = new Set(['offline', 'ended', 'unpublished']);

/** The reason that the server gives, or the sentence of the state. */
export function stateText(
  { state, problem }: Pick<StreamView, 'state' | 'problem'>,
  t: (key: TextKey) => string,
): string {
  if (state === 'live') return '';
  return (selfExplaining.has(state) ? '' : problem) || t(`state.${state}Long`);
}
