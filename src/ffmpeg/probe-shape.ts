/**
 * What probing a file tells.
 * In: child/probe. Out: `oxbow probe`. Pure types.
 */

/** One stream of a container. */
export interface ProbedStream {
  readonly kind: 'video' | 'audio' | 'text' | 'data';
  /** FFmpeg's name of the codec, e.g. `h264`. */
  readonly codec: string;
  /** RFC 6381, or empty where FFmpeg has none. */
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
  /** As the container says, `und` when it does not. */
  readonly language: string;
}

/** A container and its streams. */
export interface Probe {
  /** FFmpeg's names of the container, e.g. `mov,mp4,m4a,3gp,3g2,mj2`. */
  readonly container: string;
  /** Seconds, 0 when unknown; of a prefix, what the header says. */
  readonly durationS: number;
  /** Bits per second over all, 0 when unknown. */
  readonly bitRate: number;
  readonly streams: readonly ProbedStream[];
}
