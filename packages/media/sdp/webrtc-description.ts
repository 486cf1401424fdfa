/**
 * Offers and answers of WebRTC: one transport for all media, ICE, DTLS and SRTP.
 * In: SDP. Out: values, and the reverse. Pure. RFC 8829 5, RFC 8839 (ICE), RFC 8122 (fingerprint), RFC 9143
 * (BUNDLE), RFC 8285 (extmap).
 */
import { FormatError } from '../errors.ts';
import { printParameters, type RtpFormat, rtpFormatsOf } from './rtp-format.ts';
import { attributeOf, attributesOf, parseSdp, printSdp, type SdpAttribute, type SdpMedia } from './sdp.ts';

/** Direction from the point of view of the author. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** An address on which ICE may reach the author. */
export interface IceCandidate {
  readonly address: string;
  readonly port: number;
}

/** One media description. */
export interface WebRtcMedia {
  readonly mid: string;
  readonly kind: string;
  readonly direction: Direction;
  /** Port 0 in an answer, or in an offer without `bundle-only`: not used. */
  readonly isRejected: boolean;
  /** By preference. For media that is rejected, as in the offer. */
  readonly formats: readonly RtpFormat[];
  /** RTP header extensions: id by URI. */
  readonly extensions: ReadonlyMap<string, number>;
  /** Sources that the author announces: media first, its retransmissions after it. Often absent. */
  readonly sources: readonly number[];
  /**
   * Names of the layers of the video (simulcast) that the author sends or receives, at most 4; absent or
   * empty: one layer. RFC 8851, RFC 8853
   */
  readonly layers?: readonly string[] | undefined;
  /** Names of the MediaStream and its track, as in `a=msid`; undefined where it is absent. */
  readonly msid?: string | undefined;
}

/** An offer or an answer. */
export interface WebRtcDescription {
  readonly ufrag: string;
  readonly password: string;
  /** SHA-256 of the certificate: upper-case hexadecimal bytes with colons. */
  readonly fingerprint: string;
  /** Role in DTLS, RFC 8842 5.1. */
  readonly setup: 'actpass' | 'active' | 'passive';
  readonly isIceLite: boolean;
  /** Reachable IP addresses over UDP; names (mDNS) and TCP are left out. */
  readonly candidates: readonly IceCandidate[];
  readonly media: readonly WebRtcMedia[];
}

const PROTOCOL = 'UDP/TLS/RTP/SAVPF';
const DIRECTIONS: readonly string[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] satisfies Direction[];
/** A layer has such a name, RFC 8851 10, RFC 8852 3.1. */
const LAYER = /^[\w-]{1,255}$/;
/** Most layers of a video. */
const MAX_LAYERS = 4;
/** Of a host candidate on component 1, RFC 8445 5.1.2. */
const PRIORITY = 2_130_706_431;

/** @throws FormatError if it is no SDP, or has no usable transport */
export function parseWebRtc(text: string): WebRtcDescription {
  const { attributes, media } = parseSdp(text);
  const used =
    media.find((section) => section.port !== 0 || attributeOf(section.attributes, 'ice-ufrag') !== undefined) ??
    media[0];
  if (!used) throw new FormatError('the SDP has no media', 0);
  const find = (name: string) => attributeOf(used.attributes, name) ?? attributeOf(attributes, name);
  const ufrag = find('ice-ufrag') ?? '';
  const password = find('ice-pwd') ?? '';
  // RFC 8839 5.4: 4 to 256 and 22 to 256 characters.
  if (!/^[\w+/-]{4,256}$/.test(ufrag) || !/^[\w+/-]{22,256}$/.test(password)) {
    throw new FormatError('the SDP has no ICE credentials (a=ice-ufrag, a=ice-pwd)', 0);
  }
  const setup = find('setup') ?? 'actpass';
  if (setup !== 'actpass' && setup !== 'active' && setup !== 'passive') {
    throw new FormatError(`the SDP has an unknown a=setup:${setup.slice(0, 20)}`, 0);
  }
  const fingerprints = [...attributesOf(used.attributes, 'fingerprint'), ...attributesOf(attributes, 'fingerprint')];
  const fingerprint = fingerprints
    .map((value) => /^sha-256 +((?:[\da-f]{2}:){31}[\da-f]{2})$/i.exec(value)?.[1])
    .find(Boolean);
  if (!fingerprint) throw new FormatError('the SDP has no a=fingerprint with sha-256', 0);
  return {
    ufrag,
    password,
    setup,
    fingerprint: fingerprint.toUpperCase(),
    isIceLite: attributeOf(attributes, 'ice-lite') !== undefined,
    candidates: media.flatMap((section) => attributesOf(section.attributes, 'candidate').flatMap(parseCandidate)),
    media: media.map(parseMedia),
  };
}

/** The address of `a=candidate`, or of a trickled one; empty if it is not usable. RFC 8839 5.1 */
export function parseCandidate(value: string): IceCandidate[] {
  const [, component, transport = '', , address = '', port] = value.trim().split(/\s+/);
  const isAddress = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f:.]*:[\da-f:.]*)$/i.test(address);
  const number = Number(port);
  const isUsable = component === '1' && transport.toLowerCase() === 'udp' && isAddress && number > 0 && number < 65_536;
  return isUsable ? [{ address, port: number }] : [];
}

/** Prints an offer or an answer. @param id number of the session, digits */
export function printWebRtc(description: WebRtcDescription, id: string): string {
  const { ufrag, password, fingerprint, setup, isIceLite, candidates } = description;
  const isUsed = ({ isRejected }: WebRtcMedia) => !isRejected;
  const bundle = description.media.filter(isUsed).map(({ mid }) => mid);
  const transport: SdpAttribute[] = [
    ['ice-ufrag', ufrag],
    ['ice-pwd', password],
    ['fingerprint', `sha-256 ${fingerprint}`],
    ['setup', setup],
  ];
  let isFirst = true;
  const media = description.media.map((each): SdpMedia => {
    const head = {
      kind: each.kind,
      protocol: PROTOCOL,
      formats: each.formats.map(({ payloadType }) => String(payloadType)),
    };
    if (each.isRejected) {
      const formats = head.formats.length > 0 ? head.formats : ['0'];
      return {
        ...head,
        formats,
        port: 0,
        address: '0.0.0.0',
        attributes: [
          ['mid', each.mid],
          ['inactive', ''],
        ],
      };
    }
    const reachable = isFirst ? printCandidates(candidates) : [];
    isFirst = false;
    return {
      ...head,
      port: candidates[0]?.port ?? 9,
      address: '0.0.0.0',
      attributes: [...transport, ...printMedia(each), ...reachable],
    };
  });
  const attributes: SdpAttribute[] = [
    ['group', `BUNDLE ${bundle.join(' ')}`],
    ['msid-semantic', 'WMS *'],
    ...(isIceLite ? [['ice-lite', ''] as const] : []),
  ];
  return printSdp({ name: 'oxbow', attributes, media }, id);
}

function parseMedia(media: SdpMedia, index: number): WebRtcMedia {
  const { kind, port, attributes } = media;
  const has = (name: string) => attributeOf(attributes, name) !== undefined;
  return {
    kind,
    mid: attributeOf(attributes, 'mid') ?? String(index),
    direction: (DIRECTIONS.find(has) ?? 'sendrecv') as Direction,
    isRejected: port === 0 && !has('bundle-only'),
    formats: rtpFormatsOf(media),
    extensions: new Map(
      attributesOf(attributes, 'extmap').flatMap((value) => {
        const [id = '', uri = ''] = value.split(/\s+/);
        const number = Number.parseInt(id, 10);
        return number >= 1 && number <= 255 && uri !== '' ? [[uri, number] as const] : [];
      }),
    ),
    sources: [...new Set(attributesOf(attributes, 'ssrc').map((value) => Number.parseInt(value, 10) >>> 0))],
    layers: layersOf(attributes),
    msid: attributeOf(attributes, 'msid'),
  };
}

/**
 * The layers that the author sends: of `a=simulcast:send hi,hi2;~mid;lo`, of each the first alternative that
 * `a=rid` describes. A tilde is a layer that is paused.
 */
function layersOf(attributes: readonly SdpAttribute[]): readonly string[] {
  const list = /(?:^|\s)send\s+(\S+)/.exec(attributeOf(attributes, 'simulcast') ?? '')?.[1];
  if (list === undefined) return [];
  const described = new Set(
    attributesOf(attributes, 'rid').flatMap((value) => /^(\S+)\s+send(?:\s|$)/.exec(value)?.[1] ?? []),
  );
  const isLayer = (name: string) => LAYER.test(name) && described.has(name);
  const names = list.split(';').flatMap((layer) => {
    const alternatives = layer.split(',').map((name) => name.replace(/^~/, ''));
    return alternatives.find(isLayer) ?? [];
  });
  return [...new Set(names)].slice(0, MAX_LAYERS);
}

function printMedia(media: WebRtcMedia): SdpAttribute[] {
  const { mid, direction, formats, extensions, sources, msid, layers = [] } = media;
  const [source, repair] = sources;
  const verb = direction === 'recvonly' ? 'recv' : 'send';
  return [
    ['mid', mid],
    [direction, ''],
    ...(msid === undefined ? [] : [['msid', msid] as const]),
    ['rtcp-mux', ''],
    ['rtcp-rsize', ''],
    ...Array.from(extensions, ([uri, id]) => ['extmap', `${id} ${uri}`] as const),
    ...formats.flatMap(printFormat),
    ...(source !== undefined && repair !== undefined ? [['ssrc-group', `FID ${source} ${repair}`] as const] : []),
    ...sources.map((ssrc) => ['ssrc', `${ssrc} cname:oxbow`] as const),
    ...layers.map((name) => ['rid', `${name} ${verb}`] as const),
    ...(layers.length > 0 ? [['simulcast', `${verb} ${layers.join(';')}`] as const] : []),
  ];
}

function printFormat({ payloadType, encoding, clockRate, channels, parameters, feedback }: RtpFormat): SdpAttribute[] {
  const map = `${payloadType} ${encoding}/${clockRate}${channels > 1 ? `/${channels}` : ''}`;
  return [
    ['rtpmap', map],
    ...(parameters.size > 0 ? [['fmtp', `${payloadType} ${printParameters(parameters)}`] as const] : []),
    ...feedback.map((value) => ['rtcp-fb', `${payloadType} ${value}`] as const),
  ];
}

function printCandidates(candidates: readonly IceCandidate[]): SdpAttribute[] {
  const lines = candidates.map(
    ({ address, port }, index) =>
      ['candidate', `${index + 1} 1 udp ${PRIORITY - 256 * index} ${address} ${port} typ host`] as const,
  );
  return [...lines, ['end-of-candidates', '']];
}
