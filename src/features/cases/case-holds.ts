/**
 * The legal holds of cases: each range of an open case has one, with the title of the case.
 * In: ranges, the table of pins. Out: holds that are set and lifted. docs/decisions/0066, 0116.
 */
import { printRfc3339 } from '../../api/instant.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { ChunkQueries } from '../../recording/chunks/chunk-queries.ts';
import type { Hold, PinTable } from '../../recording/pin-table.ts';
import { overlap, type PinnedRange } from '../../recording/pinned-windows.ts';
import { windowOf } from '../../recording/window.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { HeldRange } from './case-table.ts';

/** The name of a hold is at most this long. */
const MAX_NAME = 100;

/** Dependencies of the holds. */
interface CaseHoldsParts {
  readonly pins: PinTable;
  readonly chunks: Pick<ChunkQueries, 'joinedSpansBetween'>;
  readonly catalog: Pick<Catalog, 'find'>;
  readonly events: Pick<EventBus, 'publish'>;
  readonly clock: Clock;
}

/** What a hold is set for. */
interface HoldRequest extends PinnedRange {
  readonly streamId: string;
  /** Name of the stream. */
  readonly stream: string;
  readonly caseId: string;
  readonly caseTitle: string;
  /** Who sets it, as in the audit log. */
  readonly author: string;
}

/** Sets and lifts them. */
export class CaseHolds {
  readonly #parts: CaseHoldsParts;

  constructor(parts: CaseHoldsParts) {
    this.#parts = parts;
  }

  /** Whether the hold of a range is set. */
  isHeld({ streamId, holdId }: Pick<HeldRange, 'streamId' | 'holdId'>): boolean {
    return holdId !== undefined && this.#parts.pins.holds(streamId).some(({ id }) => id === holdId);
  }

  /**
   * Sets the hold of a range.
   *
   * @returns its id
   * @throws OxbowError `no-media` if nothing of the range is recorded, `limit-reached`
   */
  async set(request: HoldRequest): Promise<string> {
    const { pins, clock } = this.#parts;
    const { streamId, stream, fromUs, toUs, caseId, caseTitle, author } = request;
    const hold = await pins.addHold(streamId, {
      fromUs,
      toUs,
      name: `Case: ${caseTitle}`.slice(0, MAX_NAME),
      reason: `case ${caseId}`,
      author,
      createdUs: Math.round(clock.nowMs()) * 1000,
    });
    // Added first, so that retention does not delete the media during the check.
    try {
      if (!(await this.#hasMedia(request))) throw new OxbowError('no-media', `${stream} was not recorded there.`);
    } catch (error) {
      await pins.removeHold(streamId, hold.id);
      throw error;
    }
    this.#publish('hold.added', stream, hold);
    return hold.id;
  }

  /** Lifts the hold of a range; nothing if it was lifted before. */
  async lift({ streamId, stream, holdId }: Pick<HeldRange, 'streamId' | 'stream' | 'holdId'>): Promise<void> {
    const hold = holdId === undefined ? undefined : await this.#parts.pins.removeHold(streamId, holdId);
    if (hold) this.#publish('hold.lifted', stream, hold);
  }

  async #hasMedia({ streamId, stream, fromUs, toUs }: HoldRequest): Promise<boolean> {
    const { catalog, chunks } = this.#parts;
    const served = catalog.find(stream)?.served;
    const isOpen = served?.recording.streamId === streamId;
    const open = isOpen ? served.recording.open : [];
    if (
      open.some(({ startUs, durationUs }) => overlap({ fromUs: startUs, toUs: startUs + durationUs }, { fromUs, toUs }))
    )
      return true;
    const query = () => chunks.joinedSpansBetween(streamId, windowOf(fromUs), toUs);
    const spans = await (isOpen ? served.recording.query(query) : query());
    return spans.some(({ start_us, end_us }) => overlap({ fromUs: start_us, toUs: end_us }, { fromUs, toUs }));
  }

  #publish(type: 'hold.added' | 'hold.lifted', stream: string, hold: Hold): void {
    const { id, name, reason, author } = hold;
    const times = { from: timeOf(hold.fromUs), to: timeOf(hold.toUs), createdAt: timeOf(hold.createdUs) };
    const data = { id, stream, name, reason, author, ...times };
    this.#parts.events.publish(type, data);
  }
}

const timeOf = (us: number): string => printRfc3339(us / 1000);
