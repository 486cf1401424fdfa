/**
 * Routes of deletions of recorded ranges, and of legal holds.
 * In: instants in any accepted form, texts. Out: DeletionView, HoldView.
 */
import { DeletionView, HoldView } from '../../api/deletions/deletion-shapes.ts';
import type { DeletionsApi, Requester } from '../../api/deletions/deletions-api.ts';
import type { EdgePurgesApi } from '../../api/deletions/edge-purge-shapes.ts';
import { StreamName } from '../../api/stream/stream-name.ts';
import { Type } from '../../api/type.ts';
import { endForms, instantForms, readEnd, readInstant } from '../../http/route/instant-field.ts';
import type { RouteCall } from '../../http/route/route.ts';
import { NameParams } from '../../http/routes/streams/streams.ts';
import { rowsFor } from '../feature.ts';

const Instant = Type.String({ maxLength: 64, description: instantForms });
const End = Type.String({ maxLength: 64, description: endForms });
const Choice = Type.Union([Type.Literal('true'), Type.Literal('false')]);
const DeleteQuery = Type.Object(
  {
    from: Instant,
    to: End,
    dryRun: Type.Optional(
      Type.Union(Choice.anyOf, { description: '`true`: nothing is deleted; the answer says what would be.' }),
    ),
    assets: Type.Optional(
      Type.Union([Type.Literal('keep'), Type.Literal('delete')], {
        default: 'keep',
        description: '`keep`: assets made of the range refuse the deletion; `delete`: they are deleted for good.',
      }),
    ),
  },
  { additionalProperties: false },
);
const DeletionQuery = Type.Object(
  {
    stream: Type.Optional(StreamName),
    cursor: Type.Optional(Type.String({ maxLength: 80, description: '`nextCursor` of the answer before this one' })),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$', description: 'at most 999; default: 100' })),
  },
  { additionalProperties: false },
);
const DeletionList = Type.Object(
  { items: Type.Array(DeletionView), nextCursor: Type.Union([Type.String(), Type.Null()]) },
  { $id: 'DeletionList' },
);
const NewHold = Type.Object(
  {
    from: Instant,
    to: Type.Optional(
      Type.String({
        maxLength: 64,
        description: `${endForms} It may be in the future. Default: until the hold is lifted.`,
      }),
    ),
    name: Type.String({ minLength: 1, maxLength: 100, description: 'of refusals, e.g. a file number' }),
    reason: Type.Optional(Type.String({ maxLength: 500 })),
  },
  { $id: 'NewHold', additionalProperties: false },
);
const HoldList = Type.Object({ items: Type.Array(HoldView), nextCursor: Type.Null() }, { $id: 'HoldList' });
const HoldParams = Type.Object({ ...NameParams.properties, id: Type.String({ maxLength: 80 }) });
const USUAL_LIMIT = 100;

function requesterOf({ principal, client, traceId }: Pick<RouteCall, 'principal' | 'client' | 'traceId'>): Requester {
  return { userId: principal.owner.replace(/^user:/, ''), name: principal.name, address: client.address, traceId };
}

/** Dependencies of the routes. */
export interface Erase {
  readonly deletions: DeletionsApi;
  readonly edgePurges: EdgePurgesApi;
}

const defineRoute = rowsFor<Erase>();

/** The rows. */
export const deletionRoutes = [
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/recordings',
    tag: 'timeline',
    access: 'admin',
    sentence:
      'Deletes a range of a recording for good: every segment that overlaps it, from files, copies, exports, clips and edges. 202: it is gone for viewers, and work is left.',
    params: NameParams,
    query: DeleteQuery,
    replies: { 200: DeletionView, 202: DeletionView },
    async answer({ params: { name }, query, ...call }, { deletions }) {
      const fromMs = readInstant('from', query.from);
      const toMs = readEnd('to', query.to, fromMs);
      const request = { fromMs, toMs, assets: query.assets ?? 'keep', isDry: query.dryRun === 'true' };
      const body = await deletions.delete(name, request, requesterOf(call));
      if (body.id === null || body.state === 'done') return { body };
      return { status: 202, headers: { location: `/api/v1/deletions/${body.id}` }, body };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/deletions',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Lists deletions of recorded ranges, newest first, also of streams that were removed.',
    query: DeletionQuery,
    replies: { 200: DeletionList },
    async answer({ query: { limit, ...query } }, { deletions }) {
      return { body: await deletions.list({ ...query, limit: Number(limit ?? USUAL_LIMIT) }) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/deletions/:id',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Returns a deletion with what is left to do.',
    params: Type.Object({ id: Type.String({ maxLength: 80 }) }),
    replies: { 200: DeletionView },
    answer: async ({ params: { id } }, { deletions }) => ({ body: await deletions.get(id) }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/holds',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Lists the legal holds of all streams.',
    replies: { 200: HoldList },
    answer: async (_call, { deletions }) => ({ body: { items: await deletions.allHolds(), nextCursor: null } }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/holds',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Lists the legal holds of a stream, oldest first.',
    params: NameParams,
    replies: { 200: HoldList },
    answer: ({ params: { name } }, { deletions }) => ({ body: { items: deletions.holds(name), nextCursor: null } }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/holds',
    tag: 'timeline',
    access: 'admin',
    sentence:
      'Sets a legal hold: until it is lifted, neither retention nor a request deletes the ten-minute windows that it overlaps.',
    params: NameParams,
    body: NewHold,
    replies: { 201: HoldView },
    repeatable: true,
    async answer({ params: { name }, body: { from, to, reason = '', ...body }, ...call }, { deletions }) {
      const fromMs = readInstant('from', from);
      const toMs = to === undefined ? undefined : readEnd('to', to, fromMs);
      const hold = await deletions.addHold(name, { fromMs, toMs, reason, name: body.name }, requesterOf(call));
      return { status: 201, headers: { location: `/api/v1/streams/${name}/holds/${hold.id}` }, body: hold };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/holds/:id',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Lifts a legal hold. The next retention pass deletes expired media that it kept.',
    params: HoldParams,
    replies: { 204: undefined },
    async answer({ params: { name, id }, ...call }, { deletions }) {
      await deletions.liftHold(name, id, requesterOf(call));
      return { status: 204 };
    },
  }),
];
