/**
 * What every answer to a request for media has in common, and how a refusal of one is written.
 * In: exchanges, problems. Out: heads and bodies. RFC 9110; RFC 9457.
 */
import type { Exchange, HeadFields } from './exchange.ts';
import type { Problem } from './problem.ts';

/** Fields of every answer: any page may play our media, and may read what players need. */
export const everyAnswer = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Accept-Ranges, Content-Length, Content-Range, Date, ETag, Retry-After',
  'cross-origin-resource-policy': 'cross-origin',
  'timing-allow-origin': '*',
} as const;

/** Writes a refusal. @param fields that it has beside its own */
export function sendProblem(exchange: Exchange, { status, headers, body }: Problem, fields: HeadFields = {}): void {
  const text = Buffer.from(JSON.stringify(body));
  exchange.head(status, { ...everyAnswer, ...headers, ...fields, 'content-length': text.length });
  exchange.body.end(exchange.method === 'HEAD' ? undefined : text);
}
