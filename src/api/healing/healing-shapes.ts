/**
 * Settings of healing, parts of the shapes of streams.
 * In: nothing. Out: TypeBox schemas.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** What is known of the healing of a gap. */
export const HealingNote = Type.Object(
  {
    state: Type.Union([Type.Literal('waiting'), Type.Literal('partly'), Type.Literal('lost')], {
      description:
        '`waiting`: it is tried again; `partly`: a part was found, this is the rest; `lost`: no source has it',
    }),
    attempts: Type.Integer(),
    nextAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()], {
      description: 'when it is tried again; null: it is not',
    }),
    reason: Type.String({ description: 'why it is not filled, for a person; may be empty' }),
  },
  { $id: 'HealingNote', description: 'absent: no source is known for the gap, or it was not tried yet' },
);
/** See the schema. */
export type HealingNote = Static<typeof HealingNote>;

/** Part of StreamSettings and StreamPatch. */
export const healingSettings = {
  healFrom: Type.Optional(
    Type.Union([
      Type.Array(Type.String({ maxLength: 2000 }), {
        maxItems: 8,
        description:
          'further sources of the same programme, from which gaps of the recording are filled: addresses of HLS playlists with dates (`https://`), of the storage of a camera (`onvif://`, `rtsp://`), or `off`: its gaps are not filled',
      }),
      Type.Null(),
    ]),
  ),
};
