/**
 * Routes of workers: registration, assignment of jobs, heartbeats, and the list for administrators.
 * docs/6-library/workers.md.
 * In: requests of workers. Out: jobs to run.
 */
import { Type } from '../../api/type.ts';
import {
  HeartbeatAnswer,
  JobClaim,
  JobOffer,
  NewWorker,
  WorkerHeartbeat,
  WorkerRegistration,
  WorkerView,
} from '../../api/workers/worker-shapes.ts';
import { nodeOfWorker } from '../../jobs/worker-table.ts';
import { mergePages, missingFields } from '../route/merge-lists.ts';
import { IdParams } from '../route/page-query.ts';
import { defineRoute, type Route } from '../route/route.ts';

const WorkerList = Type.Object({ items: Type.Array(WorkerView), nextCursor: Type.Null() }, { $id: 'WorkerList' });
const LeaveQuery = Type.Object(
  { leaves: Type.Optional(Type.Literal('true', { description: 'sent by the worker itself when it ends' })) },
  { additionalProperties: false },
);
/** How long a claim waits by default, ms. */
const CLAIM_MS = 20_000;
/** Description of the answer; openapi.ts recognizes the media type by it. */
const LINES = 'lines of JSON with the member `type`: job, stop, drain or idle';

/** The rows. */
export const workerRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/workers',
    tag: 'workers',
    access: 'admin',
    sentence: 'Lists the workers with their state, slots, running jobs and facts.',
    replies: { 200: WorkerList },
    async answer({ elsewhere }, { workers }) {
      const others = await elsewhere();
      const page = mergePages({ items: workers.list(), nextCursor: null }, others, {
        keyOf: ({ id }) => id,
        ownerOf: ({ id }) => nodeOfWorker(id),
        compare: (a, b) => (a.id < b.id ? -1 : 1),
        cursorOf: ({ id }) => id,
        limit: Number.POSITIVE_INFINITY,
      });
      return { headers: missingFields(others), body: { items: [...page.items], nextCursor: null } };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/workers',
    tag: 'workers',
    access: 'worker',
    limit: 'workers',
    sentence: 'Registers a worker.',
    body: NewWorker,
    replies: { 201: WorkerRegistration },
    answer: async ({ body, principal }, { workers }) => ({
      status: 201,
      body: await workers.register(body, principal.isOwnWorker),
    }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/workers/:id',
    tag: 'workers',
    access: 'worker',
    limit: 'workers',
    sentence: 'Gives a worker no further jobs. It finishes those that it runs, and ends.',
    params: IdParams,
    query: LeaveQuery,
    replies: { 200: WorkerView },
    answer: async ({ params: { id }, query }, { workers }) => ({
      body: await workers.drain(id, query.leaves === 'true'),
    }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/workers/:id/jobs',
    tag: 'workers',
    access: 'worker',
    sentence: 'Sends a push worker its jobs as they are assigned, one per line.',
    params: IdParams,
    fileTypes: ['application/x-ndjson'],
    replies: { 200: Type.String({ description: LINES }) },
    answer: ({ params: { id } }, { workers }) => ({ lines: (lines) => workers.connect(id, lines) }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/workers/:id/claims',
    tag: 'workers',
    access: 'worker',
    limit: 'workers',
    isRoutine: true,
    sentence: 'Leases the next job to a pull worker; waits for one.',
    params: IdParams,
    body: JobClaim,
    replies: { 200: JobOffer, 204: undefined },
    async answer({ params: { id }, body: { waitMs = CLAIM_MS }, signal }, { workers }) {
      const job = await workers.claim(id, { waitMs, signal });
      return job ? { body: job } : { status: 204 };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/workers/:id/heartbeat',
    tag: 'workers',
    access: 'worker',
    limit: 'workers',
    isRoutine: true,
    sentence: 'Extends the leases of all jobs of a worker and stores their progress.',
    params: IdParams,
    body: WorkerHeartbeat,
    replies: { 200: HeartbeatAnswer },
    answer: async ({ params: { id }, body }, { workers }) => ({ body: await workers.heartbeat(id, body) }),
  }),
];
