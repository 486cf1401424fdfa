/**
 * How a transport stream is demuxed.
 * In: nothing. Out: the type of the demuxer's options. Pure.
 */

/** Gives memory to frames, for an owner who knows when they are not used any more. */
export interface FrameMemory {
  /** A whole buffer of at least `bytes`, from its first byte on; its content is undefined. */
  take(bytes: number): Uint8Array;
}

export interface TsDemuxerOptions {
  /** Number of the program, 1 to 65535; undefined: the first with media. */
  readonly program?: number | undefined;
  /**
   * The input is an endless feed that was joined in the middle: the tracks are announced with the first
   * parameter sets of the video (after 10 s of media without them: only audio), and other programs are named
   * in `leftOut`. Default: segments.
   */
  readonly live?: boolean | undefined;
  /**
   * MPEG-1 and MPEG-2 video is taken, to be converted: where the program has no video of another codec.
   * Default: it is left out.
   */
  readonly mpeg2?: boolean | undefined;
  /** Memory of the frames. Default: new buffers. */
  readonly memory?: FrameMemory | undefined;
}
