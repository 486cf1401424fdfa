/**
 * Events of relays, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { Type } from '../type.ts';

const Detail = Type.String({ description: 'for a person; never an address of a source' });
const Relay = {
  id: Type.String(),
  label: Type.String(),
  target: Type.String({ description: 'address of the target without its secrets' }),
};

/** The rows. */
export const relayEvents = {
  'relay.live': {
    audience: 'admin',
    sentence: 'A relay sends media to its target, for the first time or again.',
    data: Type.Object({
      ...Relay,
      leftOut: Type.Array(Type.String(), { description: 'tracks that the target cannot take' }),
    }),
  },
  'relay.failed': {
    audience: 'admin',
    sentence: 'A relay lost its target, or could not reach it. Published once until it is live again; it tries again.',
    data: Type.Object({ ...Relay, detail: Detail }),
  },
} as const;
