/**
 * Routes of background jobs: state, progress and cancellation.
 * In: requests. Out: JobView.
 */
import { JobView } from '../../api/job-shapes.ts';
import { Type } from '../../api/type.ts';
import { IdParams, NextCursor, PageQuery } from './page-query.ts';
import { defineRoute, type Route } from './route.ts';

const JobList = Type.Object({ items: Type.Array(JobView), nextCursor: NextCursor }, { $id: 'JobList' });

/** The rows. */
export const jobRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/jobs',
    tag: 'jobs',
    access: 'admin',
    sentence: 'Lists jobs, newest first, by default 200 per page.',
    query: PageQuery,
    replies: { 200: JobList },
    answer: async ({ query: { limit, cursor } }, { jobs }) => ({
      body: await jobs.list({ limit: limit === undefined ? undefined : Number(limit), cursor }),
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
];
