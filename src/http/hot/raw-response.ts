/**
 * An answer as it goes over HTTP/1.1, head and body, made once for all who ask.
 * In: delivery's Reply. Out: buffers to write as they are; only the Date in them is renewed. RFC 9110, 6.6.1; RFC 9112.
 */
import type { Reply } from '../../delivery/reply.ts';
import { joinFields } from '../media/media-answer.ts';
import { representationOf } from '../media/representation.ts';
import { areInMemory } from '../media/send.ts';

/** Up to here head and body lie in one buffer: one write is cheaper than the copy. Beyond it the body is not copied, bytes. */
const JOINED_BYTES = 64 * 1024;
/** Length of `Fri, 20 Nov 2026 20:00:00 GMT`. */
const DATE_BYTES = 29;

/** Bytes ready to be written. */
export interface RawResponse {
  readonly buffers: readonly Uint8Array[];
  /** Of the body. */
  readonly bodyBytes: number;
  /** Writes the time into the head; cheap where it is still the same second. @param nowS unix seconds */
  renew(nowS: number): void;
}

/** For whom an answer is. */
export interface ResponseForm {
  readonly takesGzip: boolean;
  /** Shared caches must not keep it. */
  readonly isPrivate: boolean;
}

/** Those of one reply, by their form; made when first asked for. */
const rawResponses = new WeakMap<Reply, Map<string, RawResponse>>();

/**
 * The answer 200 to a GET without conditions.
 *
 * @param head fields of every answer, beside those of the reply
 * @returns undefined where not all of it is in memory
 */
export function rawResponseOf(
  reply: Reply,
  head: Readonly<Record<string, string>>,
  form: ResponseForm,
): RawResponse | undefined {
  if (!areInMemory(reply.body)) return undefined;
  const zipped = form.takesGzip && reply.gzip !== undefined;
  const key = `${zipped ? 'zipped' : 'plain'}${form.isPrivate ? ', private' : ''}`;
  const known = rawResponses.get(reply) ?? new Map<string, RawResponse>();
  rawResponses.set(reply, known);
  const response = known.get(key) ?? printRawResponse(reply, head, { takesGzip: zipped, isPrivate: form.isPrivate });
  known.set(key, response);
  return response;
}

function printRawResponse(
  reply: Reply,
  head: Readonly<Record<string, string>>,
  { takesGzip, isPrivate }: ResponseForm,
): RawResponse {
  const asked = takesGzip ? { 'accept-encoding': 'gzip' } : {};
  const { headers, body: parts, length } = representationOf(asked, reply, { isHead: false, isPrivate });
  const fields = Object.entries(joinFields(head, headers)).map(([name, value]) => `${name}: ${value}\r\n`);
  const before = Buffer.from(`HTTP/1.1 200 OK\r\n${fields.join('')}connection: keep-alive\r\ndate: `, 'latin1');
  const top = Buffer.concat([before, Buffer.alloc(DATE_BYTES, 0x20), Buffer.from('\r\n\r\n')]);
  const body = parts as readonly Uint8Array[];
  const joined = length <= JOINED_BYTES ? Buffer.concat([top, ...body]) : top;
  let dateS = Number.NaN;
  return {
    buffers: joined === top ? [top, ...body] : [joined],
    bodyBytes: length,
    renew(nowS) {
      if (dateS === nowS) return;
      dateS = nowS;
      joined.write(new Date(nowS * 1000).toUTCString(), before.length, DATE_BYTES, 'latin1');
    },
  };
}
