/**
 * A complete HTTP/1.1 response, head and body serialized once for all clients.
 * In: delivery's Reply. Out: buffers that are written unchanged; only the Date in them is updated. RFC 9110
 * 6.6.1; RFC 9112.
 */
import type { Reply } from '../../delivery/reply.ts';
import type { HeadFields } from '../exchange/exchange.ts';
import { joinFields } from '../exchange/media-answer.ts';
import { representationOf, type Sharing } from '../exchange/representation.ts';
import { areInMemory } from '../exchange/send.ts';

/** Up to this size, bytes, the body is copied after the head, since one write is cheaper than the copy. */
const JOINED_BYTES = 64 * 1024;
/** Length of `Fri, 20 Nov 2026 20:00:00 GMT`. */
const DATE_BYTES = 29;
/** Digits of an Age, with zeros in front: 31 years. */
const AGE_DIGITS = 9;
/** From the end of the last other field to the Date. */
const BEFORE_DATE = '\r\nconnection: keep-alive\r\ndate: ';

/** Bytes to write. */
export interface RawResponse {
  readonly buffers: readonly Uint8Array[];
  readonly bodyBytes: number;
  /** Updates the Date, and the Age; cheap within the same second. @param nowS unix seconds */
  renew(nowS: number): void;
}

/** The variant of a response. */
export interface ResponseForm {
  readonly takesGzip: boolean;
  readonly sharing: Sharing;
  /**
   * Of a copy: when its origin made it, unix seconds; printed as its Age (RFC 9111 5.1). Always the same for
   * a reply.
   */
  readonly bornS?: number;
}

/** Responses of one reply by form, created at the first request. */
const rawResponses = new WeakMap<Reply, Map<string, RawResponse>>();

/**
 * The 200 response to a GET without conditions.
 *
 * @param head fields of each response, in addition to those of the reply
 * @returns undefined unless all bytes are in memory
 */
export function rawResponseOf(
  reply: Reply,
  head: Readonly<Record<string, string>>,
  form: ResponseForm,
): RawResponse | undefined {
  if (!areInMemory(reply.body)) return undefined;
  const zipped = form.takesGzip && reply.gzip !== undefined;
  const key = `${zipped ? 'zipped' : 'plain'}${form.sharing === 'all' ? '' : `, ${form.sharing}`}`;
  const responses = rawResponses.get(reply) ?? new Map<string, RawResponse>();
  rawResponses.set(reply, responses);
  const response = responses.get(key) ?? printRawResponse(reply, head, { ...form, takesGzip: zipped });
  responses.set(key, response);
  return response;
}

function printRawResponse(
  reply: Reply,
  head: Readonly<Record<string, string>>,
  { takesGzip, sharing, bornS }: ResponseForm,
): RawResponse {
  const request = takesGzip ? { 'accept-encoding': 'gzip' } : {};
  const { headers, body: parts, length } = representationOf(request, reply, { isHead: false, sharing });
  const age = bornS === undefined ? {} : { age: '0'.repeat(AGE_DIGITS) };
  const { top, dateAt } = printTop('200 OK', { ...joinFields(head, headers), ...age });
  const body = parts as readonly Uint8Array[];
  const joined = length <= JOINED_BYTES ? Buffer.concat([top, ...body]) : top;
  return {
    buffers: joined === top ? [top, ...body] : [joined],
    bodyBytes: length,
    renew: renewer(joined, dateAt, bornS),
  };
}

/** The answer to a report of a player. @param head fields of each response */
export function acceptedResponse(head: Readonly<Record<string, string>>): RawResponse {
  const { top, dateAt } = printTop('204 No Content', { ...head, 'cache-control': 'no-store' });
  return { buffers: [top], bodyBytes: 0, renew: renewer(top, dateAt) };
}

/**
 * The head of a response, with room for the Date at `dateAt`; an Age, the last field, ends before
 * `connection`.
 */
function printTop(status: string, fields: HeadFields): { readonly top: Buffer; readonly dateAt: number } {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const before = Buffer.from(`HTTP/1.1 ${status}\r\n${lines.join('').slice(0, -2)}${BEFORE_DATE}`, 'latin1');
  const top = Buffer.concat([before, Buffer.alloc(DATE_BYTES, 0x20), Buffer.from('\r\n\r\n')]);
  return { top, dateAt: before.length };
}

function renewer(bytes: Buffer, dateAt: number, bornS?: number): RawResponse['renew'] {
  let dateS = Number.NaN;
  return (nowS) => {
    if (dateS === nowS) return;
    dateS = nowS;
    bytes.write(new Date(nowS * 1000).toUTCString(), dateAt, DATE_BYTES, 'latin1');
    if (bornS === undefined) return;
    const age = String(Math.max(0, nowS - bornS))
      .padStart(AGE_DIGITS, '0')
      .slice(-AGE_DIGITS);
    bytes.write(age, dateAt - BEFORE_DATE.length - AGE_DIGITS, AGE_DIGITS, 'latin1');
  };
}
