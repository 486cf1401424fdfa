/**
 * Header fields of all answers to requests for media, and the sending of problem documents.
 * In: exchanges, problems. Out: heads and bodies. RFC 9110; RFC 9457.
 */
import type { Exchange, HeadFields } from './exchange.ts';
import type { Problem } from './problem.ts';

/** Fields of every answer: any page may play the media and read the fields that players need. */
export const everyAnswer = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Accept-Ranges, Content-Length, Content-Range, Date, ETag, Retry-After',
  'cross-origin-resource-policy': 'cross-origin',
  'timing-allow-origin': '*',
} as const;

export const MEDIA_METHODS = 'GET, HEAD, OPTIONS';

/** Fields of the answer to a preflight request. */
export const preflight = {
  'access-control-allow-methods': MEDIA_METHODS,
  'access-control-allow-headers':
    'Accept, Authorization, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status, If-None-Match, If-Range, Range, traceparent',
  'access-control-max-age': '86400',
} as const;

/** Merges two sets of fields; `Vary` has the values of both. */
export function joinFields(some: HeadFields, others: HeadFields): HeadFields {
  const varying = [others.vary, some.vary].flatMap((each) => (each === undefined ? [] : String(each).split(', ')));
  const vary = [...new Set(varying)].join(', ');
  return { ...some, ...others, ...(vary !== '' && { vary }) };
}

/** Sends a refusal. @param fields additional header fields */
export function sendProblem(exchange: Exchange, { status, headers, body }: Problem, fields: HeadFields = {}): void {
  sendPlainProblem(exchange, { status, headers, body }, { ...everyAnswer, ...fields });
}

/** Sends a refusal that pages of other sites may not read. @param fields additional header fields */
export function sendPlainProblem(
  exchange: Exchange,
  { status, headers, body }: Problem,
  fields: HeadFields = {},
): void {
  const text = Buffer.from(JSON.stringify(body));
  exchange.head(status, { ...headers, ...fields, 'content-length': text.length });
  exchange.body.end(exchange.method === 'HEAD' ? undefined : text);
}
