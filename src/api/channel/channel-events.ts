/**
 * Events of channels, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { Type } from '../type.ts';

/** The rows. */
export const channelEvents = {
  'channel.changed': {
    audience: 'admin',
    sentence: 'The schedule or the settings of a channel changed, or a live stream interrupts it or has ended.',
    data: Type.Object({}),
  },
} as const;
