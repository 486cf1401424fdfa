/**
 * The route of what viewers of a stream watched again, for its timeline.
 * In: a range of the media. Out: RewoundView: for administrators, and for viewers if the stream shows it, of
 * what they may see of its past.
 */

import type { InsightRange } from '../../api/insight/insight-api.ts';
import { RewoundView } from '../../api/rewound/rewound-shapes.ts';
import { visibleRange } from '../../http/route/visible-past.ts';
import { findStream, NameParams } from '../../http/routes/streams/streams.ts';
import { readRange, StepsQuery } from '../../http/routes/streams/timeline.ts';
import { OxbowError } from '../../lib/errors.ts';
import { rowsFor } from '../feature.ts';
import type { ShownHeat } from './shown-heat.ts';

const defineRoute = rowsFor<Pick<ShownHeat, 'read'>>();

/** What viewers may see moves on with the time: in steps of this length, so that answers can be kept, ms. */
const STEP_MS = 30_000;

/** The visible part of a range, or a little less of it: ends that rules decide stay for a while. */
function steadily(range: InsightRange, visible: InsightRange): InsightRange {
  const fromMs = visible.fromMs > range.fromMs ? Math.ceil(visible.fromMs / STEP_MS) * STEP_MS : range.fromMs;
  const toMs = visible.toMs < range.toMs ? Math.floor(visible.toMs / STEP_MS) * STEP_MS : range.toMs;
  return { fromMs, toMs: Math.max(fromMs + 1, toMs) };
}

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
    async answer(call, heat, deps) {
      const { params, query, sees, principal } = call;
      const { name } = params;
      const { showRewound } = await findStream(name, sees, deps);
      if (showRewound !== true && !principal.isAdmin) {
        throw new OxbowError('not-found', `The stream "${name}" does not show what was watched again.`);
      }
      const range = readRange(query, deps);
      const seen = steadily(range, visibleRange(name, range, call, deps));
      return { body: await heat.read(name, seen, Number(query.res ?? 0)) };
    },
  }),
];
