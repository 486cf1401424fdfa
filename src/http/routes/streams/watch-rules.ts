/**
 * The route of rules by network and country: would a client at this address be allowed to watch?
 * In: requests for /api/v1/streams/{name}/access. Out: WatchAccessView.
 */
import { WatchAccessView } from '../../../api/access/watch-rules-shapes.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { NameParams } from './streams.ts';

const AccessQuery = Type.Object(
  {
    address: Type.Optional(Type.String({ maxLength: 60, description: 'IP address of a client' })),
    country: Type.Optional(Type.String({ maxLength: 2, description: 'its country, ISO 3166-1 alpha-2' })),
  },
  { additionalProperties: false },
);

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
    answer({ params: { name }, query: { address, country } }, { streams }) {
      if (address === undefined && country !== undefined) {
        throw new OxbowError('bad-request', '`country` needs `address`.');
      }
      const client = address === undefined ? undefined : { address, ...(country !== undefined && { country }) };
      return { body: streams.watchAccess(name, client) };
    },
  }),
];
