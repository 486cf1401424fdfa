/**
 * Writes the `source` rendition: chunk files in memory, each sent when it is sealed.
 * In: groups of frames. Out: outputs `source/{first MSN}.mp4` of the job. docs/decisions/0030.
 */

import type { Track } from '@oxbow/media/frame';
import type { Init } from '@oxbow/media/segment';
import { PieceStore } from '../../archive/piece-store.ts';
import type { WorkerContext } from '../../jobs/worker-job.ts';
import { assetInit, assetSegment } from '../asset-segment.ts';
import { ChunkFiles, type SealedFile } from '../chunk-files.ts';
import type { CutGroup } from './cutter.ts';

/** Of one chunk file: one is sent while the next is written, and both are in memory. */
const CHUNK_BYTES = 32 * 1024 * 1024;

/** Options of {@link SourceWriter}. */
interface SourceWriterOptions {
  readonly context: WorkerContext;
  readonly assetId: string;
  readonly rendition: string;
  readonly tracks: readonly Track[];
}

/** Writes one rendition. One call at a time. */
export class SourceWriter implements AsyncDisposable {
  readonly #options: SourceWriterOptions;
  readonly #init: Init;
  readonly #store = new PieceStore();
  readonly #files: ChunkFiles;
  #msn = 1;
  #bytes = 0;
  /** The file before, which may still be on its way. */
  #sending: Promise<void> = Promise.resolve();

  constructor(options: SourceWriterOptions) {
    this.#options = options;
    const { assetId, rendition, tracks } = options;
    this.#init = assetInit(tracks);
    this.#files = new ChunkFiles({
      store: this.#store,
      assetId,
      rendition,
      init: this.#init,
      maxBytes: CHUNK_BYTES,
      sealed: (file) => this.#send(file),
    });
  }

  /** Bytes of the files that were sent. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Writes the next group. */
  async write({ startUs, durationUs, run, frames }: CutGroup): Promise<void> {
    const msn = this.#msn++;
    const { tracks } = this.#options;
    const segments = tracks.flatMap((track, index) => {
      const trackFrames = frames.get(track.id);
      return trackFrames ? assetSegment(track, trackFrames, msn, { index, count: tracks.length }) : [];
    });
    if (segments.length === 0) return;
    const chunk = await this.#files.for(msn, startUs);
    await chunk.append({
      msn,
      run,
      init: this.#init,
      startUs,
      durationUs,
      discontinuity: false,
      discontinuitySequence: 0,
      tracks: segments,
      gaps: [],
    });
  }

  /** Sends the last file; resolves when all have arrived. */
  async finish(): Promise<void> {
    await this.#files.seal();
    await this.#sending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
    await this.#sending.catch(() => undefined); // Reported by the call that waits for it.
  }

  /** Begins to send a file, when the one before has arrived. */
  async #send({ location, length, firstMsn }: SealedFile): Promise<void> {
    await this.#sending;
    const { context, rendition } = this.#options;
    const pieces = this.#store.pieces(location);
    this.#sending = context
      .send(`${rendition}/${firstMsn}.mp4`, () => each(pieces))
      .then(() => this.#store.delete(location));
    this.#sending.catch(() => undefined); // Reported by the call that waits for it.
    this.#bytes += length;
  }
}

async function* each(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
