/**
 * The JSON of workers: how they register, get jobs, and report. Times are RFC 3339 in UTC with milliseconds.
 * In: http/routes. Out: workers, web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';
import { EncoderView } from './encoder-shapes.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const JsonObject = Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object', additionalProperties: true });
const Json = Type.Unsafe<unknown>({ description: 'JSON' });
const Token = Type.Integer({ minimum: 1, description: 'fencing token of the lease' });
const Mode = Type.Union([Type.Literal('push'), Type.Literal('pull')], {
  description: '`push`: the server assigns jobs over an open response; `pull`: the worker claims each job',
});
const Parts = Type.Unsafe<Readonly<Record<string, number>>>({
  type: 'object',
  additionalProperties: { type: 'number', minimum: 0, maximum: 1 },
  maxProperties: 64,
  description: 'progress by name, 0 to 1',
});

/** The registration of a worker. */
export const NewWorker = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100, description: 'for people, e.g. the name of its machine' }),
    mode: Mode,
    slots: Type.Integer({ minimum: 1, maximum: 256, description: 'jobs that it runs at the same time' }),
    kinds: Type.Array(Type.String({ pattern: '^[a-z][a-z0-9-]{0,39}$' }), { minItems: 1, maxItems: 50 }),
    facts: Type.Optional(
      Type.Unsafe<Readonly<Record<string, unknown>>>({
        type: 'object',
        additionalProperties: true,
        maxProperties: 50,
        description: 'version, processors, encoders',
      }),
    ),
  },
  { $id: 'NewWorker', additionalProperties: false },
);
export type NewWorker = Static<typeof NewWorker>;

/** The answer to a registration. */
export const WorkerRegistration = Type.Object(
  {
    id: Type.String(),
    leaseMs: Type.Integer({ description: 'a job without a heartbeat for this long is given to another worker' }),
    heartbeatMs: Type.Integer({ description: 'interval of heartbeats' }),
    encoders: Type.Optional(Type.Boolean({ description: 'heartbeats may report hardware encoders' })),
  },
  { $id: 'WorkerRegistration' },
);
export type WorkerRegistration = Static<typeof WorkerRegistration>;

/** A worker as the API shows it. */
export const WorkerView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    mode: Mode,
    state: Type.Union([Type.Literal('online'), Type.Literal('silent'), Type.Literal('draining')], {
      description: '`silent`: no heartbeat arrives; `draining`: it gets no further jobs',
    }),
    own: Type.Boolean({ description: 'the process that this server started itself' }),
    slots: Type.Integer(),
    kinds: Type.Array(Type.String()),
    facts: JsonObject,
    jobs: Type.Array(
      Type.Object({
        id: Type.String(),
        kind: Type.String(),
        subject: Type.Union([Type.String(), Type.Null()]),
        progress: Type.Number(),
      }),
    ),
    encoders: Type.Array(EncoderView, { description: 'its hardware encoders, as its last heartbeat reported them' }),
    createdAt: Time,
    seenAt: Time,
  },
  { $id: 'WorkerView' },
);
export type WorkerView = Static<typeof WorkerView>;

/** A job that a worker has to run. */
export const JobOffer = Type.Object(
  {
    id: Type.String(),
    token: Token,
    kind: Type.String(),
    input: Json,
    subject: Type.Union([Type.String(), Type.Null()]),
    priority: Type.Integer(),
    tries: Type.Integer(),
    maxTries: Type.Integer(),
    number: Type.Integer(),
    createdAt: Time,
    startedAt: Time,
    traceparent: Type.Optional(
      Type.String({ description: 'of the span of the job, for requests of the worker; absent if tracing is off' }),
    ),
  },
  { $id: 'JobOffer' },
);
export type JobOffer = Static<typeof JobOffer>;

/** A line of the response of a push worker. */
export type WorkerLine =
  | { readonly type: 'job'; readonly job: JobOffer }
  /** The lease of a job is over: stop working on it. */
  | { readonly type: 'stop'; readonly id: string; readonly token: number }
  /** Finish the running jobs, then end. */
  | { readonly type: 'drain' }
  /** Nothing, so that both sides notice a lost connection. */
  | { readonly type: 'idle' };

/** The request of a claim. */
export const JobClaim = Type.Object(
  {
    waitMs: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 60_000, description: 'how long to wait for a job; default: 20 s' }),
    ),
  },
  { $id: 'JobClaim', additionalProperties: false },
);

/** A heartbeat: all jobs that the worker runs. */
export const WorkerHeartbeat = Type.Object(
  {
    jobs: Type.Array(
      Type.Object(
        {
          id: Type.String({ maxLength: 80 }),
          token: Token,
          progress: Type.Number({ minimum: 0, maximum: 1 }),
          parts: Parts,
        },
        { additionalProperties: false },
      ),
      { maxItems: 256 },
    ),
    encoders: Type.Optional(Type.Array(EncoderView, { maxItems: 64, description: 'its hardware encoders' })),
  },
  { $id: 'WorkerHeartbeat', additionalProperties: false },
);
export type WorkerHeartbeat = Static<typeof WorkerHeartbeat>;

const Leases = Type.Array(Type.Object({ id: Type.String(), token: Token }));

export const HeartbeatAnswer = Type.Object(
  {
    cancelled: Leases,
    lost: Type.Array(Type.Object({ id: Type.String(), token: Token }), {
      description: 'jobs that were given to another worker, or have ended',
    }),
    drain: Type.Boolean({ description: 'finish the running jobs, then end' }),
  },
  { $id: 'HeartbeatAnswer' },
);
export type HeartbeatAnswer = Static<typeof HeartbeatAnswer>;

export const JobResult = Type.Object({ token: Token, result: Json }, { $id: 'JobResult', additionalProperties: false });

/** Why a try failed. */
export const JobFailureReport = Type.Object(
  {
    token: Token,
    code: Type.String({ pattern: '^[a-z][a-z-]{0,39}$' }),
    detail: Type.String({ maxLength: 4000 }),
    retry: Type.Boolean({ description: 'whether another try may succeed' }),
  },
  { $id: 'JobFailureReport', additionalProperties: false },
);
