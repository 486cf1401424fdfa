/**
 * The `Transport` header field, and the addresses of media.
 * In: text of messages. Out: channels and ports; addresses for SETUP and PLAY. Pure. RFC 2326 12.39, 14.3 and
 * C.1.1.
 */

/** The first of a pair: media; reports have the next channel or port. */
export interface RtspTransportField {
  /** Media within the connection. */
  readonly isInterleaved: boolean;
  /** Channels of media and of reports; undefined where the field has none. */
  readonly channels: readonly [rtp: number, rtcp: number] | undefined;
  readonly clientPorts: readonly [rtp: number, rtcp: number] | undefined;
  readonly serverPorts: readonly [rtp: number, rtcp: number] | undefined;
  readonly isMulticast: boolean;
  /** `mode`, in lower case: `play`, `record`. */
  readonly mode: string;
}

/** Prints a request for channels of the connection. @param first of the two, 0 to 254 */
export function printInterleaved(first: number): string {
  return `RTP/AVP/TCP;unicast;interleaved=${first}-${first + 1}`;
}

/** Prints a request for datagrams. @param rtp local port @param rtcp local port */
export function printDatagrams(rtp: number, rtcp: number): string {
  return `RTP/AVP;unicast;client_port=${rtp}-${rtcp}`;
}

/** Parses one transport, the first of the field; undefined if it is not RTP. */
export function parseTransport(value: string | undefined): RtspTransportField | undefined {
  const [protocol = '', ...parameters] = (value ?? '')
    .split(',')[0]!
    .split(';')
    .map((each) => each.trim());
  if (!/^RTP\/AVPF?(\/(TCP|UDP))?$/i.test(protocol)) return undefined;
  const named = new Map(parameters.map((each) => [nameOf(each), each.slice(each.indexOf('=') + 1)]));
  return {
    isInterleaved: /\/TCP$/i.test(protocol),
    channels: pairOf(named.get('interleaved'), 255),
    clientPorts: pairOf(named.get('client_port'), 65_535),
    serverPorts: pairOf(named.get('server_port'), 65_535),
    isMulticast: named.has('multicast'),
    mode: (named.get('mode') ?? 'play').replaceAll('"', '').toLowerCase(),
  };
}

function nameOf(parameter: string): string {
  return parameter.split('=', 1)[0]!.trim().toLowerCase();
}

function pairOf(text: string | undefined, most: number): readonly [number, number] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text ?? '');
  if (!match) return undefined;
  const first = Number(match[1]);
  const second = match[2] === undefined ? first + 1 : Number(match[2]);
  return first <= most && second <= most ? [first, second] : undefined;
}

/**
 * The address of a media description, or of all of them.
 *
 * Relative addresses are appended, not resolved as RFC 1808 says: servers with a query in their address
 * expect that.
 *
 * @param base `Content-Base`, or the address of the request
 * @param control `a=control`; `*` or absent is the base itself
 */
export function controlUrl(base: string, control: string | undefined): string {
  const text = control?.trim() ?? '';
  if (text === '' || text === '*') return base;
  if (isRtsp(text)) return text;
  if (text.startsWith('?')) return `${base}${text}`;
  return `${base.replace(/\/$/, '')}/${text.replace(/^\//, '')}`;
}

/**
 * The base of relative addresses: that of the response, or the address of the request where it is missing or
 * unusable.
 */
export function baseUrl(requestUrl: string, ...fields: readonly (string | undefined)[]): string {
  return fields.map((each) => each?.trim()).find((each) => each !== undefined && isRtsp(each)) ?? requestUrl;
}

function isRtsp(text: string): boolean {
  return /^rtsps?:\/\/[^\s]+$/i.test(text) && text.length <= 4096;
}
