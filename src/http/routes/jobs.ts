/**
 * Background work over the API: how far it is, what came of it, and an end to it.
 * In: requests. Out: JobView.
 */
import { JobView } from '../../api/job-shapes.ts';
import { Type } from '../../api/type.ts';
import { defineRoute, type Route } from './route.ts';

/** The id of a job in a path. */
export const JobParams = Type.Object({ id: Type.String({ maxLength: 80 }) });
const JobList = Type.Object({ items: Type.Array(JobView), nextCursor: Type.Null() }, { $id: 'JobList' });

/** The rows. */
export const jobRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/jobs',
    tag: 'jobs',
    who: 'admin',
    sentence: 'Lists the newest 200 jobs, newest first.',
    replies: { 200: JobList },
    answer: async (_, { jobs }) => ({ body: { items: await jobs.list(), nextCursor: null } }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/jobs/:id',
    tag: 'jobs',
    who: 'admin',
    sentence: 'Tells how far a job is, and what came of it.',
    params: JobParams,
    replies: { 200: JobView },
    answer: async ({ params: { id } }, { jobs }) => ({ body: await jobs.get(id) }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/jobs/:id',
    tag: 'jobs',
    who: 'admin',
    sentence: 'Cancels a job; one that is done is forgotten, and its file deleted.',
    params: JobParams,
    replies: { 200: JobView },
    answer: async ({ params: { id } }, { jobs }) => ({ body: await jobs.cancel(id) }),
  }),
];
