/**
 * Limits of an import: files beyond them are refused with a reason, before they cost much.
 * In: facts of a file. Out: an OxbowError that says what is too large.
 */
import { OxbowError } from '../../lib/errors.ts';

/** Limits that tests lower. */
export interface ImportLimits {
  /** Longest time until FFmpeg has described a file, ms. */
  readonly openMs: number;
  /** Longest asset, s. */
  readonly maxDurationS: number;
  /** Longest time that one picture or sound is shown, s. */
  readonly maxFrameS: number;
  /** Largest picture, pixels along a side and in total. */
  readonly maxSide: number;
  readonly maxPixels: number;
  /** Frames per second. */
  readonly maxFrameRate: number;
  /** Pixels per second: 8192 × 4320 at 120. */
  readonly maxPixelRate: number;
  readonly maxTracks: number;
  /** Frames of a track. */
  readonly maxFrames: number;
  readonly maxFrameBytes: number;
  /** Media of a file in relation to its size: sample tables may name the same bytes again and again. */
  readonly maxGrowth: number;
}

export const importLimits: ImportLimits = {
  openMs: 60_000,
  maxDurationS: 48 * 3600,
  maxFrameS: 600,
  maxSide: 8192,
  maxPixels: 8192 * 4320 + 1,
  maxFrameRate: 300,
  maxPixelRate: 8192 * 4320 * 120,
  maxTracks: 64,
  maxFrames: 16_000_000,
  maxFrameBytes: 64 * 1024 * 1024,
  maxGrowth: 1.1,
};

/** A refusal of the file: repeating the job does not help. */
export function refused(detail: string, cause?: unknown): OxbowError {
  return new OxbowError('unsupported-media', detail, { cause });
}

/** Picture of a track. */
interface PictureSize {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames per second, 0 when unknown. */
  readonly frameRate: number;
}

/**
 * Checks a picture.
 *
 * @throws OxbowError `unsupported-media`
 */
export function checkPicture({ width, height, frameRate }: PictureSize, limits: ImportLimits): void {
  const { maxSide, maxPixels, maxFrameRate, maxPixelRate } = limits;
  if (width > maxSide || height > maxSide || width * height > maxPixels) {
    throw refused(`The picture has ${width} × ${height} pixels. At most 8192 × 4320 are accepted.`);
  }
  if (frameRate > maxFrameRate) {
    throw refused(`The film has ${Math.round(frameRate)} pictures per second. At most ${maxFrameRate} are accepted.`);
  }
  if (width * height * frameRate > maxPixelRate) {
    throw refused(
      `The film has ${width} × ${height} pixels at ${Math.round(frameRate)} pictures per second: too many.`,
    );
  }
}

/**
 * Checks a duration.
 *
 * @throws OxbowError `unsupported-media`
 */
export function checkDuration(seconds: number, { maxDurationS }: ImportLimits): void {
  if (seconds > maxDurationS) {
    throw refused(`The film lasts ${Math.round(seconds / 3600)} hours. At most ${maxDurationS / 3600} are accepted.`);
  }
}
