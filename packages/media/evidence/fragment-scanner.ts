/**
 * Reads the samples of a file of movie fragments, fragment by fragment. A fragment must be the one that a
 * clip writes for its samples, so that every byte of its head is accounted for.
 * In: a file that is read by ranges. Out: samples of each track. ISO/IEC 14496-12, 8.8;
 * docs/5-record/evidence.md, "Clips".
 */
import { FormatError } from '../errors.ts';
import type { Frame } from '../frame.ts';
import { type Box, readBoxes, readBoxHead } from '../isobmff/box.ts';
import { loneSlot, printFragment, sequenceNumber } from '../isobmff/fragment.ts';
import { addFragment, type SegmentSample } from '../isobmff/segment-frames.ts';
import type { FileRanges, FileSample } from './file-parts.ts';
import { WaitingSamples } from './waiting-samples.ts';

/** Largest fragment that is read, bytes: a segment. */
const MAX_FRAGMENT_BYTES = 256 * 1024 * 1024;
/** Offset of the number in a moof: headers of `moof` and `mfhd`, version and flags. */
const NUMBER_AT = 20;

/** The fragments of a file. */
export class FragmentScanner {
  readonly #file: FileRanges;
  readonly #end: number;
  readonly #waiting: WaitingSamples;
  #at: number;
  /** Position of the segment in the file, and of the fragment in it. */
  #segment = -1;
  #fragment = 0;
  #isFreeAllowed = false;

  /** @param trackIds tracks of the moov; a fragment of another one is refused */
  constructor(file: FileRanges, { at, end }: { readonly at: number; readonly end: number }, trackIds: Set<number>) {
    this.#file = file;
    this.#at = at;
    this.#end = end;
    this.#waiting = new WaitingSamples(trackIds);
  }

  /**
   * The next sample of a track, in decode order; undefined after the last.
   *
   * @throws FormatError for a fragment that no clip has; what `read` throws
   */
  next(trackId: number): Promise<FileSample | undefined> {
    return this.#waiting.next(trackId, () => this.#readMore());
  }

  async #readMore(): Promise<boolean> {
    if (this.#at >= this.#end) return false;
    await this.#read();
    return true;
  }

  /** Reads the next box, or the next fragment with its media. */
  async #read(): Promise<void> {
    const at = this.#at;
    const head = await this.#headAt(at);
    if (head.type === 'free' && this.#isFreeAllowed) return this.#skipFree(head.size);
    if (head.type !== 'moof') throw new FormatError(`a '${head.type}' between fragments`, at);
    const media = await this.#headAt(at + head.size);
    const length = head.size + media.size;
    if (media.type !== 'mdat' || media.headLength !== 8) throw new FormatError('a moof without its mdat', at);
    if (length > MAX_FRAGMENT_BYTES) throw new FormatError(`a fragment of ${length} bytes`, at);
    const bytes = await this.#file.read(at, length);
    if (bytes.length < length) throw new FormatError('a fragment is cut off', at);
    const samples = this.#parse(bytes, head.size, at);
    for (const { trackId, dts, pts, key, offset, length: sampleLength } of samples) {
      const sample = { dts, composition: pts - dts, key, offset: at + offset, length: sampleLength };
      if (!this.#waiting.add(trackId, sample)) throw new FormatError(`a fragment of track ${trackId}`, at);
    }
    this.#waiting.check(at);
    this.#at += length;
    this.#isFreeAllowed = true;
  }

  async #headAt(at: number) {
    const head = readBoxHead(await this.#file.read(at, Math.min(16, this.#end - at)), 0);
    if (!head || at + head.size > this.#end) throw new FormatError('a fragment is cut off', at);
    return head;
  }

  /** What a clip leaves free in place of the heads that it joined: zeros. */
  async #skipFree(size: number): Promise<void> {
    if (size > MAX_FRAGMENT_BYTES) throw new FormatError(`a 'free' of ${size} bytes`, this.#at);
    const bytes = await this.#file.read(this.#at, size);
    if (bytes.length < size || bytes.subarray(8).some((byte) => byte !== 0)) {
      throw new FormatError("a 'free' that is not empty", this.#at);
    }
    this.#at += size;
    this.#isFreeAllowed = false;
  }

  /** The samples of a fragment, if it is what a clip writes for them. */
  #parse(bytes: Uint8Array, moofBytes: number, at: number): readonly SegmentSample[] {
    const moof: Box = { type: 'moof', start: 0, body: 8, end: moofBytes };
    const samples: SegmentSample[] = [];
    const isRead = readBoxes(bytes, 8, moofBytes).length === 2;
    if (!isRead || !addFragment(samples, bytes, moof, { moofAt: 0, segmentLength: bytes.length })) {
      throw new FormatError('a fragment is not of one track, in order', at);
    }
    const [first] = samples;
    const total = samples.reduce((sum, { length }) => sum + length, 0);
    if (!first || total !== bytes.length - moofBytes - 8) throw new FormatError('a fragment has other bytes', at);
    const frames = samples.map(({ offset, length, ...sample }): Frame => {
      return Object.assign(sample, { data: bytes.subarray(offset, offset + length) });
    });
    const printed = new Uint8Array(bytes.length);
    const sequence = this.#number(new DataView(bytes.buffer, bytes.byteOffset).getUint32(NUMBER_AT), at);
    try {
      printFragment(printed, 0, { sequence, trackId: first.trackId, tfdt: first.dts, frames });
    } catch {
      // The head has more or fewer fields than these samples need.
      throw new FormatError('a fragment has a head that no clip has', at);
    }
    for (let i = 0; i < moofBytes + 8; i++) {
      if (printed[i] !== bytes[i]) throw new FormatError('a fragment has a head that no clip has', at + i);
    }
    return samples;
  }

  /** Checks the number of a fragment: the next one of its segment, or the first of the next segment. */
  #number(number: number, at: number): number {
    if (this.#segment >= 0 && number === sequenceNumber(this.#segment, loneSlot, this.#fragment + 1)) {
      this.#fragment++;
      return number;
    }
    if (number !== sequenceNumber(++this.#segment, loneSlot, 0)) {
      throw new FormatError(`a fragment has the number ${number}`, at);
    }
    this.#fragment = 0;
    return number;
  }
}
