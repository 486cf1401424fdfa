/**
 * Events of markers and pins, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { MarkerView, PinView } from '../shapes.ts';
import { inline, Type } from '../type.ts';

/** The rows. */
export const markEvents = {
  'marker.added': { audience: 'stream', sentence: 'A marker was added.', data: inline(MarkerView) },
  'marker.removed': {
    audience: 'stream',
    sentence: 'A marker was deleted.',
    data: Type.Object({ id: Type.String() }),
  },
  'pin.added': { audience: 'stream', sentence: 'A pin was added.', data: inline(PinView) },
  'pin.removed': { audience: 'stream', sentence: 'A pin was deleted.', data: Type.Object({ id: Type.String() }) },
} as const;
