/**
 * Parses the address of an RTSP server from which oxbow pulls:
 * `rtsp://user:password@HOST:554/path?transport=udp`.
 * In: text of settings and the API. Out: its parts. Everything but `transport` belongs to the server and is
 * passed on as written. RFC 2326 3.2.
 */
import { FormatError } from '@oxbow/media/errors';

const EXAMPLE = 'rtsp://USER:PASSWORD@HOST:554/PATH';
const MAX_LENGTH = 4096;
const DEFAULT_PORT = 554;
/** Of RTSP over TLS, RFC 7826 18.1. */
const DEFAULT_TLS_PORT = 322;

/** How media travels: within the RTSP connection, or in datagrams. */
export type RtspTransport = 'tcp' | 'udp';

/** Where oxbow calls. */
export interface RtspAddress {
  /** TLS (`rtsps`). */
  readonly isSecure: boolean;
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Decoded; empty without one. */
  readonly user: string;
  readonly password: string;
  /** What requests name: the address without user name, password and `transport`. */
  readonly requestUrl: string;
  /** The transport to begin with. */
  readonly transport: RtspTransport;
}

/** Whether a text is the address of an RTSP server. */
export function isRtspUrl(text: string): boolean {
  return /^rtsps?:\/\//i.test(text.trim());
}

/**
 * Parses the address. Messages do not contain it, because it may have secrets.
 *
 * @throws FormatError for another form, for another transport than `tcp` and `udp`, and for `udp` with TLS
 */
export function parseRtspUrl(address: string): RtspAddress {
  const text = address.trim();
  if (text.length > MAX_LENGTH) throw new FormatError(`the address is longer than ${MAX_LENGTH} characters`, 0);
  const url = isRtspUrl(text) ? URL.parse(text) : null;
  if (!url || url.hostname === '' || url.port === '0') {
    const hint = 'write # / ? @ % in a password as %23 %2F %3F %40 %25';
    throw new FormatError(`an RTSP source is ${EXAMPLE}; ${hint}`, 0);
  }
  const isSecure = url.protocol === 'rtsps:';
  const parameters = url.search.replace(/^\?/, '').split('&');
  const chosen = parameters.filter((each) => each.startsWith('transport='));
  const transport = transportOf(chosen.at(-1)?.slice('transport='.length) ?? 'tcp');
  if (isSecure && transport === 'udp') {
    throw new FormatError('transport=udp would send the media of rtsps without encryption; leave it out', 0);
  }
  const query = parameters.filter((each) => !chosen.includes(each)).join('&');
  return {
    isSecure,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (isSecure ? DEFAULT_TLS_PORT : DEFAULT_PORT) : Number(url.port),
    user: decoded(url.username),
    password: decoded(url.password),
    requestUrl: `${url.protocol}//${url.host}${url.pathname}${query === '' ? '' : `?${query}`}`,
    transport,
  };
}

function transportOf(text: string): RtspTransport {
  if (text === 'tcp' || text === 'udp') return text;
  throw new FormatError(`transport is tcp or udp, not "${text.slice(0, 20)}"`, 0);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a single % is literal
  }
}
