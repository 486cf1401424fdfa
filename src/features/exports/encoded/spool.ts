/**
 * The encoded frames of one track in a temporary file: a file that begins with its index is written when all
 * of them are known.
 * In: frames of an encoder. Out: samples in decode order, with or without their bytes.
 */

import type { MediaTrack } from '@oxbow/media/file/file-tracks';
import type { FileSample } from '@oxbow/media/file/joiner';
import type { Frame } from '@oxbow/media/frame';
import { Column } from '@oxbow/media/isobmff/movie/sample-table';
import type { SegmentStore, SegmentWriter } from '../../../archive/segment-store.ts';
import { segmentLocation } from '../../../archive/segment-store.ts';
import { OxbowError } from '../../../lib/errors.ts';

/** Frames that wait for the disk: beyond that, the encoder gets no input. Bytes. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** The frames of one track. Disposing deletes them. */
export class Spool implements AsyncDisposable {
  /** Known before the first frame. */
  track: MediaTrack | undefined;
  readonly #store: SegmentStore;
  readonly #writer: SegmentWriter;
  readonly #dts = new Column(new Float64Array(256));
  readonly #pts = new Column(new Float64Array(256));
  readonly #keys = new Column(new Uint8Array(256));
  /** Where each frame begins in the file. */
  readonly #offsets = new Column(new Float64Array(256));
  #length = 0;
  #lastDuration = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  private constructor(store: SegmentStore, writer: SegmentWriter) {
    this.#store = store;
    this.#writer = writer;
  }

  /** Creates the file; of an earlier try nothing is left. */
  static async open(store: SegmentStore, name: string): Promise<Spool> {
    const location = segmentLocation(name);
    await store.delete(location); // A process that was killed may have left one.
    return new Spool(store, await store.create(location, [], { sync: false }));
  }

  /** Number of frames. */
  get count(): number {
    return this.#dts.length;
  }

  /** Adds the next frame, whose clock shows `startTicks` at time 0. */
  push({ dts, pts, duration, key, data }: Frame, startTicks: number): void {
    this.#dts.push(dts - startTicks);
    this.#pts.push(pts - startTicks);
    this.#keys.push(key ? 1 : 0);
    this.#offsets.push(this.#length);
    this.#length += data.length;
    this.#lastDuration = duration;
    this.#waiting.push(data);
    this.#waitingBytes += data.length;
  }

  /** Writes the waiting data, if it is much. One call at a time. */
  async ready(): Promise<void> {
    if (this.#waitingBytes > MAX_WAITING_BYTES) await this.#flush();
  }

  /** No frame follows. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#writer.finish();
  }

  /** Decode time of a frame, seconds. */
  atS(index: number): number {
    return this.#dts.at(index) / this.track!.timescale;
  }

  /** The frames from `from` up to before `to`. */
  async samples(from: number, to: number, { withBytes }: { readonly withBytes: boolean }): Promise<FileSample[]> {
    const offset = from < this.count ? this.#offsets.at(from) : this.#length;
    const end = to < this.count ? this.#offsets.at(to) : this.#length;
    const bytes =
      withBytes && end > offset
        ? await this.#store.read(this.#writer.location, { offset, length: end - offset })
        : undefined;
    const samples: FileSample[] = [];
    for (let i = from; i < to; i++) {
      const start = this.#offsets.at(i);
      const next = i + 1 < this.count ? this.#offsets.at(i + 1) : this.#length;
      const dts = this.#dts.at(i);
      samples.push({
        dts,
        pts: this.#pts.at(i),
        key: this.#keys.at(i) === 1,
        length: next - start,
        duration: i + 1 < this.count ? this.#dts.at(i + 1) - dts : this.#lastDuration,
        data: bytes?.subarray(start - offset, next - offset),
      });
    }
    return samples;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#store.delete(this.#writer.location);
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (waiting.length === 0) return;
    await this.#writer.append(waiting).catch((error: unknown) => {
      throw new OxbowError('disk-failed', 'The encoded pictures cannot be stored.', { cause: error });
    });
  }
}
