/**
 * Reads the head of a response of HTTP/1.x.
 * In: its bytes as text, from any server. Out: what the client of pulls reads of it, or a MalformedResponse.
 * Pure. RFC 9112 4, 5, 6.
 */

/** Largest head, bytes; as node:http. */
export const MAX_HEAD_BYTES: number = 16 * 1024;
/** Longest number of a Content-Length, digits. */
const MAX_DIGITS = 15;

/** The answer breaks the rules of HTTP/1.1, so where it ends is not certain. */
export class MalformedResponse extends Error {
  readonly code = 'malformed-response';
}

/** Where the body of a response ends: its length in bytes, after its last chunk, or with its connection. */
export type BodyEnd = number | 'chunked' | 'close';

/** The head of a response. */
export interface Head {
  /** 100 to 999. */
  readonly status: number;
  /** As received, without the empty line; one character for each byte. */
  readonly text: string;
  readonly end: BodyEnd;
  /** The connection may be used for another request. */
  readonly keeps: boolean;
  /** After which time the server closes the connection, s; undefined: not announced. */
  readonly keepsForS: number | undefined;
  /** Content-Encoding in lower case; empty if there is none. */
  readonly encoding: string;
  readonly location: string | undefined;
  readonly cookies: readonly string[] | undefined;
}

// Each alternative ends at a character that it does not repeat, so no text takes longer than its length.
const statusLine = /^HTTP\/1\.[01] [1-9][0-9][0-9](?: [^\r\n\0]*)?\r\n/;
const fieldLines = /(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/y;
const readFields =
  /\n(content-length|transfer-encoding|connection|content-encoding|location|set-cookie|keep-alive):[\t ]*([^\r]*)/gi;
const anyField = /\n([^:\r\n]+):[\t ]*([^\r]*)/g;

/** Whether a text from `from` on is fields, each with its CRLF. */
export function areFields(text: string, from: number): boolean {
  fieldLines.lastIndex = from;
  return fieldLines.test(text);
}

/** The value of a field without spaces at its end. */
function trimmed(value: string): string {
  let end = value.length;
  while (end > 0 && (value[end - 1] === ' ' || value[end - 1] === '\t')) end--;
  return end === value.length ? value : value.slice(0, end);
}

/** What is read while the fields pass. */
interface Fields {
  length: string | undefined;
  coding: string | undefined;
  connection: string;
  keepAlive: string | undefined;
  encoding: string;
  location: string | undefined;
  cookies: string[] | undefined;
}

function fieldsOf(text: string): Fields {
  const fields: Fields = {
    length: undefined,
    coding: undefined,
    connection: '',
    keepAlive: undefined,
    encoding: '',
    location: undefined,
    cookies: undefined,
  };
  readFields.lastIndex = 0;
  for (let match = readFields.exec(text); match; match = readFields.exec(text)) {
    const value = trimmed(match[2]!);
    switch (match[1]!.toLowerCase()) {
      case 'content-length':
        if (fields.length !== undefined) throw new MalformedResponse('The answer has more than one Content-Length.');
        fields.length = value;
        break;
      case 'transfer-encoding':
        if (fields.coding !== undefined) throw new MalformedResponse('The answer has more than one Transfer-Encoding.');
        fields.coding = value.toLowerCase();
        break;
      case 'connection':
        fields.connection += `,${value.toLowerCase()}`;
        break;
      case 'keep-alive':
        fields.keepAlive ??= value;
        break;
      case 'content-encoding':
        fields.encoding = fields.encoding === '' ? value.toLowerCase() : `${fields.encoding}, ${value.toLowerCase()}`;
        break;
      case 'location':
        fields.location ??= value;
        break;
      default:
        fields.cookies ??= [];
        fields.cookies.push(value);
    }
  }
  return fields;
}

function endOf(status: number, { length, coding }: Fields): BodyEnd {
  if (length !== undefined && coding !== undefined) {
    throw new MalformedResponse('The answer has a Content-Length and a Transfer-Encoding.');
  }
  if (length !== undefined && !(length.length <= MAX_DIGITS && /^\d+$/.test(length))) {
    throw new MalformedResponse('The Content-Length of the answer is not a number.');
  }
  if (coding !== undefined && coding !== 'chunked' && coding !== 'identity') {
    throw new MalformedResponse('The Transfer-Encoding of the answer is not supported.');
  }
  if (status < 200 || status === 204 || status === 304) return 0;
  if (coding === 'chunked') return 'chunked';
  return length === undefined ? 'close' : Number(length);
}

/**
 * Reads a head.
 *
 * @param text status line and fields, each with its CRLF, one character for each byte
 * @throws MalformedResponse for everything that two readers may read in two ways: a folded line, a space
 *   before a colon, a bare LF, two lengths
 */
export function readHead(text: string): Head {
  const line = statusLine.exec(text)?.[0];
  if (line === undefined || !areFields(text, line.length)) {
    throw new MalformedResponse('The head of the answer is not HTTP/1.1.');
  }
  const status = Number(text.slice(9, 12));
  const fields = fieldsOf(text);
  const end = endOf(status, fields);
  const isListed = (token: string) => fields.connection.split(',').some((listed) => listed.trim() === token);
  const keeps =
    end !== 'close' &&
    (fields.connection === '' ? text[7] === '1' : text[7] === '1' ? !isListed('close') : isListed('keep-alive'));
  const hint = fields.keepAlive === undefined ? undefined : /^timeout=(\d{1,9})/.exec(fields.keepAlive)?.[1];
  return {
    status,
    text,
    end,
    keeps,
    keepsForS: hint === undefined ? undefined : Number(hint),
    encoding: fields.encoding === 'identity' ? '' : fields.encoding,
    location: fields.location,
    cookies: fields.cookies,
  };
}

/** Fields of which node:http keeps the first one. */
const single: ReadonlySet<string> = new Set([
  ...['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since'],
  ...['if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer'],
  ...['retry-after', 'server', 'user-agent'],
]);

/**
 * All fields of a head as node:http returns them: names in lower case, repeated ones joined, Set-Cookie a
 * list.
 */
export function headersOf({ text }: Head): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (const [, written, value] of text.matchAll(anyField)) {
    const name = written!.toLowerCase();
    const before = headers[name];
    const next = trimmed(value!);
    if (name === '__proto__') continue;
    if (name === 'set-cookie') headers[name] = before === undefined ? [next] : [...(before as string[]), next];
    else if (before === undefined) headers[name] = next;
    else if (!single.has(name)) headers[name] = `${before as string}${name === 'cookie' ? '; ' : ', '}${next}`;
  }
  return headers;
}
