/**
 * One track of a range of a recording as an MP4 that exists only while it is read: an encoder reads it like a
 * file.
 * In: sections of an export. Out: bytes at any position, fast in order. Times in it are those of the joined
 * range.
 */

import type { FileTrack, FileTracks } from '@oxbow/media/file/file-tracks';
import { layOut } from '@oxbow/media/file/layout';
import type { RangeReader } from '../../../archive/range-reader.ts';
import {
  type ExportedPart,
  type ReadBatch,
  type Section,
  SectionReader,
} from '../../../delivery/export/export-sections.ts';
import type { StreamInput } from '../../../ffmpeg/stream-input.ts';

/** Batches that stay in memory behind the newest. */
const KEPT = 2;

/** Options of {@link openFilm}. */
interface FilmOptions {
  readonly sections: readonly Section[];
  /** All tracks of the sections. */
  readonly tracks: FileTracks;
  /** The one that the film has. */
  readonly fileTrack: FileTrack;
  readonly reader: Pick<RangeReader, 'read'>;
  readonly signal: AbortSignal;
}

/** A film. Disposing ends a read in progress. */
export interface Film extends StreamInput, AsyncDisposable {
  /** Number of its samples; a film without any cannot be read. */
  readonly samples: number;
  /** End of the longest track of the sections, seconds. */
  readonly seconds: number;
  /** Continuous parts of the sections. */
  readonly parts: readonly ExportedPart[];
}

/** Plans the film: reads the sample tables of all sections. */
export async function openFilm({ sections, tracks, fileTrack, reader, signal }: FilmOptions): Promise<Film> {
  const isOwn = ({ place }: ReadBatch['batch'][number]) => place.fileTrack === fileTrack;
  const layout = layOut('mp4', tracks, { recordedMs: 0, trim: false });
  const options = { reader, inBand: tracks.changes, signal };
  const looking = new SectionReader();
  let samples = 0;
  let length = 0;
  for await (const { batch } of looking.read(sections, { ...options, withBytes: false })) {
    const lines = batch.filter(isOwn);
    layout.look(lines);
    for (const line of lines) {
      samples += line.samples.length;
      for (const sample of line.samples) length += sample.length;
    }
  }
  const header = samples > 0 ? layout.header() : new Uint8Array(0);
  const window = new FilmWindow(async function* () {
    const withBytes = (place: { readonly fileTrack: FileTrack }) => place.fileTrack === fileTrack;
    for await (const { batch } of new SectionReader().read(sections, { ...options, withBytes })) {
      const bytes = Buffer.concat(layout.print(batch.filter(isOwn)));
      if (bytes.length > 0) yield bytes;
    }
  });
  return {
    samples,
    seconds: looking.seconds,
    parts: looking.parts,
    length: header.length + length,
    read: async (offset, count) =>
      offset < header.length ? header.subarray(offset, offset + count) : window.read(offset - header.length, count),
    [Symbol.asyncDispose]: () => window.close(),
  };
}

/** The newest bytes of a sequence, which is read again from its start for bytes before them. */
class FilmWindow {
  readonly #open: () => AsyncGenerator<Uint8Array>;
  #pieces: AsyncGenerator<Uint8Array> | undefined;
  #kept: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  #end = 0;

  constructor(open: () => AsyncGenerator<Uint8Array>) {
    this.#open = open;
  }

  /** At least one byte, unless the sequence has ended. */
  async read(at: number, count: number): Promise<Uint8Array> {
    if (at < (this.#kept[0]?.at ?? this.#end)) await this.close();
    while (at >= this.#end) {
      this.#pieces ??= this.#open();
      const { value, done } = await this.#pieces.next();
      if (done) return new Uint8Array(0);
      this.#kept.push({ at: this.#end, bytes: value });
      this.#end += value.length;
      if (this.#kept.length > KEPT) this.#kept.shift();
    }
    const piece = this.#kept.find(({ at: start, bytes }) => at >= start && at < start + bytes.length)!;
    return piece.bytes.subarray(at - piece.at, at - piece.at + count);
  }

  async close(): Promise<void> {
    await this.#pieces?.return(undefined);
    this.#pieces = undefined;
    this.#kept = [];
    this.#end = 0;
  }
}
