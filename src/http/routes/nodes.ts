/**
 * Routes of the nodes of a cluster: the list, and the end of a node that does not come back.
 * docs/9-run/cluster.md.
 * In: requests of administrators. Out: ClusterNodeView.
 */
import { ClusterNodeView } from '../../api/nodes/node-shapes.ts';
import { Type } from '../../api/type.ts';
import { OxbowError } from '../../lib/errors.ts';
import { defineRoute, type Route } from '../route/route.ts';

const NodeList = Type.Object({ items: Type.Array(ClusterNodeView), nextCursor: Type.Null() }, { $id: 'NodeList' });
const NodeParams = Type.Object({ name: Type.String({ maxLength: 80 }) });

/** The rows. */
export const nodeRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/nodes',
    tag: 'system',
    access: 'admin',
    sentence:
      'Lists the nodes of the cluster with their state and the number of things that each owns; empty without a cluster.',
    replies: { 200: NodeList },
    answer: async (_, { nodes }) => ({ body: { items: (await nodes?.list()) ?? [], nextCursor: null } }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/nodes/:name',
    tag: 'system',
    access: 'admin',
    sentence:
      'Forgets a dead node that owns nothing. Its files are not touched; a node that starts again is known again.',
    params: NodeParams,
    replies: { 204: undefined },
    async answer({ params: { name } }, { nodes }) {
      if (!nodes) throw new OxbowError('node-unknown', 'This server is not a node of a cluster.');
      await nodes.forget(name);
      return { status: 204 };
    },
  }),
];
