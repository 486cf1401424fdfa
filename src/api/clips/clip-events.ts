/**
 * Events of clips, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { Type } from '../type.ts';
import { ClipView } from './clip-shapes.ts';

const ClipData = {
  id: Type.String(),
  title: ClipView.properties.title,
  visibility: ClipView.properties.visibility,
  owner: Type.String({ description: '`admin`, `user:` with the id of a user, or `token:` with that of an API token' }),
};

/** The rows. */
export const clipEvents = {
  'clip.created': { audience: 'owner', sentence: 'A clip was created.', data: Type.Object(ClipData) },
  'clip.changed': {
    audience: 'owner',
    sentence: 'The title or the visibility of a clip changed.',
    data: Type.Object(ClipData),
  },
  'clip.deleted': { audience: 'owner', sentence: 'A clip was deleted.', data: Type.Object(ClipData) },
  'clip.lost': {
    audience: 'owner',
    sentence: 'The media of a clip is gone.',
    data: Type.Object({
      ...ClipData,
      reason: Type.Union([
        Type.Literal('disk', { description: 'the disk was full, and nothing else could be deleted' }),
        Type.Literal('deleted', { description: 'the recordings of its stream, or some of its range, were deleted' }),
      ]),
    }),
  },
} as const;
