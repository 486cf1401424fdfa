/**
 * The routes of rules by network and country: would a client at this address be allowed to watch?
 * In: requests for /api/v1/streams/{name}/access and /api/v1/assets/{id}/access. Out: WatchAccessView.
 */
import { WatchAccessView } from '../../../api/access/watch-rules-shapes.ts';
import { AccessQuery, readAccessQuery } from '../../route/access-query.ts';
import { IdParams } from '../../route/page-query.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { NameParams } from './streams.ts';

/** The rows. */
export const watchRuleRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/access',
    tag: 'streams',
    access: 'admin',
    sentence: 'Returns the rules by network and country of a stream, and whether they allow a client at an address.',
    params: NameParams,
    query: AccessQuery,
    replies: { 200: WatchAccessView },
    answer: ({ params: { name }, query }, { streams }) => ({ body: streams.watchAccess(name, readAccessQuery(query)) }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/assets/:id/access',
    tag: 'library',
    access: 'viewer',
    sentence:
      'Returns the rules by network and country of an asset, and whether they allow a client at an address, for its owner and administrators.',
    params: IdParams,
    query: AccessQuery,
    replies: { 200: WatchAccessView },
    answer: async ({ params: { id }, query, principal }, { assets }) => ({
      body: await assets.watchAccess(id, readAccessQuery(query), principal),
    }),
  }),
];
