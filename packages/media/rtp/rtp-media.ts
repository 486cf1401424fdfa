/**
 * Media descriptions of plain RTP: of an SDP that announces RTP sessions, and of the answer to
 * DESCRIBE (RTSP).
 * In: SDP. Out: the media, by the index of their m= lines, with the formats that oxbow can read. Pure.
 * RFC 8866, RFC 3605 (a=rtcp), RFC 5761 (a=rtcp-mux), RFC 7826 D.1 (a=control).
 */

import { FormatError } from '../errors.ts';
import { distinctLeftOut, type LeftOutTrack } from '../left-out.ts';
import { type RtpFormat, rtpFormatsOf } from '../sdp/rtp-format.ts';
import { attributeOf, attributesOf, parseSdp, type SdpAttribute, type SdpMedia } from '../sdp/sdp.ts';
import type { Direction } from '../sdp/webrtc-description.ts';
import { meaningOf } from './payload/formats.ts';

/** One media description. */
export interface RtpMedia {
  /** `video`, `audio`; others, such as `application`, are never usable. */
  readonly kind: string;
  /** E.g. `RTP/AVP`. */
  readonly protocol: string;
  /** Of the `m=` line; 0 where the description leaves it open (RTSP). */
  readonly port: number;
  /** Of `a=rtcp`; undefined without it: the next port. */
  readonly rtcpPort: number | undefined;
  /** Of its `c=` line or that of the session. */
  readonly address: string | undefined;
  readonly direction: Direction;
  /** RTP and RTCP share one port. */
  readonly isMuxed: boolean;
  /** `a=control`: the address of the media for RTSP, perhaps relative. */
  readonly control: string | undefined;
  /** All payload types with a known encoding, by preference, `RTX` included. */
  readonly formats: readonly RtpFormat[];
  /** At least one format can be read. */
  readonly isUsable: boolean;
  /** It carries MPEG-TS (RFC 2250), which has its own tracks. */
  readonly isTransportStream: boolean;
  /** Formats that oxbow does not support, by name; empty where another one is usable. */
  readonly leftOut: readonly LeftOutTrack[];
  /** SSRCs that the author announces; often none. */
  readonly sources: readonly number[];
  /** `a=lang`, or `und`. */
  readonly language: string;
}

/** The media that an SDP announces. */
interface RtpDescription {
  /** Value of the `s=` line. */
  readonly name: string;
  /** `a=control` of the session. */
  readonly control: string | undefined;
  /** `a=range`, e.g. `npt=0-` or `npt=now-`. */
  readonly range: string | undefined;
  readonly media: readonly RtpMedia[];
}

const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
/** Encrypted media has keys that a description in clear text should not have. */
const PROTOCOLS: readonly string[] = ['RTP/AVP', 'RTP/AVPF', 'RTP/AVP/UDP', 'RTP/AVP/TCP'];

/** @throws FormatError if it is no SDP or has no media; the offset is that of the line */
export function parseRtpMedia(text: string): RtpDescription {
  const { name, attributes, media } = parseSdp(text);
  if (media.length === 0) throw new FormatError('the SDP has no media (m= lines)', text.length);
  return {
    name,
    control: attributeOf(attributes, 'control'),
    range: attributeOf(attributes, 'range'),
    media: media.map((each) => readMedia(each, attributes)),
  };
}

function readMedia(media: SdpMedia, session: readonly SdpAttribute[]): RtpMedia {
  const { kind, protocol, port, address, attributes } = media;
  const formats = rtpFormatsOf(media);
  const isKnown = kind === 'video' || kind === 'audio';
  const meanings = isKnown ? formats.flatMap((format) => meaningOf(format, kind) ?? []) : [];
  const codecs = meanings.flatMap((meaning) => (meaning.kind === 'media' ? meaning.format.codec : []));
  const isClear = PROTOCOLS.includes(protocol.toUpperCase());
  const isUsable = isClear && codecs.length > 0;
  const unsupported = meanings.flatMap((meaning) => (meaning.kind === 'leftOut' ? meaning.track : []));
  if (isKnown && !isClear) unsupported.unshift({ kind, name: `${kind} over ${printable(protocol)}` });
  const has = (name: string) => [...attributes, ...session].some(([each]) => each === name);
  return {
    kind,
    protocol,
    port,
    address,
    formats,
    isUsable,
    direction: DIRECTIONS.find(has) ?? 'sendrecv',
    rtcpPort: portOf(attributeOf(attributes, 'rtcp')),
    isMuxed: attributeOf(attributes, 'rtcp-mux') !== undefined,
    control: attributeOf(attributes, 'control'),
    isTransportStream: isUsable && codecs.includes('mp2t'),
    leftOut: isUsable ? [] : distinctLeftOut(unsupported),
    sources: [...new Set(attributesOf(attributes, 'ssrc').map((value) => Number.parseInt(value, 10) >>> 0))],
    language: languageOf(attributeOf(attributes, 'lang')),
  };
}

function portOf(text: string | undefined): number | undefined {
  const port = Number(text?.match(/^(\d{1,5})(?= |$)/)?.[1] ?? 0);
  return port > 0 && port <= 65_535 ? port : undefined;
}

function languageOf(text: string | undefined): string {
  return text !== undefined && /^[a-z]{2,3}(-[a-z\d]{1,8})*$/i.test(text) ? text : 'und';
}

function printable(text: string): string {
  return /^[\x20-\x7e]{1,24}$/.test(text) ? text : '?';
}
