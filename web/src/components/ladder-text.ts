/**
 * What the encoder of a stream's further qualities does: which it makes, how late they are, what is wrong.
 * In: a stream of the API. Out: a sentence; empty while nothing is encoded. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import type { TextKey } from '../text/text.ts';

/** The qualities that are encoded now, and the server's reason where some are missing. */
export function ladderText(
  { ladder }: Pick<StreamView, 'ladder'>,
  t: (key: TextKey, values: Record<string, string | number>) => string,
): string {
  if (!ladder) return '';
  const { made, lagMs, problem } = ladder;
  const live = made.filter(({ state }) => state !== 'dropped').map(({ name }) => `${Number.parseInt(name, 10)}p`);
  const now = live.length > 0 ? t('edit.ladderNow', { qualities: live.join(', '), ms: lagMs ?? 0 }) : '';
  return [now, problem].filter(Boolean).join(' ');
}
