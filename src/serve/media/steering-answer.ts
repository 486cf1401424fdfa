/**
 * Answers GET /live/{stream}/steering.json: which edge a player should use.
 * In: requests whose access has been decided. Out: a Steering Manifest, which no cache keeps, because it is
 * for one viewer at one moment. RFC 8216bis 7; ETSI TS 103 998.
 */
import type { MediaTarget } from '../../api/media-address.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { CountryOf } from '../client/client-country.ts';
import { createPublicAddress } from '../client/public-address.ts';
import type { ServeDeps } from '../deps.ts';
import type { Exchange, HeadFields } from '../exchange/exchange.ts';

/** Answers a request. @throws OxbowError `not-found` where nothing is steered */
type SteeringAnswer = (exchange: Exchange, target: MediaTarget, fields: HeadFields) => void;

/**
 * @param addressOf IP address of the client
 * @param countryOf its country
 */
export function createSteeringAnswer(
  { steering, trustedProxies = [] }: Pick<ServeDeps, 'steering' | 'trustedProxies'>,
  addressOf: (exchange: Exchange) => string,
  countryOf: CountryOf,
): SteeringAnswer {
  // The setting `publicUrl` does not count: it is the same at every edge.
  const originOf = createPublicAddress(undefined, trustedProxies);
  return (exchange, { address, query, token }, fields) => {
    const { headers, remoteAddress, sender } = exchange;
    const manifest = steering?.manifest({
      stream: address.stream ?? '',
      query: new URLSearchParams(query),
      address: addressOf(exchange),
      country: countryOf(exchange),
      // Only its host counts.
      origin: originOf({ headers, remoteAddress, sender, secure: true }),
      token,
    });
    if (manifest === undefined) throw new OxbowError('not-found', 'This server has no `steering.pathways`.');
    const body = Buffer.from(manifest);
    exchange.head(200, {
      ...fields,
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'content-length': body.length,
    });
    exchange.body.end(exchange.method === 'HEAD' ? undefined : body);
  };
}
