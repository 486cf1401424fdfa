/**
 * Encrypts movie fragments: samples of video by subsamples with a pattern, all others as a whole.
 * In: moof and mdat pairs as `printFragment` writes them, the key and configuration of each track. Out: new
 * bytes with `senc`, `saiz` and `saio`. Pure. ISO/IEC 23001-7, 7.2, 9.6, 9.7 and 10.4; ISO/IEC 14496-12,
 * 8.7.8.
 */
import { concatBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { Track } from '../frame.ts';
import { type Box, BoxWriter, needBox, readBoxes, u32At } from '../isobmff/box.ts';
import { parseMoof, type TrackFragment } from '../isobmff/fragment-reader.ts';
import { ClearRanges, type Subsample } from './clear-ranges.ts';
import { BLOCK, type CbcEncrypt, type ContentKey, VIDEO_PATTERN } from './protection.ts';

/** What encrypts the fragments of an init section. */
export interface FragmentProtection {
  /** All that there are fragments of. */
  readonly tracks: readonly Track[];
  /** The key of a track; undefined leaves it clear. */
  readonly keyOf: (track: Track) => ContentKey | undefined;
  readonly encrypt: CbcEncrypt;
}

/** Use of senc flags: subsamples. */
const SUBSAMPLES = 2;
/** Bytes of a senc before its samples, and of a saio with one offset of 32 bits. */
const SENC_HEAD = 16;
const SAIO = 20;
const DATA_OFFSET = 1;
const BASE_IS_MOOF = 0x020000;

/** Encrypts the fragments of one segment or part. Keeps no bytes of it. */
export class FragmentEncryption {
  readonly #protection: FragmentProtection;
  readonly #ranges = new Map<number, ClearRanges>();

  constructor(protection: FragmentProtection) {
    this.#protection = protection;
  }

  /**
   * @param bytes complete boxes; boxes other than moof and mdat are kept. Not changed
   * @returns a new array
   * @throws FormatError if a fragment is malformed or is not of the form that oxbow writes
   * @throws OxbowError `unsupported-media` for video other than H.264 and HEVC
   */
  encrypt(bytes: Uint8Array): Uint8Array {
    const boxes = readBoxes(bytes);
    const pieces: Uint8Array[] = [];
    for (let i = 0; i < boxes.length; i++) {
      const box = boxes[i]!;
      const mdat = boxes[i + 1];
      if (box.type !== 'moof') pieces.push(bytes.subarray(box.start, box.end));
      else if (mdat?.type !== 'mdat') throw new FormatError("'moof' without the 'mdat' after it", box.start);
      else {
        pieces.push(...this.#encryptFragment(bytes, box, mdat));
        i++;
      }
    }
    return concatBytes(pieces);
  }

  #encryptFragment(bytes: Uint8Array, moof: Box, mdat: Box): Uint8Array[] {
    const media = bytes.slice(mdat.start, mdat.end);
    const children = readBoxes(bytes, moof.body, moof.end);
    const trafs = children.filter(({ type }) => type === 'traf');
    const fragments = parseMoof(bytes, moof);
    const added = fragments.map((fragment, i) => {
      const track = this.#protection.tracks.find(({ id }) => id === fragment.trackId);
      const key = track && this.#protection.keyOf(track);
      if (!track) throw new FormatError(`a fragment of the unknown track ${fragment.trackId}`, moof.start);
      if (!key) return undefined;
      const ranges = track.kind === 'video' ? this.#rangesOf(track) : undefined;
      const subsamples = this.#encryptSamples(media, fragment, { ranges, key, moof, mdat });
      return ranges && auxiliary(subsamples, trafs[i]!.end - moof.start);
    });
    return [printMoof(bytes, moof, children, added), media];
  }

  #rangesOf(track: Extract<Track, { kind: 'video' }>): ClearRanges {
    const ranges = this.#ranges.get(track.id) ?? new ClearRanges(track.config);
    this.#ranges.set(track.id, ranges);
    return ranges;
  }

  /** Encrypts in place; returns the subsamples of each sample. */
  #encryptSamples(
    media: Uint8Array,
    { offsets, sizes }: TrackFragment,
    { ranges, key, moof, mdat }: { ranges: ClearRanges | undefined; key: ContentKey; moof: Box; mdat: Box },
  ): Subsample[][] {
    return sizes.map((size, i) => {
      const start = moof.start + offsets[i]! - mdat.start;
      const end = start + size;
      if (start < mdat.body - mdat.start || end > media.length) {
        throw new FormatError("a sample is outside the 'mdat' of its fragment", moof.start);
      }
      if (!ranges) {
        const whole = size - (size % BLOCK);
        if (whole > 0)
          media.set(this.#protection.encrypt(key.key, key.iv, media.subarray(start, start + whole)), start);
        return [];
      }
      const subsamples = ranges.divide(media, start, end);
      let at = start;
      for (const { clear, protected: hidden } of subsamples) {
        this.#encryptPattern(media.subarray(at + clear, at + clear + hidden), key);
        at += clear + hidden;
      }
      return subsamples;
    });
  }

  /** One block of ten, in a chain that begins with the IV (10.4.2); an incomplete last block stays clear. */
  #encryptPattern(range: Uint8Array, { key, iv }: ContentKey): void {
    const step = BLOCK * (VIDEO_PATTERN.crypt + VIDEO_PATTERN.skip);
    const count = Math.floor((range.length + step - BLOCK) / step);
    if (count === 0) return;
    const blocks = new Uint8Array(count * BLOCK);
    for (let i = 0; i < count; i++) blocks.set(range.subarray(i * step, i * step + BLOCK), i * BLOCK);
    const encrypted = this.#protection.encrypt(key, iv, blocks);
    for (let i = 0; i < count; i++) range.set(encrypted.subarray(i * BLOCK, (i + 1) * BLOCK), i * step);
  }
}

/** What is added to a traf: boxes, and where the offset in its saio is, from their start. */
interface Added {
  readonly bytes: Uint8Array;
  /** Place of the offset of the saio in `bytes`. */
  readonly offsetAt: number;
  /** That offset, from the start of the moof, before earlier trafs grow. */
  readonly offset: number;
}

/**
 * The boxes with the subsamples of a traf.
 *
 * @param at end of the traf, from the start of the moof
 */
function auxiliary(samples: readonly Subsample[][], at: number): Added {
  const sizes = samples.map((subsamples) => 2 + 6 * subsamples.length);
  const saizLength = 17 + sizes.length;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const writer = new BoxWriter(new Uint8Array(saizLength + SAIO + SENC_HEAD + total));
  const saiz = writer.openFull('saiz', 0, 0);
  writer.u8(0); // each sample has its size
  writer.u32(sizes.length);
  for (const size of sizes) writer.u8(size);
  writer.close(saiz);
  const saio = writer.openFull('saio', 0, 0);
  writer.u32(1);
  const offsetAt = writer.offset;
  const offset = at + saizLength + SAIO + SENC_HEAD;
  writer.u32(offset);
  writer.close(saio);
  const senc = writer.openFull('senc', 0, SUBSAMPLES);
  writer.u32(samples.length);
  for (const subsamples of samples) {
    writer.u16(subsamples.length);
    for (const { clear, protected: hidden } of subsamples) {
      writer.u16(clear);
      writer.u32(hidden);
    }
  }
  writer.close(senc);
  return { bytes: writer.bytes.subarray(0, writer.offset), offsetAt, offset };
}

/** Writes a moof again, with boxes at the end of its trafs. */
function printMoof(
  bytes: Uint8Array,
  moof: Box,
  children: readonly Box[],
  added: readonly (Added | undefined)[],
): Uint8Array {
  const growth = added.reduce((sum, addition) => sum + (addition?.bytes.length ?? 0), 0);
  const writer = new BoxWriter(new Uint8Array(moof.end - moof.start + growth));
  writer.u32(moof.end - moof.start + growth);
  writer.fourcc('moof');
  let before = 0;
  let index = 0;
  for (const child of children) {
    if (child.type !== 'traf') {
      writer.raw(bytes.subarray(child.start, child.end));
      continue;
    }
    const addition = added[index++];
    const start = writer.offset;
    writer.raw(bytes.subarray(child.start, child.end));
    const view = new DataView(writer.bytes.buffer);
    moveData(bytes, child, { view, shift: start - child.start, growth });
    if (!addition) continue;
    view.setUint32(start, child.end - child.start + addition.bytes.length);
    const at = writer.offset;
    writer.raw(addition.bytes);
    view.setUint32(at + addition.offsetAt, addition.offset + before);
    before += addition.bytes.length;
  }
  return writer.bytes;
}

/** Moves the data offsets of the truns of a traf. */
function moveData(bytes: Uint8Array, traf: Box, to: { view: DataView; shift: number; growth: number }): void {
  const boxes = readBoxes(bytes, traf.body, traf.end);
  const tfhd = needBox(boxes, 'tfhd', traf);
  if ((u32At(bytes, tfhd.body) & BASE_IS_MOOF) === 0)
    throw new FormatError("'tfhd' without default-base-is-moof", tfhd.start);
  for (const { type, body } of boxes) {
    if (type !== 'trun') continue;
    if ((u32At(bytes, body) & DATA_OFFSET) === 0) throw new FormatError("'trun' without a data offset", body);
    to.view.setInt32(body + 8 + to.shift, u32At(bytes, body + 8) + to.growth);
  }
}
