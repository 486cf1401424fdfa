/**
 * Insight before the feature that stores it is open.
 * In: nothing. Out: an InsightApi that refuses.
 */
import { OxbowError } from '../../lib/errors.ts';
import type { InsightApi } from './insight-api.ts';

const refuse = (): Promise<never> =>
  Promise.reject(new OxbowError('not-ready', 'What was stored of viewing cannot be read yet.'));

/** Refuses with `not-ready`. */
export const noInsight: InsightApi = {
  now: refuse,
  audience: refuse,
  quality: refuse,
  heat: refuse,
  retention: refuse,
  sessions: refuse,
};
