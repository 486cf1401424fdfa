/**
 * Delivery directives of a playlist request.
 * In: the query of a GET. Out: what the playlist must contain before it is sent. RFC 8216bis 6.2.5.
 */
import { OxbowError } from '../../lib/errors.ts';

/** Directives of a playlist request (RFC 8216bis 6.2.5). */
export interface Directives {
  readonly msn?: number;
  readonly part?: number;
  readonly skip: boolean;
}

/**
 * Parses delivery directives; other parameters are ignored.
 *
 * @throws OxbowError `bad-request` if they are malformed
 */
export function parseDirectives(query: URLSearchParams): Directives {
  const whole = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null) return undefined;
    if (!/^\d{1,15}$/.test(text))
      throw new OxbowError('bad-request', `\`${name}\` is "${text.slice(0, 40)}", which is not a whole number.`);
    return Number(text);
  };
  const msn = whole('_HLS_msn');
  const part = whole('_HLS_part');
  if (part !== undefined && msn === undefined) throw new OxbowError('bad-request', '`_HLS_part` needs `_HLS_msn`.');
  const skip = query.get('_HLS_skip');
  return {
    ...(msn !== undefined && { msn }),
    ...(part !== undefined && { part }),
    skip: skip === 'YES' || skip === 'v2',
  };
}
