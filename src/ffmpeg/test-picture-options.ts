/**
 * Size and rates of the test picture.
 * In: settings of a `test` source. Out: options of its process.
 */

/** Settings of the test picture. */
export interface TestPictureOptions {
  /** Drawn into the picture; lower-case letters, digits, `-` and `_` are most readable. */
  readonly name: string;
  /** Pixels, even, 128 to 3840. */
  readonly width: number;
  /** Pixels, even, 72 to 2160. */
  readonly height: number;
  /** Frames per second as a fraction, e.g. 30000/1001; 1 to 120. */
  readonly frameRate: { readonly num: number; readonly den: number };
  /** Whole seconds of UTC between key frames, 1 to 10. */
  readonly keyframeIntervalS: number;
  /** Highest bit rate, bits per second; a static picture needs less. */
  readonly videoBitRate: number;
  /** Bits per second of the stereo tone. */
  readonly audioBitRate: number;
  /** B-frames between references, 0 to 3; they delay the picture and are for tests only. */
  readonly bFrames: number;
}

/** The newest frames that a picture has sent: it continues after them in another process. */
export interface LastFrames {
  /** pts in ticks of the video track. */
  readonly video?: number;
  /** pts in ticks of the audio track. */
  readonly audio?: number;
}

/** 640×360 at 25 frames per second, a key frame every second. */
export const testPictureDefaults: Omit<TestPictureOptions, 'name'> = {
  width: 640,
  height: 360,
  frameRate: { num: 25, den: 1 },
  keyframeIntervalS: 1,
  videoBitRate: 800_000,
  audioBitRate: 96_000,
  bFrames: 0,
};

/** Track ids of the test picture. */
export const testTracks = { video: 1, audio: 2 } as const;

/** Ticks per second of its tracks. */
export const testTimescales = { video: 90_000, audio: 48_000 } as const;
