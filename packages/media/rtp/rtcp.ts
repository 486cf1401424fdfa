/**
 * RTCP: reports of senders and receivers, and feedback of WebRTC.
 * In: compound packets. Out: values, and the reverse. Pure. RFC 3550 6, RFC 4585 6 (NACK, PLI), RFC 5104
 * 4.3.1 (FIR).
 */
import { ByteReader, concatBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';

/** Reception of one source, as its receiver sees it. RFC 3550 6.4.1 */
export interface ReceptionReport {
  readonly ssrc: number;
  /** Since the last report, 0 to 1 in steps of 1/256. */
  readonly lossRate: number;
  /** In total; negative after repeated packets. */
  readonly lost: number;
  /** With the number of wraps in the upper 16 bits. */
  readonly highestSequence: number;
  /** Ticks of the source's clock. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last sender report; 0 before the first. */
  readonly lastReport: number;
  /** Since that report, 1/65536 s. */
  readonly delay: number;
}

/** One packet of a compound packet; those of other types are left out. */
export type RtcpPacket =
  | {
      readonly type: 'senderReport';
      readonly ssrc: number;
      /** NTP time, seconds since 1900 in steps of 2^-32; shown as unix milliseconds with a fraction. */
      readonly utcMs: number;
      /** Middle 32 bits of the NTP time, to be returned in receiver reports. */
      readonly ntpMiddle: number;
      /** RTP timestamp of the same moment. */
      readonly timestamp: number;
      readonly packets: number;
      readonly bytes: number;
      readonly reports: readonly ReceptionReport[];
    }
  | { readonly type: 'receiverReport'; readonly ssrc: number; readonly reports: readonly ReceptionReport[] }
  | { readonly type: 'bye'; readonly sources: readonly number[] }
  | { readonly type: 'nack'; readonly source: number; readonly sequences: readonly number[] }
  | { readonly type: 'pictureLoss'; readonly source: number }
  | { readonly type: 'fullIntra'; readonly source: number; readonly sequence: number }
  | { readonly type: 'bandwidth'; readonly bitrate: number };

/** Packet types, RFC 3550 12.1 and RFC 4585 6.1. */
const packetType = { sr: 200, rr: 201, sdes: 202, bye: 203, rtpFeedback: 205, payloadFeedback: 206 } as const;
const format = { nack: 1, pictureLoss: 1, fullIntra: 4, application: 15, transport: 15 } as const;
/** Seconds from 1900 to 1970. */
const NTP_EPOCH_S = 2_208_988_800;
/** "REMB" of draft-alvestrand-rmcat-remb. */
const REMB = 0x52454d42;

/** @throws FormatError if a packet is malformed or ends early */
export function parseRtcp(datagram: Uint8Array): RtcpPacket[] {
  const reader = new ByteReader(datagram, 'RTCP packet');
  const packets: RtcpPacket[] = [];
  while (reader.left > 0) {
    const first = reader.u8();
    if (first >> 6 !== 2) throw new FormatError('the version of RTCP is not 2', reader.offset - 1);
    const type = reader.u8();
    const body = new ByteReader(reader.take(4 * reader.u16()), 'RTCP packet');
    const packet = parseBody(type, first & 0x1f, body);
    if (packet) packets.push(packet);
  }
  return packets;
}

function parseBody(type: number, count: number, body: ByteReader): RtcpPacket | undefined {
  switch (type) {
    case packetType.sr: {
      const ssrc = body.u32();
      const [seconds, fraction, timestamp] = [body.u32(), body.u32(), body.u32()];
      const utcMs = (seconds - NTP_EPOCH_S) * 1000 + (fraction / 2 ** 32) * 1000;
      const ntpMiddle = ((seconds & 0xffff) * 65_536 + (fraction >>> 16)) >>> 0;
      const [sent, bytes] = [body.u32(), body.u32()];
      const reports = parseReports(body, count);
      return { type: 'senderReport', ssrc, utcMs, ntpMiddle, timestamp, packets: sent, bytes, reports };
    }
    case packetType.rr:
      return { type: 'receiverReport', ssrc: body.u32(), reports: parseReports(body, count) };
    case packetType.bye:
      return { type: 'bye', sources: Array.from({ length: count }, () => body.u32()) };
    case packetType.rtpFeedback:
      return count === format.nack ? parseNack(body) : undefined;
    case packetType.payloadFeedback:
      return parsePayloadFeedback(count, body);
    default:
      return undefined;
  }
}

function parseReports(body: ByteReader, count: number): ReceptionReport[] {
  return Array.from({ length: count }, () => {
    const ssrc = body.u32();
    const loss = body.u32();
    return {
      ssrc,
      lossRate: (loss >>> 24) / 256,
      lost: (loss << 8) >> 8,
      highestSequence: body.u32(),
      jitter: body.u32(),
      lastReport: body.u32(),
      delay: body.u32(),
    };
  });
}

function parseNack(body: ByteReader): RtcpPacket {
  body.skip(4);
  const source = body.u32();
  const sequences: number[] = [];
  while (body.left >= 4) {
    const first = body.u16();
    const following = body.u16();
    sequences.push(first);
    for (let bit = 0; bit < 16; bit++) if (following & (1 << bit)) sequences.push((first + 1 + bit) & 0xffff);
  }
  return { type: 'nack', source, sequences };
}

function parsePayloadFeedback(count: number, body: ByteReader): RtcpPacket | undefined {
  body.skip(4);
  const source = body.u32();
  if (count === format.pictureLoss) return { type: 'pictureLoss', source };
  if (count === format.fullIntra) return { type: 'fullIntra', source: body.u32(), sequence: body.u8() };
  if (count !== format.application || body.left < 8 || body.u32() !== REMB) return undefined;
  const word = body.u32();
  return { type: 'bandwidth', bitrate: (word & 0x3ffff) * 2 ** ((word >>> 18) & 0x3f) };
}

/** The fields of a sender report. */
interface SenderReport {
  readonly ssrc: number;
  /** Unix milliseconds. */
  readonly utcMs: number;
  /** RTP timestamp of that moment. */
  readonly timestamp: number;
  readonly packets: number;
  readonly bytes: number;
}

/**
 * A sender report without reception reports, with the name of the source.
 * @param name `CNAME`, in ASCII; joins audio and video
 */
export function printSenderReport({ ssrc, utcMs, timestamp, packets, bytes }: SenderReport, name: string): Uint8Array {
  const seconds = Math.floor(utcMs / 1000);
  const fraction = Math.floor(((utcMs / 1000 - seconds) % 1) * 2 ** 32);
  const body = words([ssrc, seconds + NTP_EPOCH_S, fraction, timestamp, packets, bytes]);
  return concatBytes([printPacket(0, packetType.sr, body), printName(ssrc, name)]);
}

/** A receiver report with the name of the receiver. @param ssrc of the receiver */
export function printReceiverReport(ssrc: number, reports: readonly ReceptionReport[], name: string): Uint8Array {
  const body = concatBytes([
    words([ssrc]),
    ...reports.map((report) => {
      const loss =
        ((Math.min(255, Math.round(report.lossRate * 256)) << 24) | (clampLost(report.lost) & 0xffffff)) >>> 0;
      return words([report.ssrc, loss, report.highestSequence, report.jitter, report.lastReport, report.delay]);
    }),
  ]);
  return concatBytes([printPacket(reports.length, packetType.rr, body), printName(ssrc, name)]);
}

/** Requests packets again. @param sequences in order, modulo 2^16 */
export function printNack(ssrc: number, source: number, sequences: readonly number[]): Uint8Array {
  const items: number[] = [];
  let first: number | undefined;
  let following = 0;
  const flush = () => {
    if (first !== undefined) items.push(((first << 16) | following) >>> 0);
    following = 0;
  };
  for (const sequence of sequences) {
    const distance = first === undefined ? 0 : (sequence - first) & 0xffff;
    if (first !== undefined && distance >= 1 && distance <= 16) following |= 1 << (distance - 1);
    else {
      flush();
      first = sequence;
    }
  }
  flush();
  return printPacket(format.nack, packetType.rtpFeedback, words([ssrc, source, ...items]));
}

/** Requests a key frame, RFC 4585 6.3.1. */
export function printPictureLoss(ssrc: number, source: number): Uint8Array {
  return printPacket(format.pictureLoss, packetType.payloadFeedback, words([ssrc, source]));
}

/** Feedback of transport-wide congestion control. @param content as media/rtp/transport-feedback prints it */
export function printTransportFeedback(ssrc: number, source: number, content: Uint8Array): Uint8Array {
  return printPacket(format.transport, packetType.rtpFeedback, concatBytes([words([ssrc, source]), content]));
}

/** Source description with a CNAME, RFC 3550 6.5.1. */
function printName(ssrc: number, name: string): Uint8Array {
  const text = new TextEncoder().encode(name.slice(0, 255));
  const chunk = new Uint8Array(Math.ceil((4 + 2 + text.length + 1) / 4) * 4);
  chunk.set(words([ssrc]));
  chunk.set([1, text.length], 4);
  chunk.set(text, 6);
  return printPacket(1, packetType.sdes, chunk);
}

function printPacket(count: number, type: number, body: Uint8Array): Uint8Array {
  const length = body.length / 4;
  return concatBytes([Uint8Array.of(0x80 | count, type, length >> 8, length & 0xff), body]);
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of values.entries()) view.setUint32(4 * at, value);
  return bytes;
}

function clampLost(lost: number): number {
  return Math.max(-0x80_0000, Math.min(0x7f_ffff, lost));
}
