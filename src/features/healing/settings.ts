/**
 * The settings of healing.
 * In: the types of settings. Out: the section `heal` for config/schema.ts.
 */
import { duration, flag, section, size } from '../../config/option.ts';

export const healSection = section({
  enabled: flag(
    true,
    'Whether gaps of recordings are filled later: from what a source still lists of the past, and from the further sources of a stream (`streams.NAME.healFrom`).',
    { reload: 'live' },
  ),
  for: duration('24h', 'How long a gap is tried again, with growing pauses. Older gaps are not healed.', {
    min: '1m',
    max: '30d',
    reload: 'live',
  }),
  maxBytes: size('1GiB', 'Most media that one attempt reads, bytes.', { reload: 'live' }),
  maxTime: duration('10m', 'Longest time of one attempt.', { min: '5s', max: '6h', reload: 'live' }),
});
