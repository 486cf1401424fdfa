/**
 * What viewers of a stream watched again, for its timeline, and the setting that shows it to viewers.
 * In: features/rewound. Out: the route; shapes.ts. Shares only: viewers see no audience figures.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** Most steps of an answer. */
export const MOST_REWOUND_STEPS = 1000;

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

/** How often each part of the past of a stream was watched. */
export const RewoundView = Type.Object(
  {
    from: Time,
    to: Time,
    step: Type.Integer({ description: 'length of a step, seconds' }),
    items: Type.Array(
      Type.Object({
        at: Type.String({ format: 'date-time', description: 'beginning of the step, in the time of the media' }),
        share: Type.Number({
          minimum: 0,
          maximum: 1,
          description: 'of the most watched step of the range, which has 1',
        }),
      }),
      { maxItems: MOST_REWOUND_STEPS, description: 'in order of time; steps that no one watched are omitted' },
    ),
  },
  { $id: 'RewoundView' },
);
/** See the schema. */
export type RewoundView = Static<typeof RewoundView>;

/** Part of StreamSettings and StreamPatch. */
export const rewoundSettings = {
  showRewound: Type.Optional(
    Type.Union([
      Type.Boolean({ description: 'whether viewers see on the timeline which parts were watched most; default: no' }),
      Type.Null(),
    ]),
  ),
};
