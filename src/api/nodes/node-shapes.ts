/**
 * The JSON of the nodes of a cluster. Times are RFC 3339 in UTC with milliseconds.
 * In: http/routes. Out: nodes, web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Count = Type.Integer({ minimum: 0 });

/** A node as the API shows it. */
export const ClusterNodeView = Type.Object(
  {
    name: Type.String({ description: '`cluster.node`' }),
    url: Type.String({ description: 'where the other nodes reach it: `cluster.url`' }),
    version: Type.String({ description: 'of oxbow, when it started last' }),
    roles: Type.Array(
      Type.Union([Type.Literal('ingest'), Type.Literal('serve'), Type.Literal('worker'), Type.Literal('rooms')]),
    ),
    state: Type.Union([Type.Literal('alive'), Type.Literal('draining'), Type.Literal('dead')], {
      description: '`draining`: it is being stopped; `dead`: it was stopped, or does not renew its lease',
    }),
    since: Type.Union([Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' }), Type.Null()], {
      description: 'since when it is in this state; alive: since its start',
    }),
    self: Type.Boolean({ description: 'it is the node that answers this request' }),
    owns: Type.Object(
      { streams: Count, rooms: Count, assets: Count, uploads: Count },
      { description: 'number of things that it owns: it alone runs and changes them' },
    ),
  },
  { $id: 'ClusterNodeView' },
);
export type ClusterNodeView = Static<typeof ClusterNodeView>;
