/**
 * Messages written to the media around the position: loaded in stretches of two minutes, ahead of the
 * playback. Bounded.
 * In: the position. Out: messages of the past and of now in the order of the media.
 */
import type { RoomMessage } from '../../../../src/api/room/chat-shapes.ts';
import { listReplay, type Stretch } from '../../api/room-messages.ts';

/** Length of a stretch, ms. */
const STRETCH_MS = 120_000;
/** Stretches that are kept; the oldest are forgotten. */
const MAX_STRETCHES = 12;
/** After a failure a stretch is requested again, ms. */
const AGAIN_MS = 10_000;

interface Loaded {
  readonly messages: readonly RoomMessage[];
  /** Media was still being written when it was loaded. */
  readonly isOpen: boolean;
}

/** Requests messages of a stretch. */
type LoadStretch = (room: string, stretch: Stretch, signal: AbortSignal) => Promise<readonly RoomMessage[]>;

/** The messages of the media of a room. */
export class PastMessages {
  readonly #room: string;
  readonly #request: LoadStretch;
  readonly #stretches = new Map<string, Loaded | 'loading'>();
  #merged: { readonly of: readonly RoomMessage[]; readonly item: string; readonly all: readonly RoomMessage[] } | null =
    null;
  #failedMs = Number.NEGATIVE_INFINITY;

  /** @param request for tests */
  constructor(room: string, request: LoadStretch = listReplay) {
    this.#room = room;
    this.#request = request;
  }

  /** The room is elsewhere: incomplete stretches are loaded again. */
  jumped(): void {
    for (const [key, loaded] of this.#stretches) {
      if (loaded !== 'loading' && loaded.isOpen) this.#stretches.delete(key);
    }
  }

  /**
   * Loads the missing messages around a position, and the next ones.
   *
   * @param positionMs UTC or from the start
   * @param edgeMs of streams: nothing is written later than this; null: of everything else
   */
  async load(item: string, positionMs: number, edgeMs: number | null, signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#failedMs < AGAIN_MS) return;
    const current = Math.max(0, Math.floor(positionMs / STRETCH_MS));
    const wanted = [current, current + 1];
    if (positionMs - current * STRETCH_MS < STRETCH_MS / 4 && current > 0) wanted.push(current - 1);
    await Promise.all(
      wanted.map(async (index) => {
        const fromMs = index * STRETCH_MS;
        const key = `${item} ${index}`;
        if (this.#stretches.has(key) || (edgeMs !== null && fromMs > edgeMs)) return;
        this.#stretches.set(key, 'loading');
        try {
          const messages = await this.#request(this.#room, { item, fromMs, toMs: fromMs + STRETCH_MS }, signal);
          const isOpen = edgeMs === null || fromMs + STRETCH_MS > edgeMs;
          this.#stretches.delete(key); // and added as the newest
          this.#stretches.set(key, { messages, isOpen });
          this.#merged = null;
          for (const old of this.#stretches.keys()) {
            if (this.#stretches.size <= MAX_STRETCHES) break;
            if (old !== key) this.#stretches.delete(old);
          }
        } catch {
          this.#stretches.delete(key);
          this.#failedMs = performance.now();
        }
      }),
    );
  }

  /**
   * All messages of the media, in its order: those that were loaded, and those that the room has received
   * since.
   *
   * @returns the same array until something changes
   */
  with(messages: readonly RoomMessage[], item: string): readonly RoomMessage[] {
    if (this.#merged?.of === messages && this.#merged.item === item) return this.#merged.all;
    const bySeq = new Map<number, RoomMessage>();
    for (const [key, loaded] of this.#stretches) {
      if (loaded === 'loading' || !key.startsWith(`${item} `)) continue;
      for (const message of loaded.messages) bySeq.set(message.seq, message);
    }
    for (const message of messages) {
      if (message.item === item || bySeq.has(message.seq)) bySeq.set(message.seq, message);
    }
    const merged = [...bySeq.values()]
      .filter(({ atMs, deleted }) => atMs !== undefined && !deleted)
      .sort((a, b) => a.atMs! - b.atMs! || a.seq - b.seq);
    this.#merged = { of: messages, item, all: merged };
    return merged;
  }
}
