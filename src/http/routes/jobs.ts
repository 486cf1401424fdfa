/**
 * Routes of background jobs: state, progress and cancellation.
 * In: requests. Out: JobView.
 */
import { JobView } from '../../api/jobs/job-shapes.ts';
import { Type } from '../../api/type.ts';
import { IdParams, NextCursor, PageQuery } from '../route/page-query.ts';
import { defineRoute, type Route } from '../route/route.ts';

const JobList = Type.Object({ items: Type.Array(JobView), nextCursor: NextCursor }, { $id: 'JobList' });

const JobListQuery = Type.Object(
  {
    ...PageQuery.properties,
    kind: Type.Optional(Type.String({ maxLength: 40 })),
    state: Type.Optional(JobView.properties.state),
    subject: Type.Optional(Type.String({ maxLength: 80, description: 'e.g. the id of an asset' })),
  },
  { additionalProperties: false },
);

/** The rows. */
export const jobRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/jobs',
    tag: 'jobs',
    access: 'admin',
    sentence: 'Lists jobs, newest first, by default 200 per page.',
    query: JobListQuery,
    replies: { 200: JobList },
    answer: async ({ query: { limit, ...query } }, { jobs }) => ({
      body: await jobs.list({ ...query, limit: limit === undefined ? undefined : Number(limit) }),
    }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/jobs/:id',
    tag: 'jobs',
    access: 'admin',
    sentence: 'Returns the state, progress and result of a job.',
    params: IdParams,
    replies: { 200: JobView },
    answer: async ({ params: { id } }, { jobs }) => ({ body: await jobs.get(id) }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/jobs/:id',
    tag: 'jobs',
    access: 'admin',
    sentence: 'Cancels a job. Removes a finished job and its file.',
    params: IdParams,
    replies: { 200: JobView },
    answer: async ({ params: { id } }, { jobs }) => ({ body: await jobs.cancel(id) }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/jobs/:id/retry',
    tag: 'jobs',
    access: 'admin',
    sentence: 'Queues a failed or cancelled job again.',
    params: IdParams,
    replies: { 200: JobView },
    answer: async ({ params: { id } }, { jobs }) => ({ body: await jobs.retry(id) }),
  }),
];
