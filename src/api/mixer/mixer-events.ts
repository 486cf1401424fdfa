/**
 * Events of mixers, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { Type } from '../type.ts';

/** The rows. */
export const mixerEvents = {
  'mixer.cut': {
    audience: 'admin',
    sentence: 'A mixer shows another input.',
    data: Type.Object({
      input: Type.String({ description: 'name of the stream that is shown from now on' }),
      from: Type.Union([Type.String(), Type.Null()], { description: 'the input before; null: none was shown' }),
      at: Type.String({ format: 'date-time', description: 'time of its first picture' }),
      by: Type.String({ description: 'who cut; empty: the mixer did, because of inputs without media' }),
      isDiscontinuity: Type.Boolean({ description: 'decoders are initialized again' }),
    }),
  },
  'mixer.changed': {
    audience: 'admin',
    sentence: 'A mixer was created, changed or removed.',
    data: Type.Object({ inputs: Type.Array(Type.String(), { description: 'empty: the stream is no mixer any more' }) }),
  },
} as const;
