/**
 * Follows the parts of one segment: which may be published, and whether the whole of it has to be fetched after all.
 * In: parts in order, what became of each, and word that the segment is whole. Out: yes or no. Pure. RFC 8216bis 4.4.4.9.
 */
import type { QueuedSegment } from './queued-segment.ts';

interface OpenSegment {
  readonly msn: number;
  readonly epoch: number;
  published: number;
  /** Why the rest of its parts is of no use. */
  failed: string | undefined;
}

/** The parts of one rendition. */
export class PartAssembly {
  #open: OpenSegment | undefined;

  /**
   * To be asked before each segment and part: a segment that misses parts and will not be whole any more.
   *
   * @returns what is missing, for a person; once
   */
  leftBehind({ msn, epoch }: Pick<QueuedSegment, 'msn' | 'epoch'>): string | undefined {
    const open = this.#open;
    if (!open || (open.msn === msn && open.epoch === epoch)) return undefined;
    this.#open = undefined;
    return open.failed;
  }

  /** Media is missing here in any case. */
  reset(): void {
    this.#open = undefined;
  }

  /** Whether a part comes next: all before it have been published. */
  wants({ msn, epoch, part = 0 }: QueuedSegment): boolean {
    this.#open ??= { msn, epoch, published: 0, failed: undefined };
    const open = this.#open;
    if (open.failed === undefined && part !== open.published) open.failed = 'parts were left out';
    return open.failed === undefined;
  }

  /** The part that was wanted has been published. */
  published(): void {
    if (this.#open) this.#open.published += 1;
  }

  /** The part that was wanted cannot be: the whole segment is needed. */
  failed(why: string): void {
    if (this.#open) this.#open.failed ??= why;
  }

  /**
   * The segment is whole.
   *
   * @param parts how many it has; undefined where they were not all given
   * @returns `lacks`: why it has to be fetched as a whole; undefined when all of it has been published. `published`: how many parts were
   */
  whole(
    { msn, epoch }: QueuedSegment,
    parts: number | undefined,
  ): { readonly lacks: string | undefined; readonly published: number } {
    const open = this.#open?.msn === msn && this.#open.epoch === epoch ? this.#open : undefined;
    this.#open = undefined;
    const published = open?.published ?? 0;
    return { lacks: open?.failed ?? (published === parts ? undefined : 'parts were left out'), published };
  }
}
