/**
 * From frames to RTP payloads: the contract of all packetizers, and their choice by codec.
 * In: the frames of one track. Out: payloads that all viewers of the track share; sender.ts adds their
 * headers. Pure. RFC 6184 (H.264), RFC 7798 (HEVC), RTP Payload Format For AV1, RFC 9628 (VP9), RFC 7587
 * (Opus).
 */
import type { Frame, Track } from '../../frame.ts';
import { createAv1Payloads } from './av1.ts';
import { formatOf, type RtpFormat } from './format.ts';
import { createH264Payloads } from './h264.ts';
import { createHevcPayloads } from './hevc.ts';
import { opusPayloads } from './opus.ts';
import { createVp9Payloads } from './vp9.ts';

/**
 * Makes the payloads of one track's frames. It has a state: one packetizer for each track and run, every
 * frame once and in order.
 */
export interface Packetizer {
  /** The format of the payloads, for the SDP. */
  readonly format: RtpFormat;
  /**
   * The payloads of a frame, each of 1 to `maxPayloadBytes` bytes; the last one of a video frame gets the
   * marker. Some are views of `frame.data`: they may be kept, never changed. Empty if nothing of the frame is
   * sent.
   *
   * @throws FormatError if the frame's data is malformed; viewers then need the next key frame
   */
  payloads(frame: Frame): readonly Uint8Array[];
}

/** Why a track cannot be sent. */
interface Refused {
  /** A sentence for users that names the codec. */
  readonly refused: string;
}

/** Smallest limit: room for the headers of all formats and some content. */
const LEAST_PAYLOAD_BYTES = 64;

/**
 * Creates the packetizer of a track, or says why its codec cannot be sent.
 *
 * @param maxPayloadBytes 64 to 65,000; retransmissions have 2 bytes more. 1,100 leaves room for RTP with its
 * extensions, SRTP, UDP and IPv6 in 1,280 bytes
 * @throws FormatError if the track's record is malformed
 */
export function createPacketizer(track: Track, maxPayloadBytes: number): Packetizer | Refused {
  if (!(maxPayloadBytes >= LEAST_PAYLOAD_BYTES)) throw new RangeError(`payloads of ${maxPayloadBytes} bytes`);
  const format = formatOf(track);
  if ('refused' in format) return format;
  return { format, payloads: payloadsOf(track, maxPayloadBytes) };
}

function payloadsOf({ config }: Track, maxBytes: number): Packetizer['payloads'] {
  switch (config.codec) {
    case 'h264':
      return createH264Payloads(config.record, maxBytes);
    case 'hevc':
      return createHevcPayloads(config.record, maxBytes);
    case 'av1':
      return createAv1Payloads(config.record, maxBytes);
    case 'vp9':
      return createVp9Payloads(maxBytes);
    default:
      return (frame) => opusPayloads(frame, maxBytes); // formatOf refuses all others
  }
}
