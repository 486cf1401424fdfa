/**
 * The result of a file that heals gaps.
 * In: nothing. Out: TypeBox schemas.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

/** How it is known when a file begins. */
export const fileClocks = ['given', 'name', 'header', 'media'] as const;

/** One gap that a file was tried for. */
const HealedFileGap = Type.Object(
  {
    from: Time,
    to: Time,
    healed: Type.Number({ description: 'media of the file that fills it now, seconds' }),
    missing: Type.Number({ description: 'what is still missing, seconds' }),
    reason: Type.String({ description: 'why something is missing; empty if nothing is' }),
  },
  { $id: 'HealedFileGap' },
);

/** Answer of the route that takes a file. */
export const HealedFile = Type.Object(
  {
    start: Type.Union([Time, Type.Null()], { description: 'when the file begins; null: it could not be found out' }),
    clock: Type.Union([Type.Unsafe<(typeof fileClocks)[number]>(Type.String({ enum: [...fileClocks] })), Type.Null()], {
      description:
        '`given` with the request, by its `name`, by its `header` (creation time), or by comparing its `media` with the recording',
    }),
    seconds: Type.Number({ description: 'length of its media' }),
    gaps: Type.Array(HealedFileGap, { description: 'the gaps that it was tried for, oldest first' }),
  },
  { $id: 'HealedFile' },
);

/** Value of HealedFile. */
export type HealedFileView = Static<typeof HealedFile>;
