/**
 * The settings of past events, a part of the table of all settings.
 * In: the types of settings. Out: the section `events` for schema.ts.
 */
import { duration, integer, section, size } from '../option.ts';

export const eventsSection = section({
  keep: duration(
    '1d',
    'How long past events can be read again, also after a restart; 0 keeps none. The same on all nodes of a cluster.',
    { max: '365d' },
  ),
  maxEvents: integer(
    '200000',
    { min: 1, max: 10_000_000 },
    'Most past events that are kept. Beyond it the oldest are deleted.',
  ),
  maxBytes: size('64M', 'Most bytes of past events that are kept in the database. Beyond it the oldest are deleted.'),
});
