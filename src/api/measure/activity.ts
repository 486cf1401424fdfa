/**
 * The shape of a stream's activity: how much happened in it, for the timeline.
 * In: nothing. Out: a schema for the API and its clients.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = { format: 'date-time' } as const;

/** How much happened in a stream, step by step. */
export const ActivityView = Type.Object(
  {
    from: Type.String({ ...Time, description: 'start of the first step' }),
    to: Type.String({ ...Time, description: 'end of the last step' }),
    res: Type.Integer({ description: 'length of a step, seconds' }),
    values: Type.Array(Type.Union([Type.Integer(), Type.Null()]), {
      description: 'bit/s of video and audio, one value for each step; null where nothing was received',
    }),
    changes: Type.Array(Type.Union([Type.Number(), Type.Null()]), {
      description:
        'the largest change of the picture in each step: mean difference of the luma of two consecutive small pictures (ten seconds apart) in 16 × 16 cells, 0 to 255; null where none were compared, e.g. without a storyboard',
    }),
  },
  { $id: 'ActivityView' },
);
export type ActivityView = Static<typeof ActivityView>;
