/**
 * Result of probing a file.
 * In: child/probe. Out: `oxbow probe`. Types only.
 */

/** One stream of a container. */
export interface ProbedStream {
  readonly kind: 'video' | 'audio' | 'text' | 'data';
  /** Codec name of FFmpeg, e.g. `h264`. */
  readonly codec: string;
  /** RFC 6381; empty if FFmpeg has none. */
  readonly codecs: string;
  /** Pixels; video only. */
  readonly width?: number;
  readonly height?: number;
  /** Frames per second on average, 0 when unknown; video only. */
  readonly frameRate?: number;
  /** Hz; audio only. */
  readonly sampleRate?: number;
  readonly channels?: number;
  /** Bits per second, 0 when unknown. */
  readonly bitRate: number;
  /** Language in the container, otherwise `und`. */
  readonly language: string;
}

/** A container and its streams. */
export interface Probe {
  /** Container names of FFmpeg, e.g. `mov,mp4,m4a,3gp,3g2,mj2`. */
  readonly container: string;
  /** Seconds, 0 when unknown; for the start of a file, the value in its header. */
  readonly durationS: number;
  /** Bits per second of all streams, 0 when unknown. */
  readonly bitRate: number;
  readonly streams: readonly ProbedStream[];
}
