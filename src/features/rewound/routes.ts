/**
 * The route of what viewers of a stream watched again, for its timeline.
 * In: a range of the media. Out: RewoundView: for administrators, and for viewers if the stream shows it.
 */
import { RewoundView } from '../../api/rewound/rewound-shapes.ts';
import { findStream, NameParams } from '../../http/routes/streams/streams.ts';
import { readRange, StepsQuery } from '../../http/routes/streams/timeline.ts';
import { OxbowError } from '../../lib/errors.ts';
import { rowsFor } from '../feature.ts';
import type { ShownHeat } from './shown-heat.ts';

const defineRoute = rowsFor<Pick<ShownHeat, 'read'>>();

/** The row. */
export const rewoundRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/rewound',
    tag: 'timeline',
    access: 'viewer',
    sentence:
      'Returns which parts of the past of a stream were watched most, step by step. For administrators, and with `showRewound` of the stream for viewers.',
    params: NameParams,
    query: StepsQuery,
    replies: { 200: RewoundView },
    async answer({ params: { name }, query, sees, principal: { isAdmin } }, heat, deps) {
      const { showRewound } = await findStream(name, sees, deps);
      if (showRewound !== true && !isAdmin) {
        throw new OxbowError('not-found', `The stream "${name}" does not show what was watched again.`);
      }
      return { body: await heat.read(name, readRange(query, deps), Number(query.res ?? 0)) };
    },
  }),
];
