/**
 * The source of a still GOP: one picture, encoded once, that a stream shows again and again.
 * In: the wishes of a stream. Out: the request to the media engine.
 */
import type { VideoConfig } from '@oxbow/media/frame';

/** The codecs that the engine can encode. */
export const stillGopCodecs = ['h264', 'hevc'] as const satisfies readonly VideoConfig['codec'][];

/** Codec, size and frames of a still GOP, and its picture. */
export interface StillGopOptions {
  readonly codec: (typeof stillGopCodecs)[number];
  /** Pixels, even, 16 to 4096. */
  readonly width: number;
  /** Pixels, even, 16 to 4096. */
  readonly height: number;
  /** Frames in the GOP, 2 to 300; the first one is the key frame, the others repeat it. */
  readonly frames: number;
  /** Frames per second, for the encoder. */
  readonly frameRate: number;
  /**
   * What the bytes of the request are: `media` is an initialization section and segments, of which the last
   * picture is shown; `image` a JPEG, PNG or WebP file; `text`: none, the texts are drawn.
   */
  readonly picture: 'media' | 'image' | 'text';
  /** Drawn large; `name` if the font lacks one of its characters. */
  readonly title: string;
  readonly name: string;
  /** Drawn below. */
  readonly words: string;
}

/** Sides of a picture, pixels. */
export const stillGopSides = { least: 16, most: 4096 } as const;
export const stillGopFrames = { least: 2, most: 300 } as const;
