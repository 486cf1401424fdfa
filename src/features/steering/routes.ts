/**
 * Routes of content steering: reports of edges, and the state of the edges for administrators.
 * In: signed reports. Out: 204; PathwayView.
 */
import { EdgeReportBody, PathwayView } from '../../api/steering/steering-shapes.ts';
import { Type } from '../../api/type.ts';
import { REPORTS_PATH } from '../../edge/steering/edge-report.ts';
import { rowsFor } from '../feature.ts';
import type { SteeringControl } from './steering-control.ts';

const PathwayList = Type.Object({ items: Type.Array(PathwayView), nextCursor: Type.Null() }, { $id: 'PathwayList' });

const ReportQuery = Type.Object({
  passed: Type.Optional(Type.Literal('true', { description: 'a node has taken it, and passes it on to the others' })),
});

const defineRoute = rowsFor<SteeringControl>();

/** The rows. */
export const steeringRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/steering',
    tag: 'system',
    access: 'admin',
    sentence: 'Lists the edges that players are steered to, with their state, as this node knows it.',
    replies: { 200: PathwayList },
    answer: (_, control) => ({ body: { items: control.list(), nextCursor: null } }),
  }),
  defineRoute({
    method: 'POST',
    path: REPORTS_PATH,
    tag: 'system',
    access: 'anyone',
    sentence: 'Takes the report of an edge about itself, signed with `edges.token`.',
    query: ReportQuery,
    body: EdgeReportBody,
    isRoutine: true,
    replies: { 204: Type.Null() },
    answer({ body, query: { passed } }, control) {
      control.reported(body, { isPassed: passed !== undefined });
      return { status: 204 };
    },
  }),
];
