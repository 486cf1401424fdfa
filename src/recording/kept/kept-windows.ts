/**
 * What keeps recordings from retention, whatever their age: pins, and what features make of recordings, such
 * as clips. Each keeps whole ten-minute windows (docs/media.md 16).
 * In: pins, keepers. Out: the windows of all in order, from memory; calls of the keepers that lose media.
 */
import type { EventSubject } from '../../cluster/bus/event-bus.ts';
import type { ErasedThing } from '../erase/erasure-table.ts';
import type { PinTable } from '../pin-table.ts';
import { type PinnedRange, windowsOver } from '../pinned-windows.ts';

/** A feature whose things keep media of recordings, as long as they have it. */
export interface Keeper {
  /** The windows of a stream: whole, in order, disjoint. The same array until they change. */
  ranges(streamId: string): readonly PinnedRange[];
  /** What has media of a range. */
  over(streamId: string, range: PinnedRange): readonly ErasedThing[];
  /** What has media of a range loses all of its media: the disk is full, or the range is deleted. */
  lose(streamId: string, range: PinnedRange, reason: 'disk' | 'deleted'): Promise<void>;
  /** The recordings of a stream are deleted, and the stream with them. */
  forget(stream: EventSubject & { readonly id: string }): Promise<void>;
  /** Reads the rows of some streams again, which another node had. */
  reload(streams: readonly string[]): Promise<void>;
}

/** The kept windows of all streams. */
export class KeptWindows implements Keeper {
  readonly #pins: Pick<PinTable, 'ranges'>;
  readonly #keepers: Keeper[] = [];
  /** By stream: what was joined, and of what; as many as there are streams with windows of several. */
  readonly #joined = new Map<
    string,
    { readonly parts: readonly (readonly PinnedRange[])[]; readonly ranges: readonly PinnedRange[] }
  >();

  /** @param pins of all streams */
  constructor(pins: Pick<PinTable, 'ranges'>) {
    this.#pins = pins;
  }

  /** Adds a keeper, before streams are recovered. */
  add(keeper: Keeper): void {
    this.#keepers.push(keeper);
  }

  ranges(streamId: string): readonly PinnedRange[] {
    const lists = [this.#pins, ...this.#keepers].map((each) => each.ranges(streamId));
    const parts = lists.filter(({ length }) => length > 0);
    if (parts.length < 2) return parts[0] ?? [];
    const joined = this.#joined.get(streamId);
    if (joined?.parts.length === parts.length && joined.parts.every((part, i) => part === parts[i]))
      return joined.ranges;
    const ranges = windowsOver(parts.flat());
    this.#joined.set(streamId, { parts, ranges });
    return ranges;
  }

  over(streamId: string, range: PinnedRange): readonly ErasedThing[] {
    return this.#keepers.flatMap((keeper) => keeper.over(streamId, range));
  }

  async lose(...lost: Parameters<Keeper['lose']>): Promise<void> {
    for (const keeper of this.#keepers) await keeper.lose(...lost);
  }

  async forget(...stream: Parameters<Keeper['forget']>): Promise<void> {
    for (const keeper of this.#keepers) await keeper.forget(...stream);
  }

  async reload(streams: readonly string[]): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.reload(streams)));
  }
}
