/**
 * Webhooks: sends events to URLs that administrators set, signed, in order, with retries.
 * In: the event bus, the store. Out: POST requests through net; WebhookView and DeliveryView. Delivery is at
 * least once: a crash may repeat one.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { printRfc3339 } from '../api/instant.ts';
import type {
  DeliveryView,
  NewWebhookView,
  ReplayView,
  WebhookSettings,
  WebhookTestView,
  WebhookView,
} from '../api/webhook-shapes.ts';
import type { Subscription } from '../cluster/bus/event-bus.ts';
import { shownHook } from '../config/public-address.ts';
import { sleep as pause } from '../lib/abort.ts';
import { OxbowError } from '../lib/errors.ts';
import { DeliveryWorker, type WebhooksOptions } from './delivery-worker.ts';
import { isFor } from './interest.ts';
import { sendOnce } from './send-once.ts';
import { checkSecret, makeSecret } from './signature.ts';
import type { Delivery, Webhook } from './webhook-table.ts';

/** Most webhooks of a server. */
const MAX_WEBHOOKS = 100;

/** The node that sends has this lease; after its end another one takes it within the time to live, ms. */
const LEASE = 'webhooks';
const LEASE_MS = 10_000;
/** In a cluster deliveries that other nodes have stored are looked for this often, ms. */
const LOOK_EVERY_MS = 1000;

/** The webhooks of a server. Disposing ends deliveries in progress; the next process continues them. */
export class Webhooks implements AsyncDisposable {
  readonly #options: WebhooksOptions;
  readonly #workers = new Map<string, DeliveryWorker>();
  readonly #ending = new AbortController();
  /** Work for the other nodes. */
  readonly #shared: Promise<void>[] = [];
  #maySend: boolean;
  #subscription: Subscription | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: WebhooksOptions) {
    this.#options = options;
    this.#maySend = !options.table.isShared;
  }

  /** Loads the webhooks, subscribes to events, and continues waiting deliveries. */
  static async open(options: WebhooksOptions): Promise<Webhooks> {
    const webhooks = new Webhooks(options);
    options.table.follow((ids, changed) => webhooks.#learn(ids, changed));
    for (const webhook of await options.table.all()) {
      webhooks.#workers.set(webhook.id, webhooks.#worker(webhook, await options.table.waiting(webhook.id)));
    }
    webhooks.#subscription = await options.bus.subscribe({
      event(published) {
        for (const worker of webhooks.#workers.values())
          if (isFor(worker.webhook, published)) worker.enqueue(published);
      },
      missed: () => options.failed(new Error('the event bus dropped events before the webhooks received them')),
    });
    const replaying = (await options.past?.replays.all()) ?? new Set();
    for (const [id, worker] of webhooks.#workers) {
      if (replaying.has(id)) worker.beginReplay();
      worker.work();
    }
    if (options.table.isShared) webhooks.#shared.push(webhooks.#takeTurns(), webhooks.#count());
    return webhooks;
  }

  /** All webhooks, oldest first. */
  list(): readonly WebhookView[] {
    return [...this.#workers.values()].map(viewOf);
  }

  /**
   * The webhook with an id.
   *
   * @throws OxbowError `webhook-unknown`
   */
  get(id: string): WebhookView {
    return viewOf(this.#find(id));
  }

  /**
   * Creates a webhook.
   *
   * @throws OxbowError `bad-request`, `limit-reached`
   */
  async create(settings: WebhookSettings): Promise<NewWebhookView> {
    if (this.#workers.size >= MAX_WEBHOOKS) {
      throw new OxbowError('limit-reached', `There are already ${MAX_WEBHOOKS} webhooks. Remove one first.`);
    }
    const { clock, table } = this.#options;
    const secret = settings.secret ?? makeSecret();
    const createdMs = clock.nowMs();
    const id = `${Math.floor(createdMs).toString(36)}-${randomBytes(6).toString('hex')}`;
    const webhook = parse(settings, { id, secret, createdMs });
    await table.put(webhook);
    // A reading of all rows may have added it meanwhile.
    const worker = this.#workers.get(id) ?? this.#worker(webhook, 0);
    this.#workers.set(id, worker);
    return { ...viewOf(worker), secret };
  }

  /**
   * Replaces a webhook and enables it. Keeps its secret unless `settings` has another, and its address if
   * `settings` has it as it is shown.
   *
   * @throws OxbowError `webhook-unknown`, `bad-request`
   */
  async replace(id: string, settings: WebhookSettings): Promise<WebhookView> {
    const worker = this.#find(id);
    const { secret, createdMs } = worker.webhook;
    if (secret === '' && settings.secret === undefined) {
      throw new OxbowError('bad-request', 'Another key has sealed the secret of the webhook: `secret` is needed.');
    }
    // As it is shown: unchanged.
    const isUnchanged = settings.url === shownHook(worker.webhook.url);
    if (isUnchanged && secret === '') {
      throw new OxbowError('bad-request', 'Another key has sealed the address of the webhook: write all of `url`.');
    }
    const url = isUnchanged ? worker.webhook.url : settings.url;
    await worker.replace(parse({ ...settings, url }, { id, secret: settings.secret ?? secret, createdMs }));
    worker.work();
    return viewOf(worker);
  }

  /**
   * Removes a webhook and its waiting deliveries.
   *
   * @throws OxbowError `webhook-unknown`
   */
  async remove(id: string): Promise<void> {
    const worker = this.#find(id);
    this.#workers.delete(id);
    await worker[Symbol.asyncDispose]();
    await this.#options.past?.replays.remove(id);
    await this.#options.table.remove(id);
  }

  /**
   * The newest deliveries, newest first.
   *
   * @throws OxbowError `webhook-unknown`
   */
  async deliveries(id: string): Promise<readonly DeliveryView[]> {
    this.#find(id);
    return (await this.#options.table.newest(id)).map(deliveryViewOf);
  }

  /**
   * Sends an event `webhook.test` at once, ahead of waiting deliveries, and returns the outcome.
   *
   * @param options.traceparent of the request that causes it
   * @throws OxbowError `webhook-unknown`, `sealed-elsewhere`
   */
  async test(
    id: string,
    { signal, traceparent }: { signal: AbortSignal; traceparent?: string | undefined },
  ): Promise<WebhookTestView> {
    const { webhook } = this.#find(id);
    // Of its address only the host is known.
    if (webhook.secret === '') {
      throw new OxbowError('sealed-elsewhere', `Another key has sealed the address of the webhook ${id}.`);
    }
    const { clock } = this.#options;
    const at = printRfc3339(clock.nowMs());
    const eventId = `test-${randomBytes(8).toString('hex')}`;
    const body = JSON.stringify({ id: eventId, type: 'webhook.test', at, stream: null, data: {} });
    const startedMs = clock.monotonicMs();
    const { ok, status, error } = await sendOnce(this.#options, webhook, eventId, body, {
      signal,
      traceparent,
    });
    return { ok, status, error, tookMs: Math.round(clock.monotonicMs() - startedMs) };
  }

  /**
   * Sends past events again that the webhook gets, up to now, in the order of the log: also those that it has
   * received.
   *
   * @param since a cursor of the log, the id of an event, or a time
   * @throws OxbowError `webhook-unknown`, `webhook-disabled`, `events-gone`, `bad-request`
   */
  async replay(id: string, since: string): Promise<ReplayView> {
    const worker = this.#find(id);
    const { past } = this.#options;
    if (!past) throw noPastEvents();
    if (worker.webhook.disabledMs !== null) {
      throw new OxbowError('webhook-disabled', `The webhook ${id} is disabled: ${worker.webhook.disabledReason}.`);
    }
    await past.log.flush();
    const after = await past.log.locate(since);
    const until = Math.max(after, await past.log.newest());
    if (until > after) {
      await past.replays.put(id, { after, until });
      worker.beginReplay();
      worker.work();
    } else await past.replays.remove(id);
    return { since: await past.log.print(after), until: await past.log.print(until), events: until - after };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= (async () => {
      this.#subscription?.close();
      await Promise.all([...this.#workers.values()].map((worker) => worker[Symbol.asyncDispose]()));
      this.#ending.abort(new DOMException('webhooks end', 'AbortError'));
      await Promise.all(this.#shared);
    })();
    return this.#closing;
  }

  #worker(webhook: Webhook, waiting: number): DeliveryWorker {
    return new DeliveryWorker({ ...this.#options, maySend: () => this.#maySend }, webhook, waiting);
  }

  /** Other nodes have changed webhooks. */
  #learn(ids: readonly string[] | undefined, changed: readonly Webhook[]): void {
    const changedIds = new Set(changed.map(({ id }) => id));
    for (const webhook of changed) {
      const worker = this.#workers.get(webhook.id);
      if (worker) worker.learn(webhook);
      else this.#workers.set(webhook.id, this.#worker(webhook, 0));
    }
    for (const id of ids ?? [...this.#workers.keys()]) {
      const worker = changedIds.has(id) ? undefined : this.#workers.get(id);
      if (!worker) continue;
      this.#workers.delete(id);
      worker[Symbol.asyncDispose]().catch(this.#options.failed);
    }
  }

  /** Sends while this node has the lease; waits for it otherwise. */
  async #takeTurns(): Promise<void> {
    const { leases, holder = '', failed } = this.#options;
    const { signal } = this.#ending;
    while (leases && !signal.aborted) {
      try {
        const { lease } = await leases.acquire(LEASE, { holder, ttlMs: LEASE_MS, ifHeld: 'wait', signal });
        await using _ = lease!;
        const over = AbortSignal.any([lease!.lost, signal]);
        if (over.aborted) continue; // while the database answered
        this.#maySend = true;
        for (const worker of this.#workers.values()) worker.work();
        await once(over, 'abort');
        this.#maySend = false;
      } catch (error) {
        if (signal.aborted) return;
        failed(error);
        await pause(LOOK_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
      }
    }
  }

  /** Counts waiting deliveries, and sends those that other nodes have stored. */
  async #count(): Promise<void> {
    const { table, past, failed } = this.#options;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await pause(LOOK_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
      if (signal.aborted) return;
      try {
        const waiting = await table.allWaiting();
        const replaying = (await past?.replays.all()) ?? new Set();
        for (const [id, worker] of this.#workers) {
          if (replaying.has(id)) worker.beginReplay();
          worker.count(waiting.get(id) ?? 0);
        }
      } catch (error) {
        failed(error);
      }
    }
  }

  #find(id: string): DeliveryWorker {
    const worker = this.#workers.get(id);
    if (worker) return worker;
    throw new OxbowError('webhook-unknown', `There is no webhook with the id "${id.slice(0, 80)}".`);
  }
}

function noPastEvents(): OxbowError {
  return new OxbowError('events-gone', 'This server keeps no past events: `events.keep` is 0.', {
    extra: { hint: 'Set `events.keep`, for example to 1d, and start oxbow again.' },
  });
}

/** @throws OxbowError `bad-request` */
function parse(
  { url, types = [], stream, secret }: WebhookSettings,
  identity: Pick<Webhook, 'id' | 'secret' | 'createdMs'>,
): Webhook {
  if (url.includes('…')) {
    throw new OxbowError('bad-request', 'The address of the webhook is not complete: `…` is what is not shown.');
  }
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new OxbowError('bad-request', 'Invalid webhook URL. Use an http or https URL.');
  }
  if (secret !== undefined) checkSecret(secret);
  return {
    ...identity,
    url: parsed.href,
    types,
    stream: stream ?? null,
    failingSinceMs: null,
    disabledMs: null,
    disabledReason: '',
  };
}

function viewOf({ webhook, waiting, isReplaying }: DeliveryWorker): WebhookView {
  const { id, types, stream, createdMs, failingSinceMs, disabledMs, disabledReason } = webhook;
  const time = (ms: number | null) => (ms === null ? null : printRfc3339(ms));
  return {
    id,
    url: shownHook(webhook.url),
    types,
    stream,
    waiting,
    replaying: isReplaying,
    disabledReason,
    createdAt: printRfc3339(createdMs),
    failingSince: time(failingSinceMs),
    disabledAt: time(disabledMs),
  };
}

function deliveryViewOf(row: Delivery): DeliveryView {
  const { event_id, type, state, tries, status, error, created_us, next_us, ended_us } = row;
  const time = (us: number) => printRfc3339(us / 1000);
  return {
    id: event_id,
    type,
    tries,
    status,
    error,
    state: state as DeliveryView['state'],
    createdAt: time(created_us),
    nextAt: state === 'waiting' ? time(next_us) : null,
    endedAt: ended_us === null ? null : time(ended_us),
  };
}
