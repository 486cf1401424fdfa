/**
 * Routes of the server: time, system state and version.
 * In: requests. Out: SystemView, TimeView, VersionView.
 */

import { SystemHistory } from '../../api/admin-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { SystemView } from '../../api/shapes.ts';
import { Type } from '../../api/type.ts';
import { defineRoute, type Route } from '../route/route.ts';

const TimeView = Type.Object(
  { now: Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' }) },
  { $id: 'TimeView' },
);
const VersionView = Type.Object({ name: Type.Literal('oxbow'), version: Type.String() }, { $id: 'VersionView' });

/** The rows. */
export const systemRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/time',
    tag: 'system',
    access: 'anyone',
    anyPage: true,
    sentence: "Returns the server's time, so that players can measure the offset of their clock.",
    replies: { 200: TimeView },
    answer: (_, { clock }) => ({ body: { now: printRfc3339(clock.nowMs()) } }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/system',
    tag: 'system',
    access: 'admin',
    sentence: 'Returns version, memory, disk and number of streams.',
    replies: { 200: SystemView },
    answer: async (_, { system }) => ({ body: await system() }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/system/history',
    tag: 'system',
    access: 'admin',
    sentence: 'Returns CPU time and used disk of the last 24 hours, since the process started.',
    replies: { 200: SystemHistory },
    answer: async (_, { systemHistory }) => ({ body: await systemHistory() }),
  }),
  defineRoute({
    method: 'GET',
    path: '/version',
    tag: 'system',
    access: 'anyone',
    sentence: 'Returns the version of oxbow.',
    replies: { 200: VersionView },
    answer: (_, { version }) => ({ body: { name: 'oxbow', version } }),
  }),
];
