/**
 * The query about rules by network and country: would a client at this address be allowed to watch?
 * In: a checked query. Out: the client that is asked about.
 */
import { Type } from '../../api/type.ts';
import { OxbowError } from '../../lib/errors.ts';

export const AccessQuery = Type.Object(
  {
    address: Type.Optional(Type.String({ maxLength: 60, description: 'IP address of a client' })),
    country: Type.Optional(
      Type.String({
        maxLength: 2,
        description: 'its country, ISO 3166-1 alpha-2; default: by `watchRules.countryFile`',
      }),
    ),
  },
  { additionalProperties: false },
);

/** @returns undefined: the request is about the rules only. @throws OxbowError `bad-request` */
export function readAccessQuery({ address, country }: { readonly address?: string; readonly country?: string }) {
  if (address !== undefined) return { address, ...(country !== undefined && { country }) };
  if (country !== undefined) throw new OxbowError('bad-request', '`country` needs `address`.');
  return undefined;
}
