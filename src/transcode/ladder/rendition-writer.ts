/**
 * Writes the segments of one rendition into chunk files, and sends each as an output of the job.
 * In: segments. Out: outputs `{rendition}/{first MSN}.mp4`. docs/decisions/0030.
 */

import { assetRun } from '@oxbow/media/asset-time';
import type { Track } from '@oxbow/media/frame';
import { loneSlot } from '@oxbow/media/isobmff/fragment';
import type { Init } from '@oxbow/media/segment';
import type { SegmentStore } from '../../archive/segment-store.ts';
import type { WorkerContext } from '../../jobs/worker-job.ts';
import { assetInit, assetSegment } from '../asset-segment.ts';
import { ChunkFiles, type SealedFile } from '../chunk-files.ts';
import type { EncodedChunk } from './encode-job.ts';
import type { CutSegment } from './segment-cutter.ts';

/** Of one chunk file. */
const CHUNK_BYTES = 256 * 1024 * 1024;
/** Pieces in which a file is sent. */
const SEND_BYTES = 1024 * 1024;

/** Options of {@link RenditionWriter}. */
interface RenditionWriterOptions {
  readonly store: SegmentStore;
  readonly context: Pick<WorkerContext, 'send' | 'signal'>;
  readonly assetId: string;
  readonly rendition: string;
  readonly track: Track;
  /** Time of the media clock when the asset begins, µs. */
  readonly clockStartUs: number;
}

/** The writer of one rendition. Disposing discards a file that was not sent. */
export class RenditionWriter implements AsyncDisposable {
  readonly chunks: EncodedChunk[] = [];
  readonly #options: RenditionWriterOptions;
  readonly #init: Init;
  readonly #files: ChunkFiles;
  #turn: Promise<void> = Promise.resolve();
  #waitingBytes = 0;

  constructor(options: RenditionWriterOptions) {
    this.#options = options;
    const { store, assetId, rendition, track } = options;
    this.#init = assetInit([track]);
    this.#files = new ChunkFiles({
      store,
      assetId,
      rendition,
      init: this.#init,
      maxBytes: CHUNK_BYTES,
      folder: `${assetId}-${rendition}`,
      sealed: (file) => this.#send(file),
    });
  }

  /** Bytes that are not written yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Resolves when everything before is written. */
  get written(): Promise<void> {
    return this.#turn;
  }

  /** Queues a segment. An error comes from `written` and `finish`. */
  push(segment: CutSegment): void {
    const bytes = segment.frames.reduce((sum, { data }) => sum + data.length, 0);
    this.#waitingBytes += bytes;
    this.#turn = this.#turn.then(async () => {
      await this.#write(segment);
      this.#waitingBytes -= bytes;
    });
    this.#turn.catch(() => {}); // Reported by `written` and `finish`.
  }

  /** Sends the rest. */
  async finish(): Promise<void> {
    await this.#turn;
    await this.#files.seal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn.catch(() => {});
    await this.#files[Symbol.asyncDispose]();
  }

  async #write({ msn, startUs, durationUs, frames }: CutSegment): Promise<void> {
    this.#options.context.signal.throwIfAborted();
    const writer = await this.#files.for(msn, startUs);
    const { track, clockStartUs } = this.#options;
    const tracks = [assetSegment(track, frames, msn, track.kind === 'audio' ? soundSlot : loneSlot)];
    const place = { startUs, durationUs, discontinuity: false, discontinuitySequence: 0, gaps: [] };
    await writer.append({ msn, run: assetRun(clockStartUs), init: this.#init, ...place, tracks });
  }

  async #send({ location, length, groups, firstMsn }: SealedFile): Promise<void> {
    const { store, context, rendition } = this.#options;
    await context.send(`${rendition}/${firstMsn}.mp4`, async function* () {
      for (let offset = 0; offset < length; offset += SEND_BYTES) {
        context.signal.throwIfAborted();
        yield await store.read(location, { offset, length: SEND_BYTES });
      }
    });
    await store.delete(location);
    this.chunks.push({ rendition, firstMsn, segments: groups.length, bytes: length });
  }
}

/** Sound follows the picture in a response: its fragments have the numbers of the second of two tracks. */
const soundSlot = { index: 1, count: 2 };
