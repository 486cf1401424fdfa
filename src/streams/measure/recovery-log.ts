/**
 * Counts what interrupted a stream and how it continued, and keeps the last of it.
 * In: events of the live stream and of its publishers. Out: the JSON of `GET /streams/{name}/recovery`.
 */
import type { recoveryKinds, StreamRecovery } from '../../api/inspect-shapes.ts';
import type { PublisherEvent } from '../../ingest/publisher-slot.ts';
import type { Clock } from '../../lib/clock.ts';
import type { StreamEvent } from '../../live/stream-event.ts';

/** Most entries that are kept. */
const MAX_ENTRIES = 100;
/** Damage is one entry in this time; all of it is counted, ms. */
const DAMAGE_MS = 10_000;

/** One entry; `detail` may have addresses. */
export interface RecoveryEntry {
  /** ms since 1970. */
  readonly atMs: number;
  readonly kind: (typeof recoveryKinds)[number];
  readonly detail: string;
}

/** The log of one stream. */
export class RecoveryLog {
  /** ms since 1970. */
  readonly sinceMs: number;
  readonly counts: StreamRecovery['counts'] = {
    runs: 0,
    gaps: 0,
    connects: 0,
    refused: 0,
    switches: 0,
    damage: 0,
    lostGops: 0,
    keyless: 0,
  };
  readonly #clock: Clock;
  #entries: readonly RecoveryEntry[] = [];
  #damageMs = Number.NEGATIVE_INFINITY;
  /** Cause and detail of the last report of missing media: sources repeat them. */
  #missing = '';

  constructor(clock: Clock) {
    this.#clock = clock;
    this.sinceMs = clock.nowMs();
  }

  /** The last entries, newest first. */
  get entries(): readonly RecoveryEntry[] {
    return this.#entries;
  }

  /** Takes an event of the live stream. */
  onStream(event: StreamEvent): void {
    switch (event.type) {
      case 'run':
        if (event.context.soft) return;
        this.counts.runs++;
        this.#missing = '';
        this.#add('live', `run ${event.context.run.id}`);
        break;
      case 'absent':
        if (this.#missing === event.cause) return;
        this.#missing = event.cause;
        if (event.cause !== 'offline') this.counts.gaps++;
        this.#add(event.cause === 'offline' ? 'offline' : 'gap', `${event.cause}: ${event.detail}`);
        break;
      case 'damage':
        this.#onDamage(event.reason);
        break;
      case 'sink-lost':
        this.counts.lostGops += event.gops;
        this.#add('loss', `${event.sink}: ${event.gops} GOPs, ${event.frames} frames (${event.cause})`);
        break;
      case 'keyless':
        this.counts.keyless++;
        this.#add('keyless', 'no key frame for 10 s');
        break;
      default:
        break;
    }
  }

  /** Takes an event of the publishers of the stream. Their addresses are left out. */
  onPublisher(event: PublisherEvent): void {
    switch (event.type) {
      case 'started':
        this.counts.connects++;
        this.#add('connected', `${event.publisher.connection.protocol}, ${event.publisher.turn.role}`);
        break;
      case 'refused':
        this.counts.refused++;
        this.#add('refused', `${event.request.protocol}: ${event.error.message}`);
        break;
      case 'switched':
        this.counts.switches++;
        this.#add('switched', `${event.publisher.connection.protocol}: ${event.reason}`);
        break;
      case 'ended':
        this.#add('left', `${event.publisher.connection.protocol}: ${event.detail}`);
        break;
      default:
        break;
    }
  }

  #onDamage(reason: string): void {
    this.counts.damage++;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#damageMs < DAMAGE_MS) return;
    this.#damageMs = nowMs;
    this.#add('damage', reason);
  }

  #add(kind: RecoveryEntry['kind'], detail: string): void {
    const entry = { atMs: this.#clock.nowMs(), kind, detail: detail.slice(0, 200) };
    this.#entries = [entry, ...this.#entries.slice(0, MAX_ENTRIES - 1)];
  }
}
