/**
 * `colorInfo`: colours and light of a video, which apply to the pictures after it.
 * In: the body of a metadata packet, or a VideoConfig. Out: what it says, or the body. Pure. Enhanced RTMP
 * v2, "Metadata Frame"; SMPTE ST 2086.
 */

import { parseAmf0, printAmf0 } from '../amf/amf0.ts';
import { type AmfObject, type AmfValue, createAmfObject, isAmfObject } from '../amf/value.ts';
import {
  type ColourInfo,
  type ContentLight,
  colourInfoOf,
  type MasteringDisplay,
  UNSPECIFIED,
} from '../colour/colour-info.ts';
import { sampleFormatOf } from '../colour/colours.ts';
import { FormatError } from '../errors.ts';
import type { VideoConfig } from '../frame.ts';
import type { Colours } from '../h264/vui.ts';

const NAME = 'colorInfo';
/** Encoders send about 400 bytes. */
const MAX_BYTES = 16 * 1024;
const MAX_CODE_POINT = 255;
/** Units of MasteringDisplay in one, and in one cd/m². */
const POINT_UNITS = 50_000;
const LUMINANCE_UNITS = 10_000;
/** Names of the points, in the order of MasteringDisplay. */
const POINTS = ['red', 'green', 'blue', 'whitePoint'] as const;
/** Largest values of the specification. */
const MAX_X = 0.74;
const MAX_Y = 0.84;
const MAX_NITS = 10_000;
const MAX_BLACK_NITS = 5;

/**
 * Reads the last `colorInfo` of a packet. A group of values that is incomplete or out of range is left out;
 * a minimum luminance of 0, which encoders send, is taken.
 *
 * @param body the payload alone
 * @returns undefined if there is none; `info` is undefined where it resets the colours, or says nothing
 * @throws FormatError if it is not AMF0, or has more than 16 KiB
 */
export function parseColorInfo(body: Uint8Array): { readonly info: ColourInfo | undefined } | undefined {
  if (body.length > MAX_BYTES) throw new FormatError(`video metadata of ${body.length} bytes`, 0);
  const values = parseAmf0(body);
  const at = values.lastIndexOf(NAME);
  if (at < 0) return undefined;
  const object = objectOf(values[at + 1]);
  const { colorConfig, hdrMdcv, hdrCll } = object;
  return {
    info: colourInfoOf(coloursIn(objectOf(colorConfig)), masteringIn(objectOf(hdrMdcv)), lightIn(objectOf(hdrCll))),
  };
}

function objectOf(value: AmfValue): AmfObject {
  return isAmfObject(value) ? value : createAmfObject();
}

function coloursIn({ colorPrimaries, transferCharacteristics, matrixCoefficients }: AmfObject): Colours | undefined {
  const colours = {
    primaries: codePoint(colorPrimaries, 1),
    transfer: codePoint(transferCharacteristics, 1),
    matrix: codePoint(matrixCoefficients, 0),
  };
  return Object.values(colours).every((value) => value === UNSPECIFIED) ? undefined : colours;
}

/** @param least 0 is reserved, except for the matrix, where it is RGB */
function codePoint(value: AmfValue, least: number): number {
  const isOne = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= MAX_CODE_POINT;
  return isOne ? value : UNSPECIFIED;
}

/** A number in a range; undefined for anything else. */
function between(value: AmfValue, least: number, most: number): number | undefined {
  return typeof value === 'number' && value >= least && value <= most ? value : undefined;
}

function masteringIn(object: AmfObject): MasteringDisplay | undefined {
  const points = POINTS.flatMap((name) => [
    between(object[`${name}X`], 1 / POINT_UNITS, MAX_X),
    between(object[`${name}Y`], 1 / POINT_UNITS, MAX_Y),
  ]);
  const most = between(object.maxLuminance, 1 / LUMINANCE_UNITS, MAX_NITS);
  const least = between(object.minLuminance, 0, MAX_BLACK_NITS);
  if (most === undefined || least === undefined || most <= least || !points.every((point) => point !== undefined)) {
    return undefined;
  }
  return {
    points: points.map((point) => Math.round(point * POINT_UNITS)),
    maxLuminance: Math.round(most * LUMINANCE_UNITS),
    minLuminance: Math.round(least * LUMINANCE_UNITS),
  };
}

function lightIn({ maxCLL, maxFall }: AmfObject): ContentLight | undefined {
  const maxContent = Math.round(between(maxCLL, 0, MAX_NITS) ?? 0);
  const maxAverage = Math.round(between(maxFall, 0, MAX_NITS) ?? 0);
  return maxContent === 0 && maxAverage === 0 ? undefined : { maxContent, maxAverage };
}

/**
 * Prints the payload of a metadata packet.
 *
 * @param config a video with `colourInfo`; without it, the packet resets the colours
 */
export function printColorInfo(config: VideoConfig): Uint8Array {
  const { colourInfo } = config;
  if (!colourInfo) return printAmf0([NAME, undefined]);
  const { colours, bitDepth } = sampleFormatOf(config);
  const object: Record<string, AmfObject> = {};
  if (colours) object.colorConfig = printColours(colours, bitDepth);
  const { light, mastering } = colourInfo;
  if (light) object.hdrCll = { maxFall: light.maxAverage, maxCLL: light.maxContent };
  if (mastering) object.hdrMdcv = printMastering(mastering);
  return printAmf0([NAME, object]);
}

function printColours({ primaries, transfer, matrix }: Colours, bitDepth: number | undefined): AmfObject {
  const config: Record<string, AmfValue> = {};
  if (bitDepth !== undefined) config.bitDepth = bitDepth;
  config.colorPrimaries = primaries;
  config.transferCharacteristics = transfer;
  config.matrixCoefficients = matrix;
  return config;
}

function printMastering({ points, maxLuminance, minLuminance }: MasteringDisplay): AmfObject {
  const object: Record<string, AmfValue> = {};
  for (const [i, name] of POINTS.entries()) {
    object[`${name}X`] = points[2 * i]! / POINT_UNITS;
    object[`${name}Y`] = points[2 * i + 1]! / POINT_UNITS;
  }
  object.maxLuminance = maxLuminance / LUMINANCE_UNITS;
  object.minLuminance = minLuminance / LUMINANCE_UNITS;
  return object;
}
