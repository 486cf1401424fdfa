/**
 * Events of healing, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { type GapCause, gapCauses } from '@oxbow/media/gap';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

/** The rows. */
export const healingEvents = {
  'recording.healed': {
    audience: 'stream',
    sentence: 'Media that was missing in a recording was found later. Published for each gap and source.',
    data: Type.Object({
      from: Time,
      to: Time,
      seconds: Type.Number({ description: 'media that was found, seconds' }),
      source: Type.String({ description: 'name of the source that had it' }),
      cause: Type.Unsafe<GapCause | 'offline'>(
        Type.String({ enum: ['offline', ...gapCauses], description: 'why it was missing' }),
      ),
    }),
  },
} as const;
