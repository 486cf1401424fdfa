/**
 * Events of sets of angles, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { Type } from '../type.ts';

const SetData = Type.Object({
  id: Type.String(),
  name: Type.String(),
  owner: Type.String({ description: '`admin`, `user:` with the id of a user, or `token:` with that of an API token' }),
});

/** The rows. */
export const angleEvents = {
  'angles.created': { audience: 'owner', sentence: 'A set of angles was created.', data: SetData },
  'angles.changed': { audience: 'owner', sentence: 'The name or an offset of a set of angles changed.', data: SetData },
  'angles.measured': {
    audience: 'owner',
    sentence: 'The sound of a set of angles was compared.',
    data: Type.Object({
      ...SetData.properties,
      found: Type.Integer({ description: 'members whose offset was found' }),
      missed: Type.Integer({ description: 'members whose offset was not found' }),
    }),
  },
  'angles.deleted': { audience: 'owner', sentence: 'A set of angles was deleted.', data: SetData },
} as const;
