/**
 * The chunk files of a rendition that a job writes: a file ends after a duration or a size, and the next one
 * begins.
 * In: the segments' times and numbers. Out: files that are open, then sealed. docs/decisions/0030.
 */

import type { Init } from '@oxbow/media/segment';
import { type ChunkOptions, type ChunkWriter, openChunkWriter, type SealedChunk } from '../archive/chunk-writer.ts';

/** A chunk file ends after this much media: ten minutes. */
const CHUNK_US = 600_000_000;

/** Options of {@link ChunkFiles}. */
interface ChunkFilesOptions {
  readonly store: ChunkOptions['store'];
  readonly assetId: string;
  readonly rendition: string;
  readonly init: Init;
  /** Of one file. */
  readonly maxBytes: number;
  /**
   * Folder within the store; default that of the asset. Writers of several renditions in one store have one
   * each.
   */
  readonly folder?: string;
  /** Takes a file that is complete. */
  readonly sealed: (file: SealedFile) => Promise<void>;
}

/** A complete file. */
export interface SealedFile extends SealedChunk {
  readonly firstMsn: number;
}

/** The files of one rendition. One call at a time. Disposing discards a file that is not complete. */
export class ChunkFiles implements AsyncDisposable {
  readonly #options: ChunkFilesOptions;
  #open: { readonly writer: ChunkWriter; readonly firstMsn: number; readonly startUs: number } | undefined;

  constructor(options: ChunkFilesOptions) {
    this.#options = options;
  }

  /** The file for a segment; the one before it is sealed if it is full. */
  async for(msn: number, startUs: number): Promise<ChunkWriter> {
    const { sealed: _, maxBytes, assetId, ...options } = this.#options;
    const open = this.#open;
    if (open && startUs - open.startUs < CHUNK_US && open.writer.length < maxBytes) return open.writer;
    await this.seal();
    const utcMs = Math.floor(startUs / 1000);
    const writer = await openChunkWriter({
      ...options,
      utcMs,
      msn,
      streamId: assetId,
      previousMsn: msn - 1,
      sync: 'off',
    });
    this.#open = { writer, firstMsn: msn, startUs };
    return writer;
  }

  /** Completes the open file, if there is one. */
  async seal(): Promise<void> {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    await this.#options.sealed({ ...(await open.writer.seal()), firstMsn: open.firstMsn });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.writer[Symbol.asyncDispose]();
  }
}
