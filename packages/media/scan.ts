/**
 * Whether the pictures of a track are interlaced: two fields of different times in one frame, which show
 * combs where nothing separates them. What a stream may contain is not what it contains: many encoders of
 * television allow fields and send whole pictures.
 * In: a configuration, frames. Out: `interlaced` or `progressive`. Pure. ITU-T H.264, 7.3.3, D.1.3 and D.2.3;
 * H.265, 7.4.4, D.3.3.
 */
import { BitReader } from './bits.ts';
import { FormatError } from './errors.ts';
import type { Frame, VideoConfig } from './frame.ts';
import { parseAvcC } from './h264/avcc.ts';
import { h264PpsId, h264PpsSpsId } from './h264/pps.ts';
import { SeiReader } from './h264/sei.ts';
import { parseH264Slice } from './h264/slice.ts';
import { type H264Sps, parseH264Sps } from './h264/sps.ts';
import { parseHvcC } from './hevc/hvcc.ts';
import { hevcNalType } from './hevc/nal.ts';
import { type HevcSps, parseHevcSps } from './hevc/sps.ts';

/** How a picture was scanned. */
export type Scan = 'interlaced' | 'progressive';

/** Returns how a frame was scanned; undefined where the frame does not say it. */
type Look = (data: Uint8Array) => Scan | undefined;

const PICTURE_TIMING = 1;
const H264_SEI = 6;
const HEVC_PREFIX_SEI = 39;
const LENGTH_BYTES = 4;
/** pic_struct of H.264: a frame; the first one of three fields; more than that repeat a frame. */
const FRAME = 0;
const THREE_FIELDS = 5;
/** NumClockTS by pic_struct (table D-1). */
const CLOCKS: readonly number[] = [1, 1, 1, 2, 2, 3, 3, 2, 3];
const messages = new SeiReader();

/** Looks at the frames of one track. */
export class ScanWatch {
  readonly #look: Look;

  constructor(config: Pick<VideoConfig, 'codec' | 'record'>) {
    this.#look = lookOf(config);
  }

  /**
   * How a frame of the track was scanned; undefined where it does not say it. Costs nothing where the stream
   * has no fields.
   */
  look({ data }: Pick<Frame, 'data'>): Scan | undefined {
    try {
      return this.#look(data);
    } catch (error) {
      if (error instanceof FormatError) return undefined; // Damaged.
      throw error;
    }
  }
}

const always = (scan: Scan): Look => {
  return () => scan;
};

function lookOf({ codec, record }: Pick<VideoConfig, 'codec' | 'record'>): Look {
  try {
    if (codec === 'h264') return lookH264(record);
    if (codec === 'hevc') return lookHevc(record);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  // AV1, VP8 and VP9 have no fields.
  return always('progressive');
}

function lookH264(record: Uint8Array): Look {
  const sets = parseAvcC(record);
  const spsById = new Map(sets.sps.map((nal) => parseH264Sps(nal)).map((sps) => [sps.id, sps]));
  if ([...spsById.values()].every(({ progressive }) => progressive)) return always('progressive');
  const byPps = new Map(sets.pps.map((nal) => [h264PpsId(nal), spsById.get(h264PpsSpsId(nal))]));
  const only = spsById.size === 1 ? [...spsById.values()][0] : undefined;
  const spsOf = (pps: number) => byPps.get(pps) ?? only;
  return (data) => {
    const seis: (readonly [start: number, end: number])[] = [];
    for (const [start, end] of nalsOf(data)) {
      const type = data[start]! & 0x1f;
      if (type === H264_SEI) seis.push([start, end]);
      if (type !== 1 && type !== 5) continue;
      let sps: H264Sps | undefined;
      const slice = parseH264Slice(data, start, end, (pps) => {
        sps = spsOf(pps);
        return sps;
      });
      if (!slice || !sps) return undefined;
      if (sps.progressive) return 'progressive';
      const isCodedAsFields = slice.field !== undefined || sps.adaptive;
      const said = timingOf(data, seis, sps, isCodedAsFields);
      return said === 'unknown' ? undefined : (said ?? (isCodedAsFields ? 'interlaced' : 'progressive'));
    }
    return undefined;
  };
}

/** The scan in the picture timing SEI message of a frame; undefined without one. */
function timingOf(
  data: Uint8Array,
  seis: readonly (readonly [start: number, end: number])[],
  { pictureStructAfter }: H264Sps,
  isCodedAsFields: boolean,
): Scan | 'unknown' | undefined {
  if (pictureStructAfter === undefined) return undefined;
  for (const [start, end] of seis) {
    messages.open(data, start + 1, end);
    while (messages.next()) {
      if (messages.type !== PICTURE_TIMING) continue;
      const bits = new BitReader(messages.bytes, 'picture timing', messages.start, messages.end);
      bits.skip(pictureStructAfter);
      const struct = bits.u(4);
      const clock = clockScan(bits, struct);
      if (clock !== undefined) return clock;
      // Repeated fields or frames show a film at the rate of television (2:3 pulldown): its pictures are
      // whole.
      if (struct === FRAME || struct >= THREE_FIELDS) return 'progressive';
      // Two fields in turn. Of a frame that is coded as one this says only in which order it may be shown.
      return isCodedAsFields || struct < 3 ? 'interlaced' : 'unknown';
    }
  }
  return undefined;
}

/** ct_type of the first clock time stamp: 0 progressive, 1 interlaced, 2 unknown. */
function clockScan(bits: BitReader, struct: number): Scan | undefined {
  for (let i = 0; i < (CLOCKS[struct] ?? 0); i++) {
    if (!bits.flag()) continue;
    const type = bits.u(2);
    return type === 0 ? 'progressive' : type === 1 ? 'interlaced' : undefined;
  }
  return undefined;
}

const PROGRESSIVE_SOURCE = 0x80;
const INTERLACED_SOURCE = 0x40;

function lookHevc(record: Uint8Array): Look {
  const [first] = parseHvcC(record).sps;
  const sps = first && parseHevcSps(first);
  if (!sps) return always('progressive');
  const flags = sps.ptl.constraints[0]!;
  if (sps.fields) return always('interlaced');
  if ((flags & INTERLACED_SOURCE) === 0) return always('progressive');
  if ((flags & PROGRESSIVE_SOURCE) === 0) return always('interlaced');
  // Both: each picture says it (H.265, 7.4.4).
  return (data) => hevcTiming(data, sps);
}

/** source_scan_type: 0 interlaced, 1 progressive, 2 unknown. */
function hevcTiming(data: Uint8Array, { saysScan }: HevcSps): Scan | undefined {
  if (!saysScan) return undefined;
  for (const [start, end] of nalsOf(data)) {
    if (hevcNalType(data[start]!) !== HEVC_PREFIX_SEI) continue;
    messages.open(data, start + 2, end);
    while (messages.next()) {
      if (messages.type !== PICTURE_TIMING || messages.start >= messages.end) continue;
      const type = (messages.bytes[messages.start]! >> 2) & 3;
      return type === 0 ? 'interlaced' : type === 1 ? 'progressive' : undefined;
    }
  }
  return undefined;
}

/** The NAL units of a sample, each after its length. */
function* nalsOf(data: Uint8Array): Generator<readonly [start: number, end: number]> {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  for (let at = 0; at + LENGTH_BYTES < data.length; ) {
    const start = at + LENGTH_BYTES;
    const end = start + view.getUint32(at);
    if (end > data.length || end <= start) return;
    yield [start, end];
    at = end;
  }
}

/** Whether each picture of HEVC is one field of half the height: nothing puts two together. */
export function hasFieldPictures({ codec, record }: Pick<VideoConfig, 'codec' | 'record'>): boolean {
  if (codec !== 'hevc') return false;
  try {
    return parseHvcC(record).sps.some((nal) => parseHevcSps(nal).fields === true);
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
