/**
 * What the encoder of a stream's further qualities does: which it makes and where, how late they are, what is
 * wrong.
 * In: a stream of the API. Out: a sentence; empty while nothing is encoded. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import type { TextKey } from '../text/text.ts';

/**
 * The qualities that are encoded now, with the workers of other machines, and the server's reason where some
 * are missing.
 */
export function ladderText(
  { ladder }: Pick<StreamView, 'ladder'>,
  t: (key: TextKey, values: Record<string, string | number>) => string,
): string {
  if (!ladder) return '';
  const { made, lagMs, problem } = ladder;
  const qualityOf = (name: string) => `${Number.parseInt(name, 10)}p`;
  const live = made
    .filter(({ state }) => state !== 'dropped')
    .map(({ name, worker }) =>
      worker === null ? qualityOf(name) : t('edit.ladderOn', { quality: qualityOf(name), worker }),
    );
  const now = live.length > 0 ? t('edit.ladderNow', { qualities: live.join(', '), ms: lagMs ?? 0 }) : '';
  const missing = made.flatMap(({ name, state, missing: cause }) =>
    cause === null || state === 'dropped' ? [] : [t(`edit.ladderMissing.${cause}`, { quality: qualityOf(name) })],
  );
  return [now, ...missing, problem].filter(Boolean).join(' ');
}
