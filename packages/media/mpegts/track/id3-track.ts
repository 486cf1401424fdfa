/**
 * ID3 tags of one PID, the timed metadata of HLS.
 * In: PES units; a tag may continue in units without a time. Out: tags, each with the time of its PES.
 * ID3v2.4, 3.1; Timed Metadata for HTTP Live Streaming, 2; ISO/IEC 13818-1, 2.12.4 (metadata access units).
 */
import { concatBytes } from '../../bytes.ts';
import { id3Length } from '../../id3/tag.ts';
import type { Elementary, ElementaryOutput } from '../elementary.ts';
import type { PesHeader } from '../pes.ts';
import type { DataTrack } from './data-track.ts';

const MAX_TAG_BYTES = 1024 * 1024;
/** Most PES packets of one tag. */
const MAX_PIECES = 4096;
const TAG_HEADER_BYTES = 10;
/** Header of a metadata access unit cell, which some put before a tag. */
const CELL_HEADER_BYTES = 5;

/** Creates frames of one stream of tags. */
export class Id3Track implements Elementary {
  readonly #track: DataTrack;
  readonly #out: Pick<ElementaryOutput, 'damage'>;
  /** The beginning of an incomplete tag. */
  #partial: { readonly pts: number; readonly pieces: Uint8Array[]; bytes: number } | undefined;

  constructor(track: DataTrack, out: Pick<ElementaryOutput, 'damage'>) {
    this.#track = track;
    this.#out = out;
  }

  header(): void {}

  unit(header: PesHeader, bytes: Uint8Array, from: number, to: number): void {
    const partial = this.#partial;
    this.#partial = undefined;
    if (header.pts !== undefined) {
      if (partial) this.#out.damage('an ID3 tag was cut off');
      this.#split(bytes.slice(from, to), header.pts);
    } else if (partial && partial.bytes + to - from <= MAX_TAG_BYTES && partial.pieces.length < MAX_PIECES) {
      // Parsed again only when the tag can be complete: many small pieces cost no more than their bytes.
      partial.pieces.push(bytes.slice(from, to));
      partial.bytes += to - from;
      const head = partial.pieces[0]!;
      const size = id3Length(head);
      const wanted = typeof size === 'number' ? size : TAG_HEADER_BYTES;
      if (partial.bytes < wanted) this.#partial = partial;
      else this.#split(concatBytes(partial.pieces), partial.pts);
    } else {
      this.#out.damage('metadata without a time');
    }
  }

  lost(): void {
    this.#partial = undefined;
  }

  flush(): void {
    if (this.#partial) this.#out.damage('an ID3 tag was cut off');
    this.#partial = undefined;
    this.#track.settle();
  }

  restart(): void {
    this.#partial = undefined;
    this.#track.restart();
  }

  /** Tags of one time, one after the other. */
  #split(bytes: Uint8Array, pts: number): void {
    let at = 0;
    if (id3Length(bytes) === undefined && id3Length(bytes, CELL_HEADER_BYTES) !== undefined) at = CELL_HEADER_BYTES;
    while (at < bytes.length) {
      const size = id3Length(bytes, at);
      if (size === 'short' || (size !== undefined && size <= MAX_TAG_BYTES && at + size > bytes.length)) {
        this.#partial = { pts, pieces: [bytes.subarray(at)], bytes: bytes.length - at };
        return;
      }
      if (size === undefined || size > MAX_TAG_BYTES) {
        this.#out.damage(`${bytes.length - at} bytes of metadata that are no ID3 tag`);
        return;
      }
      this.#track.take(pts, bytes.subarray(at, at + size));
      at += size;
    }
  }
}
