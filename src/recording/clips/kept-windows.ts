/**
 * The ten-minute windows that retention keeps whatever their age: those of pins and those of clips
 * (docs/media.md 16).
 * In: pins, clips. Out: whole windows in order, from memory.
 */
import type { Kysely } from 'kysely';
import type { RowChanges } from '../../store/row-changes.ts';
import type { Tables } from '../../store/schema.ts';
import { PinTable } from '../pin-table.ts';
import { type PinnedRange, windowsOver } from '../pinned-windows.ts';
import { ClipTable } from './clip-table.ts';

/** The kept windows of all streams. */
export class KeptWindows {
  readonly #pins: Pick<PinTable, 'ranges'>;
  readonly #clips: Pick<ClipTable, 'ranges'>;
  /** By stream: what was joined, and of what; as many as there are streams with both pins and clips. */
  readonly #joined = new Map<string, { pins: unknown; clips: unknown; ranges: readonly PinnedRange[] }>();

  /** @param pins and clips of all streams */
  constructor(pins: Pick<PinTable, 'ranges'>, clips: Pick<ClipTable, 'ranges'>) {
    this.#pins = pins;
    this.#clips = clips;
  }

  /** The kept windows of a stream: whole, in order, disjoint. */
  ranges(streamId: string): readonly PinnedRange[] {
    const pins = this.#pins.ranges(streamId);
    const clips = this.#clips.ranges(streamId);
    if (clips.length === 0) return pins;
    if (pins.length === 0) return clips;
    const known = this.#joined.get(streamId);
    if (known?.pins === pins && known.clips === clips) return known.ranges;
    const ranges = windowsOver([...pins, ...clips]);
    this.#joined.set(streamId, { pins, clips, ranges });
    return ranges;
  }
}

/** Opens the tables of pins and clips, with the windows that both keep. @param changes in a cluster */
export async function openKept(
  db: Kysely<Tables>,
  changes?: RowChanges,
): Promise<{ readonly pins: PinTable; readonly clips: ClipTable; readonly kept: KeptWindows }> {
  const pins = await PinTable.open(db, changes);
  const clips = await ClipTable.open(db, changes);
  return { pins, clips, kept: new KeptWindows(pins, clips) };
}
