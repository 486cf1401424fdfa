/**
 * The settings of insight.
 * In: the types of settings. Out: the section `insight` for config/schema.ts.
 */
import { duration, flag, hostNames, section, type Values } from '../../config/option.ts';

export const insightSection = section({
  enabled: flag(
    true,
    'Whether what players report is stored: one row for each session and minute, without addresses and cookies. Viewers who send `DNT: 1` or `Sec-GPC: 1` are only counted.',
    { reload: 'live' },
  ),
  edges: hostNames(
    'Host names of CDNs and edges by which figures are divided, besides those of `steering.pathways`; all others are `other`.',
    { reload: 'live' },
  ),
  keep: duration('30d', 'How long the rows of sessions are kept.', { min: '1h', reload: 'live' }),
  keepSums: duration('400d', 'How long hourly sums are kept: audience, quality, what was watched again.', {
    min: '1h',
    reload: 'live',
  }),
});

/** The values of the section. */
export type InsightConfig = Values<typeof insightSection>;
