/**
 * The last segments of a page, for other viewers: bounded, in place of the gigabytes that the loader keeps.
 * In: segments of the loader. Out: the same, as its storage.
 */
import type { SegmentStorage } from 'p2p-media-loader-core';

/** Bounds of one page: about ten segments of a high bitrate. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_SEGMENTS = 40;
const MIB = 1024 * 1024;
/** A page sends `MOST_BYTES`, and so many times what it has loaded: each of eight peers has it once. */
const MOST_COPIES = 8;

/**
 * Whether a page sends on. Peers that load the same again and again would else use up the viewer's data plan.
 */
export function maySend(loadedBytes: number, sentBytes: number): boolean {
  return sentBytes <= MOST_BYTES + MOST_COPIES * loadedBytes;
}

/** The storage of one loader. */
export class SegmentStore implements SegmentStorage {
  readonly #segments = new Map<string, { readonly stream: string; readonly id: number; readonly data: ArrayBuffer }>();
  #bytes = 0;
  #changed: (stream: string) => void = () => {};

  async initialize(): Promise<void> {}

  onPlaybackUpdated(): void {}

  onSegmentRequested(): void {}

  async storeSegment(_swarm: string, stream: string, id: number, data: ArrayBuffer): Promise<void> {
    const key = keyOf(stream, id);
    if (this.#segments.has(key)) return;
    this.#segments.set(key, { stream, id, data });
    this.#bytes += data.byteLength;
    for (const [oldest, segment] of this.#segments) {
      if (oldest === key || (this.#bytes <= MOST_BYTES && this.#segments.size <= MOST_SEGMENTS)) break;
      this.#segments.delete(oldest);
      this.#bytes -= segment.data.byteLength;
    }
    this.#changed(stream);
  }

  async getSegmentData(_swarm: string, stream: string, id: number): Promise<ArrayBuffer | undefined> {
    return this.#segments.get(keyOf(stream, id))?.data;
  }

  /** The oldest make room: it is never full. MiB. */
  getUsage(): { totalCapacity: number; usedCapacity: number } {
    return { totalCapacity: MOST_BYTES / MIB, usedCapacity: 0 };
  }

  hasSegment(_swarm: string, stream: string, id: number): boolean {
    return this.#segments.has(keyOf(stream, id));
  }

  getStoredSegmentIds(_swarm: string, stream: string): number[] {
    return [...this.#segments.values()].filter((segment) => segment.stream === stream).map(({ id }) => id);
  }

  setSegmentChangeCallback(changed: (stream: string) => void): void {
    this.#changed = changed;
  }

  destroy(): void {
    this.#segments.clear();
    this.#bytes = 0;
  }
}

const keyOf = (stream: string, id: number) => `${stream} ${id}`;
