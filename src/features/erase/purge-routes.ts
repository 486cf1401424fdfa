/**
 * Routes of purges of edges.
 * In: kinds and names. Out: EdgePurgeView.
 */
import { EdgePurgeView } from '../../api/deletions/edge-purge-shapes.ts';
import { StreamName } from '../../api/stream/stream-name.ts';
import { Type } from '../../api/type.ts';
import { mergePages, missingFields } from '../../http/route/merge-lists.ts';
import { rowsFor } from '../feature.ts';
import type { Erase } from './routes.ts';

const Id = Type.Optional(Type.String({ maxLength: 80, description: 'its id' }));
const PurgeQuery = Type.Object(
  { stream: Type.Optional(StreamName), asset: Id, clip: Id },
  { additionalProperties: false },
);
const PurgeList = Type.Object({ items: Type.Array(EdgePurgeView), nextCursor: Type.Null() }, { $id: 'EdgePurgeList' });

const defineRoute = rowsFor<Erase>();

/** The rows. */
export const edgePurgeRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/edge-purges',
    tag: 'system',
    access: 'admin',
    sentence:
      'Lists purges of the edges in `edges.urls`, newest first, with the edges that have confirmed: of what was deleted or closed to others since the start.',
    query: PurgeQuery,
    replies: { 200: PurgeList },
    async answer({ query, elsewhere }, { edgePurges }) {
      const items = edgePurges
        .list()
        .filter(({ kind, name }) => Object.keys(query).length === 0 || query[kind] === name);
      const others = await elsewhere();
      const page = mergePages({ items, nextCursor: null }, others, {
        keyOf: ({ id }) => id,
        cursorOf: ({ id }) => id,
        limit: Number.POSITIVE_INFINITY,
        ownerOf: () => undefined,
        compare: (a, b) => (a.startedAt === b.startedAt ? (a.id < b.id ? 1 : -1) : a.startedAt < b.startedAt ? 1 : -1),
      });
      return { headers: missingFields(others), body: { items: page.items, nextCursor: null } };
    },
  }),
];
