/**
 * Notes in the chains of evidence what retention deletes: once for each horizon, and only where the chain has
 * media that it passes. A stream that records nothing gets no blocks.
 * In: horizons of retention, of every pass. Out: notes. docs/5-record/evidence.md, "Deletion".
 */
import type { EvidenceNote } from '@oxbow/media/evidence/block';
import type { BlockRows } from '../../recording/evidence/block-rows.ts';

/** What the notes need. */
interface ExpiryParts {
  readonly blocks: Pick<BlockRows, 'hasMedia'>;
  /** Name of a stream; undefined: it was removed. */
  readonly nameOf: (streamId: string) => string | undefined;
  readonly note: (stream: { readonly id: string; readonly name: string }, note: EvidenceNote) => void;
  readonly nowUs: () => number;
}

/**
 * Returns what retention calls with a stream and its horizon, µs since 1970. It rejects with what reading
 * the blocks does; the next pass tries again.
 */
export function noteExpiry({ blocks, nameOf, note, nowUs }: ExpiryParts) {
  /** The last horizon of each stream. */
  const passed = new Map<string, number>();
  return async (id: string, beforeUs: number): Promise<void> => {
    const name = nameOf(id);
    if (name === undefined) {
      passed.delete(id);
      return;
    }
    const last = passed.get(id) ?? 0;
    if (beforeUs <= last) return;
    const hasMedia = await blocks.hasMedia(id, last, beforeUs);
    passed.set(id, beforeUs);
    if (hasMedia) note({ id, name }, { what: 'expired', before: beforeUs, at: nowUs() });
  };
}
