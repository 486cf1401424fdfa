/**
 * Colours and light in a video sample entry: `colr` (nclx), `mdcv`, `clli`.
 * In: a VideoConfig, or the boxes of an entry. Out: box bytes, or what they say. Pure.
 * ISO/IEC 14496-12, 12.1.5 (colour), 12.1.6 (content light) and 12.1.7 (mastering display).
 */
import { ByteReader } from '../../bytes.ts';
import {
  type ColourInfo,
  type ContentLight,
  colourInfoOf,
  type MasteringDisplay,
  UNSPECIFIED,
} from '../../colour/colour-info.ts';
import { sampleFormatOf } from '../../colour/colours.ts';
import type { VideoConfig } from '../../frame.ts';
import type { Colours } from '../../h264/vui.ts';
import { type Box, type BoxWriter, findBox, fourccAt } from '../box.ts';

/** Sizes of the bodies: a shorter box says nothing. */
const COLR_BYTES = 11;
const MDCV_BYTES = 24;
const CLLI_BYTES = 4;
/** Numbers of red, green, blue and white, in the order of the box: green, blue, red, white. */
const BOX_ORDER = [1, 2, 0, 3] as const;

/** Writes what the configuration has besides its record: nothing in most cases. */
export function printColourBoxes(writer: BoxWriter, config: VideoConfig): void {
  const { colourInfo } = config;
  if (!colourInfo) return;
  const { colours, fullRange } = sampleFormatOf(config);
  if (colours && colourInfo.colours) printColr(writer, colours, fullRange);
  if (colourInfo.mastering) printMdcv(writer, colourInfo.mastering);
  if (colourInfo.light) {
    const clli = writer.open('clli');
    writer.u16(colourInfo.light.maxContent);
    writer.u16(colourInfo.light.maxAverage);
    writer.close(clli);
  }
}

function printColr(writer: BoxWriter, { primaries, transfer, matrix }: Colours, fullRange: boolean): void {
  const colr = writer.open('colr');
  writer.fourcc('nclx');
  writer.u16(primaries);
  writer.u16(transfer);
  writer.u16(matrix);
  writer.u8(fullRange ? 0x80 : 0);
  writer.close(colr);
}

function printMdcv(writer: BoxWriter, { points, maxLuminance, minLuminance }: MasteringDisplay): void {
  const mdcv = writer.open('mdcv');
  for (const at of BOX_ORDER) {
    writer.u16(points[2 * at]!);
    writer.u16(points[2 * at + 1]!);
  }
  writer.u32(maxLuminance);
  writer.u32(minLuminance);
  writer.close(mdcv);
}

/**
 * Reads them; undefined where there are none. Boxes that are too short, and colours in other forms than code
 * points, say nothing.
 */
export function parseColourBoxes(bytes: Uint8Array, boxes: readonly Box[]): ColourInfo | undefined {
  const isNclx = (box: Box) => box.type === 'colr' && sizeOf(box) >= COLR_BYTES && fourccAt(bytes, box.body) === 'nclx';
  const colr = boxes.find(isNclx);
  const mdcv = findBox(boxes, 'mdcv');
  const clli = findBox(boxes, 'clli');
  if (!colr && !mdcv && !clli) return undefined;
  const { colours, fullRange } = colr ? parseColr(bytes, colr) : { colours: undefined, fullRange: false };
  return colourInfoOf(
    colours,
    mdcv && sizeOf(mdcv) >= MDCV_BYTES ? parseMdcv(bytes, mdcv) : undefined,
    clli && sizeOf(clli) >= CLLI_BYTES ? parseClli(bytes, clli) : undefined,
    fullRange,
  );
}

function sizeOf(box: Box): number {
  return box.end - box.body;
}

function parseColr(bytes: Uint8Array, box: Box): { colours: Colours | undefined; fullRange: boolean } {
  const reader = new ByteReader(bytes, "'colr'", box.body + 4, box.end);
  const codePoint = () => {
    const value = reader.u16();
    return value > 255 ? UNSPECIFIED : value;
  };
  const colours = { primaries: codePoint(), transfer: codePoint(), matrix: codePoint() };
  const fullRange = (reader.u8() & 0x80) !== 0;
  const isSilent = Object.values(colours).every((value) => value === UNSPECIFIED);
  return { colours: isSilent && !fullRange ? undefined : colours, fullRange };
}

function parseMdcv(bytes: Uint8Array, box: Box): MasteringDisplay {
  const reader = new ByteReader(bytes, "'mdcv'", box.body, box.end);
  const points = new Array<number>(8);
  for (const at of BOX_ORDER) {
    points[2 * at] = reader.u16();
    points[2 * at + 1] = reader.u16();
  }
  return { points, maxLuminance: reader.u32(), minLuminance: reader.u32() };
}

function parseClli(bytes: Uint8Array, box: Box): ContentLight {
  const reader = new ByteReader(bytes, "'clli'", box.body, box.end);
  return { maxContent: reader.u16(), maxAverage: reader.u16() };
}
