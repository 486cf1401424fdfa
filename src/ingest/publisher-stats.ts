/**
 * What the connection of a publisher measures: bytes, round trip time, losses, and what its encoder
 * announced.
 * In: the protocol of the publisher sets the fields. Out: streams/measure reads them, at most once a second.
 * Plain numbers.
 */

/**
 * Figures of one publisher session. Its protocol changes the fields in place, as often as it likes; readers
 * take differences. Counters only grow. A field that the protocol does not know stays undefined.
 */
export interface PublisherStats {
  /**
   * Bytes received on the connection since its start, with the overhead of the protocol and with repeated
   * packets.
   */
  bytesIn: number;
  /** Round trip time to the publisher, ms. */
  rttMs: number | undefined;
  /** Packets that came without being sent again. */
  packets: number | undefined;
  /**
   * Packets that the network lost, whether or not a retransmission replaced them; a packet out of order is
   * none.
   */
  lost: number | undefined;
  /** Packets that arrived because they were sent again. */
  retransmitted: number | undefined;
  /** Packets that never came, or came too late to be used: this media is missing. */
  dropped: number | undefined;
  /** Frames that were published at the assembly deadline, before the next one began (MPEG-TS). */
  settledFrames: number | undefined;
  /** Bytes of frames that came after the assembly deadline, and were dropped (MPEG-TS). */
  lateBytes: number | undefined;
  /** Media that waits in the receive buffer of the protocol, ms. */
  bufferMs: number | undefined;
  /** Latency that was agreed with the publisher (SRT TSBPD), ms. */
  latencyMs: number | undefined;
  /** Capacity of the path, as the protocol estimates it, bit/s. */
  linkBitrate: number | undefined;
  /**
   * Name of the encoder as it announced itself (`onMetaData.encoder`, `flashVer`); at most 100 characters are
   * shown.
   */
  encoder: string | undefined;
  /** Announced bitrates (`onMetaData.videodatarate`, `audiodatarate`), bit/s. */
  videoBitrate: number | undefined;
  audioBitrate: number | undefined;
  /** Announced frame rate, frames a second. */
  frameRate: number | undefined;
  /** Announced key frame interval, seconds. */
  keyFrameIntervalS: number | undefined;
  /** The links of a bonded publisher, in order; a value that is replaced, never changed. */
  links: readonly LinkStats[] | undefined;
}

/** Figures of one link of a bonded publisher; counters only grow. */
export interface LinkStats {
  /** 1 and above. */
  readonly number: number;
  /** Whether it was heard in the last seconds. */
  readonly isUp: boolean;
  /** Round trip time, ms. */
  readonly rttMs: number | undefined;
  readonly bytes: number;
  /** Packets that came over it without being sent again. */
  readonly packets: number;
  /** Packets that were lost on it, repaired or not; an estimate with fractions. */
  readonly lost: number;
}

/** Figures of a session that has just begun. */
export function createPublisherStats(): PublisherStats {
  return {
    bytesIn: 0,
    rttMs: undefined,
    packets: undefined,
    lost: undefined,
    retransmitted: undefined,
    dropped: undefined,
    settledFrames: undefined,
    lateBytes: undefined,
    bufferMs: undefined,
    latencyMs: undefined,
    linkBitrate: undefined,
    encoder: undefined,
    videoBitrate: undefined,
    audioBitrate: undefined,
    frameRate: undefined,
    keyFrameIntervalS: undefined,
    links: undefined,
  };
}
