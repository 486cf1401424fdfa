/**
 * Sample entries of audio: mp4a (AAC and MP3), .mp3, ac-3, ec-3, Opus, fLaC.
 * In: an AudioConfig, or an entry of an stsd. Out: box bytes, or a configuration. Pure.
 * ISO/IEC 14496-12, 12.2.3; 14496-14, 6.7 (mp4a, esds); 14496-1, 7.2.6; ETSI TS 102 366, annex F; Opus in ISO
 * BMFF, 4.3.1; FLAC in ISO BMFF, 3.3.1.
 */
import { ByteReader } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import { parseDfLa } from '../../flac/stream-info.ts';
import { foreignObject } from '../../foreign-codecs.ts';
import type { AudioConfig } from '../../frame.ts';
import { type Box, type BoxWriter, findBox, needBox, readBoxes } from '../box.ts';
import { type AudioShape, parseDac3, parseDec3, parseDOps } from './audio-records.ts';
import { parseAacConfig } from './codecs.ts';
import type { SampleEntry } from './entry.ts';

/** Codecs whose entry holds one box with their record. */
const BOXED = {
  ac3: { entry: 'ac-3', record: 'dac3', codecs: 'ac-3', parse: parseDac3 },
  eac3: { entry: 'ec-3', record: 'dec3', codecs: 'ec-3', parse: parseDec3 },
  opus: { entry: 'Opus', record: 'dOps', codecs: 'opus', parse: parseDOps },
  flac: { entry: 'fLaC', record: 'dfLa', codecs: 'fLaC', parse: parseShape },
} as const;
type Boxed = keyof typeof BOXED;

/** Of the field in a sample entry, Hz. */
const MOST_ENTRY_RATE = 0xffff;
/** objectTypeIndication (14496-1, table 5). */
const MPEG4_AUDIO = 0x40;
const MPEG2_AAC_FIRST = 0x66;
const MPEG2_AAC_LAST = 0x68;
const MPEG2_LAYER3 = 0x69;
const MPEG1_LAYER3 = 0x6b;
/** MPEG-2 has the rates below. */
const LEAST_MPEG1_RATE = 32_000;
/** MP3 as QuickTime files name it: `.mp3`, or the number it has in WAVE files. */
const MP3_ENTRIES: ReadonlySet<string> = new Set(['.mp3', 'ms\u0000U']);

/** Writes the entry of an audio track. */
export function printAudioEntry(writer: BoxWriter, config: AudioConfig): void {
  const boxed = isBoxed(config.codec) ? BOXED[config.codec] : undefined;
  const entry = writer.open(boxed?.entry ?? 'mp4a');
  writer.zeros(6);
  writer.u16(1); // data_reference_index
  writer.zeros(8);
  writer.u16(config.channels);
  writer.u16(config.codec === 'flac' ? parseDfLa(config.record).bitDepth : 16);
  writer.u32(0);
  writer.u32(entryRate(config) * 0x10000);
  if (boxed) {
    const record = writer.open(boxed.record);
    writer.raw(config.record);
    writer.close(record);
  } else {
    printEsds(writer, config);
  }
  writer.close(entry);
}

/**
 * Hz, of 16 bits: higher rates are found in the record. FLAC has the highest whole fraction that fits
 * instead.
 */
function entryRate({ codec, sampleRate }: AudioConfig): number {
  if (sampleRate <= MOST_ENTRY_RATE) return sampleRate;
  if (codec !== 'flac') return 0;
  let divisor = 2;
  while (divisor < 32 && (sampleRate % divisor !== 0 || sampleRate / divisor > MOST_ENTRY_RATE)) divisor++;
  return divisor < 32 ? sampleRate / divisor : 0;
}

function parseShape(record: Uint8Array): AudioShape {
  const { sampleRate, channels } = parseDfLa(record);
  return { sampleRate, channels };
}

function isBoxed(codec: AudioConfig['codec']): codec is Boxed {
  return codec in BOXED;
}

/** MP3 needs no configuration; its frames are self-contained. */
function printEsds(writer: BoxWriter, { codec, record, sampleRate }: AudioConfig): void {
  const specific = codec === 'aac' ? 5 + record.length : 0;
  const esds = writer.openFull('esds', 0, 0);
  descriptor(writer, 0x03, 3 + 5 + 13 + specific + 6);
  writer.u16(0); // ES_ID: 0 inside a file
  writer.u8(0);
  descriptor(writer, 0x04, 13 + specific);
  const layer3 = sampleRate < LEAST_MPEG1_RATE ? MPEG2_LAYER3 : MPEG1_LAYER3;
  writer.u8(codec === 'aac' ? MPEG4_AUDIO : layer3);
  writer.u8(0x15); // audio stream
  writer.zeros(11); // buffer size and bit rates: not known
  if (specific > 0) {
    descriptor(writer, 0x05, record.length);
    writer.raw(record);
  }
  descriptor(writer, 0x06, 1);
  writer.u8(0x02);
  writer.close(esds);
}

/** A descriptor's tag and its length in the four-byte form (14496-1, 8.3.3). */
function descriptor(writer: BoxWriter, tag: number, length: number): void {
  writer.u8(tag);
  writer.u8(0x80 | ((length >> 21) & 0x7f));
  writer.u8(0x80 | ((length >> 14) & 0x7f));
  writer.u8(0x80 | ((length >> 7) & 0x7f));
  writer.u8(length & 0x7f);
}

/**
 * Reads an entry of an audio track.
 *
 * @param entry the box within `bytes`
 * @returns undefined for an entry of something else
 * @throws FormatError if it is malformed
 */
export function parseAudioEntry(bytes: Uint8Array, entry: Box): SampleEntry | undefined {
  const codec = (Object.keys(BOXED) as Boxed[]).find((name) => BOXED[name].entry === entry.type);
  if (!codec && entry.type !== 'mp4a' && !MP3_ENTRIES.has(entry.type)) return undefined;
  const { boxes, channels, sampleRate } = parseFixed(bytes, entry);
  if (codec) {
    const { record: type, codecs, parse } = BOXED[codec];
    const box = needBox(boxes, type, entry);
    const record = new Uint8Array(bytes.subarray(box.body, box.end));
    return { kind: 'audio', config: { codec, record, codecs, ...parse(record) } };
  }
  if (entry.type !== 'mp4a') {
    const codecs = sampleRate < LEAST_MPEG1_RATE ? 'mp4a.69' : 'mp4a.6B';
    return mp3Entry(codecs, { sampleRate, channels }, entry);
  }
  const wave = findBox(boxes, 'wave');
  const esds = needBox(wave ? readBoxes(bytes, wave.body, wave.end) : boxes, 'esds', entry);
  const { objectType, record } = parseEsds(bytes, esds);
  if (objectType === MPEG1_LAYER3) return mp3Entry('mp4a.6B', { sampleRate, channels }, entry);
  if (objectType === MPEG2_LAYER3) return mp3Entry('mp4a.69', { sampleRate, channels }, entry);
  if (!record) {
    return { kind: 'unsupported', leftOut: foreignObject(objectType, 'audio') };
  }
  const config = parseAacConfig(record);
  return {
    kind: 'audio',
    config: {
      codec: 'aac',
      record,
      codecs: config.codecs,
      sampleRate: sampleRate || config.sampleRate,
      channels: config.channels || channels || 2,
    },
  };
}

function mp3Entry(codecs: string, { sampleRate, channels }: AudioShape, entry: Box): SampleEntry {
  if (sampleRate === 0) throw new FormatError(`'${entry.type}' does not say its sample rate`, entry.start);
  return {
    kind: 'audio',
    config: { codec: 'mp3', record: new Uint8Array(0), codecs, sampleRate, channels: channels || 2 },
  };
}

/** The fields that begin all audio entries, and the boxes after them. */
function parseFixed(bytes: Uint8Array, entry: Box): { boxes: Box[] } & AudioShape {
  const reader = new ByteReader(bytes, `'${entry.type}'`, entry.body, entry.end);
  reader.skip(8);
  const version = reader.u16(); // QuickTime; zero in ISO files
  reader.skip(6);
  const channels = reader.u16();
  reader.skip(6);
  const sampleRate = reader.u32() >>> 16;
  reader.skip(version === 1 ? 16 : version === 2 ? 36 : 0);
  return { boxes: readBoxes(bytes, reader.offset, entry.end), channels, sampleRate };
}

/**
 * What an esds describes; the AudioSpecificConfig, copied, where it is AAC.
 *
 * @param esds the box within `bytes`
 * @throws FormatError if it is malformed
 */
export function parseEsds(bytes: Uint8Array, esds: Box): { objectType: number; record?: Uint8Array } {
  const reader = new ByteReader(bytes, "'esds'", esds.body + 4, esds.end);
  const expect = (tag: number) => {
    const at = reader.offset;
    if (reader.u8() !== tag) throw new FormatError(`esds: descriptor ${tag} expected`, at);
    let length = 0;
    for (let i = 0; i < 4; i++) {
      const byte = reader.u8();
      length = length * 128 + (byte & 0x7f);
      if (byte < 0x80) break;
    }
    return length;
  };
  expect(0x03);
  reader.skip(2);
  const flags = reader.u8();
  if (flags & 0x80) reader.skip(2);
  if (flags & 0x40) reader.skip(reader.u8());
  if (flags & 0x20) reader.skip(2);
  expect(0x04);
  const objectType = reader.u8();
  reader.skip(12);
  // MPEG-2 AAC carries the same config as MPEG-4.
  const isAac = objectType === MPEG4_AUDIO || (objectType >= MPEG2_AAC_FIRST && objectType <= MPEG2_AAC_LAST);
  if (!isAac) return { objectType };
  const length = expect(0x05);
  return { objectType, record: new Uint8Array(reader.take(length)) };
}
