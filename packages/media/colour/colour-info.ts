/**
 * Colours and light of a picture as its container or transport states them, besides its parameter sets.
 * In: boxes, `colorInfo` of enhanced RTMP. Out: values that both share. Pure. ISO/IEC 14496-12, 12.1.5 to
 * 12.1.7; SMPTE ST 2086; CTA-861.3.
 */
import type { Colours } from '../h264/vui.ts';

/** Code point of ISO/IEC 23091-2 for "unspecified". */
export const UNSPECIFIED = 2;

/** The display on which the picture was mastered. */
export interface MasteringDisplay {
  /** x and y of red, green, blue and white, one after the other, in units of 0.00002; each 0 to 65,535. */
  readonly points: readonly number[];
  /** Units of 0.0001 cd/m², 32 bits. */
  readonly maxLuminance: number;
  readonly minLuminance: number;
}

/** The light of the content, cd/m², 0 to 65,535; 0 is unknown. */
export interface ContentLight {
  /** MaxCLL: the brightest sample. */
  readonly maxContent: number;
  /** MaxFALL: the brightest average of a picture. */
  readonly maxAverage: number;
}

/** At least one of its fields is present. */
export interface ColourInfo {
  /** Apply where the parameter sets say nothing. */
  readonly colours?: Colours;
  /** Samples use the full range; absent where it is not said. */
  readonly fullRange?: boolean;
  readonly mastering?: MasteringDisplay;
  readonly light?: ContentLight;
}

/** What is known of a picture; undefined where it is nothing. */
export function colourInfoOf(
  colours: Colours | undefined,
  mastering: MasteringDisplay | undefined,
  light: ContentLight | undefined,
  fullRange = false,
): ColourInfo | undefined {
  if (!colours && !mastering && !light) return undefined;
  const info: { -readonly [Name in keyof ColourInfo]: ColourInfo[Name] } = {};
  if (colours) info.colours = colours;
  if (colours && fullRange) info.fullRange = true;
  if (mastering) info.mastering = mastering;
  if (light) info.light = light;
  return info;
}

/** Whether decoders can be initialized with either. */
export function sameColourInfo(a: ColourInfo | undefined, b: ColourInfo | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && keyOf(a) === keyOf(b));
}

function keyOf({ colours, fullRange, mastering, light }: ColourInfo): string {
  const points = mastering && [...mastering.points, mastering.maxLuminance, mastering.minLuminance].join();
  return JSON.stringify([
    ...[colours?.primaries, colours?.transfer, colours?.matrix, fullRange, points],
    ...[light?.maxContent, light?.maxAverage],
  ]);
}
