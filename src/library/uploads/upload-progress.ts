/**
 * Reports the progress of running uploads: an event at most once a second for each, and counters.
 * In: positions. Out: events `upload.progress`, metrics.
 */
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { Clock } from '../../lib/clock.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { Upload } from './upload.ts';

const EVERY_MS = 1000;
/** Most uploads whose last event is remembered. */
const MAX_UPLOADS = 10_000;

/** The content of the last event. */
interface Reported {
  readonly atMs: number;
  readonly received: number;
}

/** Publishes progress. */
export class UploadProgress {
  readonly #events: Pick<EventBus, 'publish'>;
  readonly #clock: Clock;
  readonly #last = new Map<string, Reported>();

  constructor(events: Pick<EventBus, 'publish'>, clock: Clock) {
    this.#events = events;
    this.#clock = clock;
  }

  /** Whether an event is due. */
  isDue(id: string): boolean {
    const last = this.#last.get(id);
    return !last || this.#clock.monotonicMs() - last.atMs >= EVERY_MS;
  }

  /**
   * Publishes how many bytes have arrived.
   *
   * @param force also before a second has passed: it was the last byte
   */
  report({ id, assetId, owner, length }: Upload, received: number, force = false): void {
    if (!force && !this.isDue(id)) return;
    const last = this.#last.get(id);
    const atMs = this.#clock.monotonicMs();
    const seconds = last ? (atMs - last.atMs) / 1000 : 0;
    const bytesPerSecond = last && seconds > 0 ? Math.max(0, Math.round((received - last.received) / seconds)) : null;
    this.#last.delete(id);
    this.#last.set(id, { atMs, received });
    dropOldest(this.#last, MAX_UPLOADS);
    this.#events.publish('upload.progress', {
      id,
      asset: assetId,
      owner,
      received,
      length: length ?? null,
      bytesPerSecond,
    });
  }

  /** Forgets an upload that ended. */
  forget(id: string): void {
    this.#last.delete(id);
  }
}
