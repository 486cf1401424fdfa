/**
 * Tracks the parts of one segment: which may be published, and whether the complete segment must be fetched
 * after all.
 * In: parts in order, the result of each, the end of the segment. Out: yes or no. Pure. RFC 8216bis 4.4.4.9.
 */
import type { QueuedSegment } from './queued-segment.ts';

interface OpenSegment {
  readonly msn: number;
  readonly epoch: number;
  published: number;
  /** Why its further parts are useless. */
  failed: string | undefined;
}

/** The parts of one rendition. */
export class PartAssembly {
  #open: OpenSegment | undefined;

  /**
   * Called before each segment and part: detects that the previous segment lacks parts and will not be
   * completed.
   *
   * @returns what is missing, for logs; once
   */
  abandoned({ msn, epoch }: Pick<QueuedSegment, 'msn' | 'epoch'>): string | undefined {
    const open = this.#open;
    if (!open || (open.msn === msn && open.epoch === epoch)) return undefined;
    this.#open = undefined;
    return open.failed;
  }

  /** Media is missing here in any case: forgets the open segment. */
  reset(): void {
    this.#open = undefined;
  }

  /** Whether a part is the next to publish: all before it have been published. */
  wants({ msn, epoch, part = 0 }: QueuedSegment): boolean {
    this.#open ??= { msn, epoch, published: 0, failed: undefined };
    const open = this.#open;
    if (open.failed === undefined && part !== open.published) open.failed = 'parts were left out';
    return open.failed === undefined;
  }

  /** The wanted part has been published. */
  published(): void {
    if (this.#open) this.#open.published += 1;
  }

  /** The wanted part cannot be published: the complete segment is needed. */
  failed(why: string): void {
    if (this.#open) this.#open.failed ??= why;
  }

  /**
   * The segment has ended.
   *
   * @param parts number of its parts; undefined if the playlist did not list them all
   * @returns `lacks`: why the complete segment must be fetched; undefined if all parts were published.
   *   `published`: number of published parts
   */
  endSegment(
    { msn, epoch }: QueuedSegment,
    parts: number | undefined,
  ): { readonly lacks: string | undefined; readonly published: number } {
    const open = this.#open?.msn === msn && this.#open.epoch === epoch ? this.#open : undefined;
    this.#open = undefined;
    const published = open?.published ?? 0;
    return { lacks: open?.failed ?? (published === parts ? undefined : 'parts were left out'), published };
  }
}
