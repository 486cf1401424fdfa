/**
 * The memory of the frames of one segment. Most pulled segments are only recorded: when a segment is
 * published, the packager has copied its frames, and no part of the server refers to them. Then the next
 * segment, of any stream, uses the same memory: no new pages, nothing to collect.
 * In: requests of the demuxer; the owner's word on whether frames are still in use. Out: buffers.
 */
import type { FrameMemory } from '@oxbow/media/mpegts/demuxer-options';
import { framePool } from '../../../lib/memory/slab-pool.ts';

/** What the demuxer took for one segment. */
export class SegmentMemory implements FrameMemory {
  readonly #blocks: Uint8Array[] = [];

  take(bytes: number): Uint8Array {
    const block = framePool.take(bytes);
    this.#blocks.push(block);
    return block;
  }

  /** No frame of the segment is in use: its views become empty, and other segments get the memory. */
  free(): void {
    for (const block of this.#blocks) framePool.give(block);
    this.#blocks.length = 0;
  }

  /** Frames may be in use: the memory is freed with the last of them. */
  leave(): void {
    for (const block of this.#blocks) framePool.forget(block);
    this.#blocks.length = 0;
  }
}
