/**
 * Events of deletions and legal holds, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { inline, Type } from '../type.ts';
import { HoldView } from './deletion-shapes.ts';

/** The rows. */
export const deletionEvents = {
  'recording.deleted': {
    audience: 'stream',
    sentence: 'A range of a recording was deleted on request.',
    data: Type.Object({
      id: Type.String({ description: 'of the deletion' }),
      from: Type.String({ description: 'start of the first deleted segment, RFC 3339' }),
      to: Type.String({ description: 'end of the last one' }),
    }),
  },
  'hold.added': { audience: 'admin', sentence: 'A legal hold was set.', data: inline(HoldView) },
  'hold.lifted': { audience: 'admin', sentence: 'A legal hold was lifted.', data: inline(HoldView) },
} as const;
