/**
 * Background work over the API: how far it is, what came of it, and an end to it.
 * In: requests. Out: JobView.
 */
import { JobView } from '../../api/job-shapes.ts';
import { Type } from '../../api/type.ts';
import { NextCursor, PageQuery } from './page-query.ts';
import { defineRoute, type Route } from './route.ts';

/** The id of a job in a path. */
export const JobParams = Type.Object({ id: Type.String({ maxLength: 80 }) });
const JobList = Type.Object({ items: Type.Array(JobView), nextCursor: NextCursor }, { $id: 'JobList' });

/** The rows. */
export const jobRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/jobs',
    tag: 'jobs',
    access: 'admin',
    sentence: 'Lists jobs, newest first, 200 a page unless `limit` says otherwise.',
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
    sentence: 'Tells how far a job is, and what came of it.',
    params: JobParams,
    replies: { 200: JobView },
    answer: async ({ params: { id } }, { jobs }) => ({ body: await jobs.get(id) }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/jobs/:id',
    tag: 'jobs',
    access: 'admin',
    sentence: 'Cancels a job; one that is done is forgotten, and its file deleted.',
    params: JobParams,
    replies: { 200: JobView },
    answer: async ({ params: { id } }, { jobs }) => ({ body: await jobs.cancel(id) }),
  }),
];
