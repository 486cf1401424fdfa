/**
 * Sample entries of video: avc1, avc3, hvc1, hev1, av01, vp09.
 * In: a VideoConfig, or an entry of an stsd. Out: box bytes, or a configuration. Pure.
 * ISO/IEC 14496-12, 12.1.3; 14496-15, 5.4.2 and 8.4.1; AV1 in ISO BMFF, 2.2; VP codecs in ISO BMFF,
 * "VP9 Sample Entry".
 */

import { av1Codecs } from '../../av1/av1c.ts';
import { ByteReader } from '../../bytes.ts';
import { withColourInfo } from '../../colour/colours.ts';
import { FormatError } from '../../errors.ts';
import type { VideoConfig } from '../../frame.ts';
import { vp9Codecs } from '../../vp9/vpcc.ts';
import { type Box, type BoxWriter, needBox, readBoxes } from '../box.ts';
import { avcCodecs, hevcCodecs } from './codecs.ts';
import { parseColourBoxes, printColourBoxes } from './colour-boxes.ts';
import type { SampleEntry } from './entry.ts';

/**
 * VP8 and MPEG-2 are converted before the stream: an entry of VP8 is written only for the picture of a probe,
 * one of MPEG-2 never.
 */
type StoredCodec = Exclude<VideoConfig['codec'], 'vp8' | 'mpeg2'>;

/** Sample entry and configuration box to write, by codec. */
const NAMES: Readonly<Record<VideoConfig['codec'], { readonly entry: string; readonly record: string }>> = {
  h264: { entry: 'avc1', record: 'avcC' },
  hevc: { entry: 'hvc1', record: 'hvcC' },
  av1: { entry: 'av01', record: 'av1C' },
  vp9: { entry: 'vp09', record: 'vpcC' },
  vp8: { entry: 'vp08', record: 'vpcC' },
  mpeg2: { entry: 'mp4v', record: 'esds' },
};

/** Codecs by sample entry. */
const CODECS: ReadonlyMap<string, StoredCodec> = new Map([
  ['avc1', 'h264'],
  ['avc3', 'h264'],
  ['hvc1', 'hevc'],
  ['hev1', 'hevc'],
  ['av01', 'av1'],
  ['vp09', 'vp9'],
]);

/** Writes the entry of a video track. */
export function printVideoEntry(writer: BoxWriter, config: VideoConfig): void {
  const names = NAMES[config.codec];
  const entry = writer.open(names.entry);
  writer.zeros(6);
  writer.u16(1); // data_reference_index
  writer.zeros(16);
  writer.u16(config.width);
  writer.u16(config.height);
  writer.u32(0x00480000); // 72 dpi, both ways
  writer.u32(0x00480000);
  writer.u32(0);
  writer.u16(1); // frames per sample
  writer.zeros(32); // compressor name
  writer.u16(24);
  writer.u16(0xffff);
  if (config.record.length > 0) {
    const record = writer.open(names.record);
    writer.raw(config.record);
    writer.close(record);
  }
  printColourBoxes(writer, config);
  writer.close(entry);
}

/**
 * Reads an entry of a video track.
 *
 * @param entry the box within `bytes`
 * @returns undefined for an entry of something else
 * @throws FormatError if it is malformed
 */
export function parseVideoEntry(bytes: Uint8Array, entry: Box): SampleEntry | undefined {
  const codec = CODECS.get(entry.type);
  if (!codec) return undefined;
  const reader = new ByteReader(bytes, `'${entry.type}'`, entry.body, entry.end);
  reader.skip(24);
  const width = reader.u16();
  const height = reader.u16();
  reader.skip(50);
  const boxes = readBoxes(bytes, reader.offset, entry.end);
  const box = needBox(boxes, NAMES[codec].record, entry);
  const record = new Uint8Array(bytes.subarray(box.body, box.end)); // a copy: of a Buffer, slice() would not be one
  const codecs = codecsOf(codec, record, width, height);
  const inBand = entry.type === 'avc3' || entry.type === 'hev1';
  const nalLengthBytes = codec === 'h264' || codec === 'hevc' ? takeLength(codec, record, box) : 4;
  const config = withColourInfo({ codec, record, codecs, width, height }, parseColourBoxes(bytes, boxes));
  return { kind: 'video', config, nalLengthBytes, inBand };
}

function codecsOf(codec: StoredCodec, record: Uint8Array, width: number, height: number): string {
  switch (codec) {
    case 'h264':
      return avcCodecs(record);
    case 'hevc':
      return hevcCodecs(record);
    case 'av1':
      return av1Codecs(record);
    case 'vp9':
      return vp9Codecs(record, width, height);
  }
}

/** The length of NAL unit lengths, which the record is changed to give as 4. */
function takeLength(codec: 'h264' | 'hevc', record: Uint8Array, box: Box): number {
  const at = codec === 'hevc' ? 21 : 4;
  const length = (record[at]! & 3) + 1;
  if (length === 3) throw new FormatError('NAL unit lengths of 3 bytes are not allowed', box.body + at);
  record[at]! |= 3;
  return length;
}
