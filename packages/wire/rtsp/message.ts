/**
 * Messages of RTSP: requests, responses, and packets of media between them.
 * In: values, or the text of a message's head. Out: bytes for a connection, or values for it. Pure. RFC 2326
 * 4 to 7, 10.12 and 15.
 */
import { FormatError } from '@oxbow/media/errors';

/** Most header fields of a message. */
const MAX_FIELDS = 100;
const PACKET_MARK = 0x24;

/** Header fields by their names in lower case; the values of a repeated field are joined by `, `. */
type RtspHeaders = ReadonlyMap<string, string>;

export interface RtspRequest {
  readonly kind: 'request';
  /** In upper case. */
  readonly method: string;
  readonly url: string;
  readonly headers: RtspHeaders;
  readonly body: Uint8Array;
}

export interface RtspResponse {
  readonly kind: 'response';
  /** 100 to 999. */
  readonly status: number;
  readonly reason: string;
  readonly headers: RtspHeaders;
  readonly body: Uint8Array;
}

/** Either of them. */
export type RtspMessage = RtspRequest | RtspResponse;

/** A message without its body. */
export type RtspHead = Omit<RtspRequest, 'body'> | Omit<RtspResponse, 'body'>;

/** Fields to print. Undefined ones are left out. */
export type RtspFields = Readonly<Record<string, string | number | undefined>>;

const encoder = new TextEncoder();

/** Prints a request. @throws FormatError if a field or the address contains a line break */
export function printRequest(method: string, url: string, fields: RtspFields, body = ''): Uint8Array {
  return print(`${method} ${url} RTSP/1.0`, fields, body);
}

/** Prints a response. @throws FormatError if a field contains a line break */
export function printResponse(status: number, reason: string, fields: RtspFields, body = ''): Uint8Array {
  return print(`RTSP/1.0 ${status} ${reason}`, fields, body);
}

function print(first: string, fields: RtspFields, body: string): Uint8Array {
  const bytes = encoder.encode(body);
  const headers = { ...fields, ...(bytes.length > 0 && { 'Content-Length': bytes.length }) };
  const present = Object.entries(headers).filter(([, value]) => value !== undefined);
  const lines = [first, ...present.map(([name, value]) => `${name}: ${value}`)];
  if (lines.some((line) => /[\r\n]/.test(line))) throw new FormatError('a line break within a line of RTSP', 0);
  return encoder.encode(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** The packet with its header of four bytes, RFC 2326 10.12. @param packet at most 65,535 bytes; copied */
export function printPacket(channel: number, packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + packet.length);
  bytes.set([PACKET_MARK, channel, packet.length >> 8, packet.length & 0xff]);
  bytes.set(packet, 4);
  return bytes;
}

/**
 * Parses the head, before the body.
 *
 * @param text without the empty line at its end; lines end with CRLF or LF
 * @throws FormatError if it is no head of a message
 */
export function parseHead(text: string): RtspHead {
  const [first = '', ...lines] = text.split(/\r?\n/);
  if (lines.length > MAX_FIELDS) throw new FormatError(`more than ${MAX_FIELDS} header fields`, 0);
  const headers = new Map<string, string>();
  let last = '';
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (/^[ \t]/.test(line) && last !== '') {
      headers.set(last, `${headers.get(last)} ${line.trim()}`);
    } else if (colon > 0) {
      last = line.slice(0, colon).trim().toLowerCase();
      const value = line.slice(colon + 1).trim();
      const before = headers.get(last);
      headers.set(last, before === undefined ? value : `${before}, ${value}`);
    }
    // Servers that print their own line are read all the same.
  }
  const response = /^RTSP\/\d+\.\d+ ([1-9]\d\d)(?: (.*))?$/i.exec(first);
  if (response) return { kind: 'response', status: Number(response[1]), reason: response[2] ?? '', headers };
  const request = /^([A-Z_]{1,32}) (\S{1,4096}) RTSP\/\d+\.\d+$/i.exec(first);
  if (request) return { kind: 'request', method: request[1]!.toUpperCase(), url: request[2]!, headers };
  throw new FormatError('this is not RTSP', 0);
}

/** A session id with the time after which the server forgets a silent client. */
export interface RtspSessionId {
  readonly id: string;
  /** Milliseconds; 60,000 where it is not said (RFC 2326 12.37). */
  readonly timeoutMs: number;
}

/** Parses the value of `Session`; undefined if there is none. */
export function parseSession(value: string | undefined): RtspSessionId | undefined {
  const [id = '', ...parameters] = (value ?? '').split(';').map((each) => each.trim());
  if (!/^[\x21-\x7e]{1,256}$/.test(id)) return undefined;
  const timeout = parameters
    .map((each) => /^timeout\s*=\s*(\d{1,6})$/i.exec(each)?.[1])
    .find((each) => each !== undefined);
  return { id, timeoutMs: Math.max(Number(timeout ?? 60), 1) * 1000 };
}
