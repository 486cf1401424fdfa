/**
 * Delivers events to one webhook in order: the next one is sent after the previous one was delivered or has
 * failed for good.
 * In: published events. Out: rows of deliveries. Disables a webhook that has failed for too long and
 * publishes `webhook.disabled`.
 */
import type { EventBus, PublishedEvent } from '../cluster/bus/event-bus.ts';
import type { EventLog } from '../cluster/bus/event-log.ts';
import type { Leases } from '../cluster/lease/lease.ts';
import { OxbowError } from '../lib/errors.ts';
import { isFor } from './interest.ts';
import type { ReplayTable } from './replay-table.ts';
import { type Outcome, type SendTools, sendOnce } from './send-once.ts';
import type { Delivery, Webhook, WebhookTable } from './webhook-table.ts';

/**
 * Pauses after each failed attempt, ms. After the fifth, about an hour after the first, the delivery fails.
 */
const PAUSES_MS: readonly number[] = [10_000, 120_000, 720_000, 2_700_000];
/** A webhook without a successful delivery for this long is disabled, ms. */
const DISABLE_AFTER_MS = 24 * 3_600_000;
const MAX_WAITING = 1000;
/** Past events that are taken at once, when no other delivery waits. */
const REPLAY_EACH = 100;
/** Time for deliveries in progress when oxbow stops, ms. */
const GRACE_MS = 1000;
const GONE = 410;

/** Where past events come from. */
interface PastEventSource {
  readonly log: Pick<EventLog, 'locate' | 'newest' | 'print' | 'read' | 'flush'>;
  readonly replays: ReplayTable;
}

/** Dependencies and options of webhooks. */
export interface WebhooksOptions extends SendTools {
  readonly table: WebhookTable;
  readonly bus: EventBus;
  /** Past events, which can be sent again; undefined: none are kept. */
  readonly past?: PastEventSource | undefined;
  /**
   * In a cluster: the leases of the database. The node with the lease `webhooks` sends the events of all
   * nodes.
   */
  readonly leases?: Leases | undefined;
  /** This process, for people who look at the lease. */
  readonly holder?: string | undefined;
  /** Waits by the clock of `clock`. Rejects when aborted. */
  readonly sleep: (ms: number, options: { signal: AbortSignal }) => Promise<void>;
  /** Most deliveries that wait for one webhook, 1,000 by default; further events are stored as dropped. */
  readonly maxWaiting?: number;
  /** Called when a delivery has ended. */
  readonly ended: (state: 'done' | 'failed' | 'dropped') => void;
  /** Called for errors that no webhook caused. */
  readonly failed: (error: unknown) => void;
}

interface DeliveryWorkerOptions extends WebhooksOptions {
  /** Whether this process may send now. */
  readonly maySend: () => boolean;
}

/** Delivers to one webhook until disposed. */
export class DeliveryWorker implements AsyncDisposable {
  readonly #options: DeliveryWorkerOptions;
  readonly #stop = new AbortController();
  #webhook: Webhook;
  #waiting: number;
  /** Writes to the store, one after the other. */
  #writing: Promise<unknown> = Promise.resolve();
  #working: Promise<void> | undefined;
  #hasMore = false;
  #isReplaying = false;
  #isPausing = false;
  /** Ends the pause before the next attempt, when the webhook was replaced. */
  #pause = new AbortController();

  /** @param waiting number of deliveries in the store that are waiting */
  constructor(options: DeliveryWorkerOptions, webhook: Webhook, waiting: number) {
    this.#options = options;
    this.#webhook = webhook;
    this.#waiting = waiting;
  }

  /** The current webhook. */
  get webhook(): Webhook {
    return this.#webhook;
  }

  /** Number of deliveries that are waiting. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Whether past events are sent again. */
  get isReplaying(): boolean {
    return this.#isReplaying;
  }

  /** There is a replay in the store: deliveries that wait for another attempt are sent first, at once. */
  beginReplay(): void {
    if (!this.#isReplaying) this.#pause.abort();
    this.#isReplaying = true;
  }

  /** Replaces the webhook. */
  replace(webhook: Webhook): Promise<void> {
    this.#webhook = webhook;
    this.#pause.abort();
    return this.#write(() => this.#options.table.put(this.#webhook));
  }

  /** Another node has replaced, disabled or enabled the webhook. */
  learn(webhook: Webhook): void {
    const { url, secret, disabledMs } = this.#webhook;
    this.#webhook = webhook;
    if (webhook.url !== url || webhook.secret !== secret || webhook.disabledMs !== disabledMs) this.#pause.abort();
    this.work();
  }

  /** Other nodes store and send deliveries: this many wait now. */
  count(waiting: number): void {
    this.#waiting = waiting;
    if (waiting > 0 || this.#isReplaying) this.work();
  }

  /** Queues an event; drops it if too many are waiting. Never throws. */
  enqueue({ event, json, traceparent }: PublishedEvent): void {
    if (this.#webhook.disabledMs !== null) return;
    const { table, clock, ended, failed } = this.#options;
    const dropped = this.#waiting >= (this.#options.maxWaiting ?? MAX_WAITING);
    if (!dropped) this.#waiting++;
    this.#write(() =>
      table.add(this.#webhook.id, event, { body: json, nowMs: clock.nowMs(), dropped, traceparent }),
    ).then(() => {
      if (dropped) ended('dropped');
      else this.work();
    }, failed);
  }

  /** Sends the waiting deliveries. Does nothing if that is already in progress. */
  work(): void {
    this.#hasMore = true;
    if (this.#stop.signal.aborted || this.#webhook.disabledMs !== null || !this.#options.maySend()) return;
    this.#working ??= this.#work()
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#options.failed(error);
      })
      .finally(() => {
        this.#working = undefined;
      });
  }

  /** Ends the delivery in progress; waiting deliveries stay in the store. May be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing; // queued events are stored first
    if (this.#working && !this.#isPausing) {
      const late = this.#options.sleep(GRACE_MS, { signal: this.#stop.signal }).catch(() => undefined); // aborted
      await Promise.race([this.#working, late]);
    }
    this.#stop.abort(new DOMException('webhooks end', 'AbortError'));
    this.#pause.abort();
    await this.#working;
  }

  async #work(): Promise<void> {
    const { table } = this.#options;
    while (this.#hasMore && this.#webhook.disabledMs === null) {
      this.#hasMore = false;
      for (let next = await table.next(this.#webhook.id); next; next = await table.next(this.#webhook.id)) {
        await this.#waitFor(next);
        if (!this.#options.maySend()) return;
        await this.#attempt(next);
        if (this.#webhook.disabledMs !== null) return;
      }
      if (!this.#options.maySend()) return;
      if (await this.#takePast()) this.#hasMore = true;
    }
  }

  /** Adds the next past events of a replay. Returns whether there may be deliveries, or more of it. */
  async #takePast(): Promise<boolean> {
    const { past, clock, failed } = this.#options;
    if (!this.#isReplaying || !past) return false;
    const { id, types, stream } = this.#webhook;
    const replay = await past.replays.get(id);
    if (!replay) {
      this.#isReplaying = false;
      return false;
    }
    try {
      const wanted = { types: types.length === 0 ? undefined : new Set(types), stream: stream ?? undefined };
      const { events, position } = await past.log.read({
        after: replay.after,
        until: replay.until,
        limit: REPLAY_EACH,
        types: wanted.types,
        stream: wanted.stream,
      });
      // Those of nodes with other databases are sent there.
      const mine = events.filter((published) => !published.isForeign && isFor(this.#webhook, published));
      const nowMs = clock.nowMs();
      const isTaken = await this.#write(() => past.replays.take(id, replay, { events: mine, position, nowMs }));
      if (isTaken) this.#waiting += mine.length;
    } catch (error) {
      if (!(error instanceof OxbowError) || error.code !== 'events-gone') throw error;
      // Deleted before they were sent, while the receiver did not answer.
      await past.replays.remove(id);
      failed(error);
    }
    return true;
  }

  /** Waits until a delivery is due, or the webhook is replaced. */
  async #waitFor({ next_us }: Delivery): Promise<void> {
    const { clock, sleep } = this.#options;
    const ms = next_us / 1000 - clock.nowMs();
    if (ms <= 0) return;
    this.#pause = new AbortController();
    this.#isPausing = true;
    await sleep(ms, { signal: AbortSignal.any([this.#pause.signal, this.#stop.signal]) }).catch(() => undefined);
    this.#isPausing = false;
    this.#stop.signal.throwIfAborted();
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { signal } = this.#stop;
    const outcome = await sendOnce(this.#options, this.#webhook, delivery.event_id, delivery.body, {
      signal,
      traceparent: delivery.traceparent ?? undefined,
    });
    const { clock, table } = this.#options;
    const nowMs = clock.nowMs();
    const { ok, status, error, retryAfterMs } = outcome;
    const tries = delivery.tries + 1;
    const pauseMs = PAUSES_MS[tries - 1];
    if (!ok && pauseMs !== undefined && status !== GONE) {
      const next_us = Math.round((nowMs + Math.max(pauseMs, retryAfterMs ?? 0)) * 1000);
      await this.#write(() => table.set(delivery, { tries, status, error, next_us }));
    } else {
      const state = ok ? 'done' : 'failed';
      const ended_us = Math.round(nowMs * 1000);
      const isEnded = await this.#write(() => table.set(delivery, { state, tries, status, error, ended_us, body: '' }));
      if (isEnded) this.#waiting--;
      if (isEnded) this.#options.ended(state);
    }
    await this.#updateWebhook(outcome, nowMs);
  }

  /** Stores since when the webhook fails. Disables it after 410, or if it has failed for too long. */
  async #updateWebhook({ ok, status, error }: Outcome, nowMs: number): Promise<void> {
    const { table, bus } = this.#options;
    const { failingSinceMs: since } = this.#webhook;
    if (ok && since === null) return;
    const failingSinceMs = ok ? null : (since ?? nowMs);
    const mustDisable = status === GONE || (failingSinceMs !== null && nowMs - failingSinceMs >= DISABLE_AFTER_MS);
    this.#webhook = {
      ...this.#webhook,
      failingSinceMs,
      ...(mustDisable && { disabledMs: nowMs, disabledReason: error }),
    };
    await this.#write(() => table.putState(this.#webhook));
    if (!mustDisable) return;
    await this.#write(() => table.drop(this.#webhook.id, nowMs, 'the webhook was disabled'));
    await this.#options.past?.replays.remove(this.#webhook.id);
    this.#isReplaying = false;
    this.#waiting = 0;
    bus.publish('webhook.disabled', { id: this.#webhook.id, reason: error });
  }

  #write<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#writing.then(step);
    this.#writing = turn.catch(() => undefined); // the caller gets the error
    return turn;
  }
}
