/**
 * What every answer to a request for media has in common, and how a refusal of one is written.
 * In: exchanges, problems. Out: heads and bodies. RFC 9110; RFC 9457.
 */

import type { Problem } from '../api/problem.ts';
import type { Exchange, HeadFields } from './exchange.ts';

/** Fields of every answer: any page may play our media, and may read what players need. */
export const everyAnswer = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Accept-Ranges, Content-Length, Content-Range, Date, ETag, Retry-After',
  'cross-origin-resource-policy': 'cross-origin',
  'timing-allow-origin': '*',
} as const;

/** Fields of two kinds in one head; what a cache tells answers apart by is what either says. */
export function joinFields(some: HeadFields, others: HeadFields): HeadFields {
  const vary = [others.vary, some.vary].filter((each) => each !== undefined).join(', ');
  return { ...some, ...others, ...(vary !== '' && { vary }) };
}

/** Writes a refusal. @param fields that it has beside its own */
export function sendProblem(exchange: Exchange, { status, headers, body }: Problem, fields: HeadFields = {}): void {
  sendPlainProblem(exchange, { status, headers, body }, { ...everyAnswer, ...fields });
}

/** Writes a refusal that pages of other sites may not read. @param fields that it has beside its own */
export function sendPlainProblem(
  exchange: Exchange,
  { status, headers, body }: Problem,
  fields: HeadFields = {},
): void {
  const text = Buffer.from(JSON.stringify(body));
  exchange.head(status, { ...headers, ...fields, 'content-length': text.length });
  exchange.body.end(exchange.method === 'HEAD' ? undefined : text);
}
