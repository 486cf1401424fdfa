/**
 * Routes of a job for the worker that runs it: inputs, outputs, and its end. docs/6-library/workers.md.
 * In: requests of workers, with the fencing token of their lease. Out: bytes to read; stored outputs,
 * results.
 */
import type { Readable } from 'node:stream';
import { JobView } from '../../api/jobs/job-shapes.ts';
import { Type } from '../../api/type.ts';
import { JobFailureReport, JobResult } from '../../api/workers/worker-shapes.ts';
import type { JobLease } from '../../api/workers/workers-api.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import { OxbowError } from '../../lib/errors.ts';
import { withStallLimit } from '../../serve/exchange/stall-limit.ts';
import { IdParams } from '../route/page-query.ts';
import { defineRoute, type Route, type RouteCall } from '../route/route.ts';

const OCTETS = 'application/octet-stream';
/** A worker that sends nothing of an output for this long has gone, ms. */
const STALL_MS = 30_000;
/** The cuts of a long film are many. */
const MAX_RESULT_BYTES = 16 * 1024 * 1024;
const MediaParams = Type.Object({
  id: Type.String({ maxLength: 80 }),
  name: Type.String({ maxLength: 200, description: 'with `~` in place of `/`' }),
});
const StoredOutput = Type.Object({ bytes: Type.Integer() }, { $id: 'StoredOutput' });
const FileBody = Type.Unsafe<unknown>({ type: 'string', format: 'binary', description: 'the input' });

/** The lease that a request names in its header. */
function leaseOf({ header }: RouteCall, id: string): JobLease {
  const token = header('oxbow-lease') ?? '';
  if (/^[1-9]\d{0,14}$/.test(token)) return { id, token: Number(token) };
  throw new OxbowError('bad-request', 'The header Oxbow-Lease must have the token of the lease.');
}

/** The rows. */
export const workerJobRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/jobs/:id/inputs/:name',
    tag: 'workers',
    access: 'worker',
    sentence:
      'Sends an input of a job to its worker, whole or by range. The header Oxbow-Lease has the token of the lease.',
    params: MediaParams,
    fileTypes: [OCTETS],
    replies: { 200: FileBody, 206: FileBody },
    async answer(call, { jobMedia }) {
      const { id, name } = call.params;
      const { location, length } = await jobMedia.input(leaseOf(call as RouteCall, id), name.replaceAll('~', '/'));
      return {
        file: {
          contentType: OCTETS,
          cacheControl: 'no-store',
          length,
          body: [{ location: segmentLocation(location), offset: 0, length }],
        },
      };
    },
  }),
  defineRoute({
    method: 'PUT',
    path: '/api/v1/jobs/:id/outputs/:name',
    tag: 'workers',
    access: 'worker',
    limit: 'workers',
    isRoutine: true,
    sentence: 'Stores an output of a job as it arrives. The header Oxbow-Lease has the token of the lease.',
    params: MediaParams,
    bodyTypes: [OCTETS],
    replies: { 200: StoredOutput },
    async answer(call, { jobMedia }) {
      const { id, name } = call.params;
      const lease = leaseOf(call as RouteCall, id);
      const bytes = withStallLimit(call.body as unknown as Readable, STALL_MS);
      return { body: await jobMedia.output(lease, name.replaceAll('~', '/'), bytes, { signal: call.signal }) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/jobs/:id/result',
    tag: 'workers',
    access: 'worker',
    limit: 'workers',
    isRoutine: true,
    maxBodyBytes: MAX_RESULT_BYTES,
    sentence: 'Ends a job with its result. The same token again gets the same answer.',
    params: IdParams,
    body: JobResult,
    replies: { 200: JobView },
    answer: async ({ params: { id }, body: { token, result } }, { leasedJobs }) => ({
      body: await leasedJobs.complete({ id, token }, result),
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/jobs/:id/failure',
    tag: 'workers',
    access: 'worker',
    limit: 'workers',
    isRoutine: true,
    sentence: 'Ends a try with an error: the job waits for another try, or has failed.',
    params: IdParams,
    body: JobFailureReport,
    replies: { 200: JobView },
    answer: async ({ params: { id }, body: { token, ...failure } }, { leasedJobs }) => ({
      body: await leasedJobs.fail({ id, token }, failure),
    }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/jobs/:id/lease',
    tag: 'workers',
    access: 'worker',
    limit: 'workers',
    isRoutine: true,
    sentence: 'Gives a job back that did not fail, e.g. because its worker ends. The header Oxbow-Lease has the token.',
    params: IdParams,
    replies: { 204: undefined },
    async answer(call, { leasedJobs }) {
      await leasedJobs.release(leaseOf(call as RouteCall, call.params.id));
      return { status: 204 };
    },
  }),
];
