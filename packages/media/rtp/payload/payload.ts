/**
 * The contract of depacketizers: payload formats of an SDP, and what becomes of their packets.
 * In: types of the other files of this folder. Out: the same for media/rtp/receive. Pure types. RFC 3550 5.1,
 * RFC 8866 6.6 (rtpmap).
 */

import type { AudioConfig, VideoConfig } from '../../frame.ts';
import type { LeftOutTrack } from '../../left-out.ts';
import type { RtpPacket } from '../packet.ts';

/**
 * Payload formats with a depacketizer: `aac` is mpeg4-generic (RFC 3640), `latm` is MP4A-LATM (RFC 6416),
 * `mp2t` is MPEG-TS (RFC 2250).
 */
export type PayloadCodec = 'h264' | 'hevc' | 'av1' | 'vp9' | 'vp8' | 'opus' | 'aac' | 'latm' | 'pcmu' | 'pcma' | 'mp2t';

export interface PayloadFormat {
  readonly codec: PayloadCodec;
  /** Ticks of RTP timestamps per second. */
  readonly clockRate: number;
  /** Of audio, as the rtpmap says. */
  readonly channels?: number;
  /** Of the fmtp; names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** One access unit. */
export interface Unit {
  /** RTP timestamp, 32 bits. */
  readonly timestamp: number;
  /** Decoding can begin here; always true for audio. */
  readonly key: boolean;
  /** As in `Frame.data`; owned by the receiver. */
  readonly data: Uint8Array;
  /** Of audio, ticks of the clock rate. */
  readonly duration?: number;
}

/** Receives the output of a depacketizer. */
export interface DepacketizerOutput {
  /** The configuration, before the first unit that needs it, and again when it changes. */
  config(config: VideoConfig | AudioConfig): void;
  unit(unit: Unit): void;
  /** A packet or an access unit was dropped, for the reason given. */
  damage(reason: string): void;
  /** The stream uses an unsupported feature; nothing follows. */
  refused(track: LeftOutTrack): void;
  /** MPEG-TS, any number of whole packets. */
  bytes?(bytes: Uint8Array): void;
}

/** Reads the packets of one payload format, in the order of their sequence numbers. */
export interface Depacketizer {
  /**
   * Video that cannot be decoded before the next key frame: units are dropped until then. Always false for
   * audio.
   */
  readonly needsKey: boolean;
  /**
   * Takes the next packet. Never throws: malformed packets are dropped and reported as damage.
   *
   * @param packet views of its payload may be kept
   */
  push(packet: RtpPacket): void;
  /**
   * Packets are missing before the next one: drops the incomplete unit, and video up to the next key frame.
   */
  lost(): void;
  /**
   * The stream ends: delivers a unit whose end was not marked, unless the sender marks the ends of others.
   */
  flush(): void;
}

/** Most bytes of an access unit. */
export const MAX_UNIT_BYTES = 8 * 1024 * 1024;
