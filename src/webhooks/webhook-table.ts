/**
 * Webhooks and their deliveries in the store, so that deliveries continue after a restart.
 * In: settings, events. Out: rows. Addresses and secrets are sealed: a signature cannot be computed from a
 * hash.
 */
import type { Kysely, Selectable, Updateable } from 'kysely';
import type { EventType, OxbowEvent } from '../api/events.ts';
import type { RowChanges } from '../store/row-changes.ts';
import type { Tables, WebhookDeliveryTable, WebhookTable as WebhookRow } from '../store/schema.ts';
import { openWebhookColumns, webhookColumns } from '../store/sealed/sealed-columns.ts';
import { sealOf, type TextSeal } from '../store/sealed/text-seal.ts';

/** A webhook. Times are ms since 1970. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  /** Empty: all but job.progress and upload.progress. */
  readonly types: readonly EventType[];
  readonly stream: string | null;
  /** Empty: another key sealed it, and the webhook is disabled until it is set again. */
  readonly secret: string;
  readonly createdMs: number;
  readonly failingSinceMs: number | null;
  readonly disabledMs: number | null;
  readonly disabledReason: string;
}

/** Number of ended deliveries that are kept for each webhook. */
export const KEPT_DELIVERIES = 50;

/** A row of a delivery. */
export type Delivery = Selectable<WebhookDeliveryTable>;

/** A delivery to add. */
interface NewDelivery {
  readonly body: string;
  /** Ms since 1970. */
  readonly nowMs: number;
  readonly dropped: boolean;
  /** Of the span that published the event. */
  readonly traceparent?: string | undefined;
}

/** The webhooks and deliveries in the store. */
export class WebhookTable {
  readonly #db: Kysely<Tables>;
  readonly #changes: RowChanges | undefined;

  /** @param changes in a cluster: other nodes are notified of changes */
  constructor(db: Kysely<Tables>, changes?: RowChanges) {
    this.#db = db;
    this.#changes = changes;
  }

  /** Whether other nodes change webhooks, and store and send deliveries. */
  get isShared(): boolean {
    return this.#changes !== undefined;
  }

  /** Calls `learn` with webhooks that other nodes may have changed, as `LearnRows` of accounts. */
  follow(learn: (ids: readonly string[] | undefined, webhooks: readonly Webhook[]) => void): void {
    this.#changes?.follow('webhook', async (ids) => {
      const webhooks = await this.all(ids);
      return () => learn(ids, webhooks);
    });
  }

  /** All webhooks, oldest first. @param ids only these */
  async all(ids?: readonly string[]): Promise<Webhook[]> {
    const query = this.#db.selectFrom('webhook').selectAll().orderBy('created_us').orderBy('id');
    const rows = await (ids ? query.where('id', 'in', ids) : query).execute();
    return rows.map((row) => webhookOf(row, sealOf(this.#db)));
  }

  /** Inserts or updates a webhook. */
  async put(webhook: Webhook): Promise<void> {
    const { id, created_us, ...values } = rowOf(webhook, sealOf(this.#db));
    await this.#write(id, (db) =>
      db
        .insertInto('webhook')
        .values({ id, created_us, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
        .execute(),
    );
  }

  /**
   * Stores since when a webhook fails, and whether it is disabled, unless it was removed or sends elsewhere
   * by now.
   */
  async putState(webhook: Webhook): Promise<void> {
    const { id, url, sealed, failing_since_us, disabled_us, disabled_reason } = rowOf(webhook, sealOf(this.#db));
    await this.#write(id, (db) =>
      db
        .updateTable('webhook')
        .set({ failing_since_us, disabled_us, disabled_reason })
        .where('id', '=', id)
        .where('url', '=', url)
        .where('sealed', 'is not distinct from', sealed)
        .execute(),
    );
  }

  /** Deletes a webhook and its deliveries. */
  async remove(id: string): Promise<void> {
    await this.#db.deleteFrom('webhook_delivery').where('webhook_id', '=', id).execute();
    await this.#write(id, (db) => db.deleteFrom('webhook').where('id', '=', id).execute());
  }

  #write(id: string, write: (db: Kysely<Tables>) => Promise<unknown>): Promise<unknown> {
    return this.#changes ? this.#changes.write('webhook', id, write) : write(this.#db);
  }

  /** Adds a delivery, waiting or dropped. */
  async add(
    id: string,
    { id: eventId, type }: OxbowEvent,
    { body, nowMs, dropped, traceparent }: NewDelivery,
  ): Promise<void> {
    const now = usOf(nowMs);
    const ends = dropped
      ? { state: 'dropped', ended_us: now, error: 'too many deliveries were waiting', body: '' }
      : { state: 'waiting', ended_us: null, error: '', body };
    await this.#db
      .insertInto('webhook_delivery')
      .values({
        webhook_id: id,
        event_id: eventId,
        type,
        tries: 0,
        next_us: now,
        status: null,
        created_us: now,
        traceparent: traceparent ?? null,
        ...ends,
      })
      .execute();
    if (dropped) await this.#trim(id);
  }

  /** Number of waiting deliveries. */
  async waiting(id: string): Promise<number> {
    const { count } = await this.#db
      .selectFrom('webhook_delivery')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('webhook_id', '=', id)
      .where('state', '=', 'waiting')
      .executeTakeFirstOrThrow();
    return count;
  }

  /** Number of waiting deliveries of each webhook that has any. */
  async allWaiting(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#db
      .selectFrom('webhook_delivery')
      .select((eb) => ['webhook_id', eb.fn.countAll<number>().as('count')])
      .where('state', '=', 'waiting')
      .groupBy('webhook_id')
      .execute();
    return new Map(rows.map(({ webhook_id, count }) => [webhook_id, Number(count)]));
  }

  /** The oldest waiting delivery. */
  next(id: string): Promise<Delivery | undefined> {
    return this.#db
      .selectFrom('webhook_delivery')
      .selectAll()
      .where('webhook_id', '=', id)
      .where('state', '=', 'waiting')
      .orderBy('seq')
      .limit(1)
      .executeTakeFirst();
  }

  /** The newest deliveries, newest first. */
  newest(id: string): Promise<Delivery[]> {
    return this.#db
      .selectFrom('webhook_delivery')
      .selectAll()
      .where('webhook_id', '=', id)
      .orderBy('seq', 'desc')
      .limit(KEPT_DELIVERIES)
      .execute();
  }

  /** Updates a delivery after an attempt, if it still waits; false if another node has ended it. */
  async set({ seq, webhook_id }: Delivery, change: Updateable<WebhookDeliveryTable>): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('webhook_delivery')
      .set(change)
      .where('seq', '=', seq)
      .where('state', '=', 'waiting')
      .executeTakeFirst();
    if (change.state !== undefined) await this.#trim(webhook_id);
    return numUpdatedRows > 0n;
  }

  /** Marks all waiting deliveries as dropped. */
  async drop(id: string, nowMs: number, error: string): Promise<void> {
    await this.#db
      .updateTable('webhook_delivery')
      .set({ state: 'dropped', ended_us: usOf(nowMs), error, body: '' })
      .where('webhook_id', '=', id)
      .where('state', '=', 'waiting')
      .execute();
    await this.#trim(id);
  }

  async #trim(id: string): Promise<void> {
    const oldest = await this.#db
      .selectFrom('webhook_delivery')
      .select('seq')
      .where('webhook_id', '=', id)
      .where('state', '!=', 'waiting')
      .orderBy('seq', 'desc')
      .offset(KEPT_DELIVERIES)
      .limit(1)
      .executeTakeFirst();
    if (!oldest) return;
    await this.#db
      .deleteFrom('webhook_delivery')
      .where('webhook_id', '=', id)
      .where('state', '!=', 'waiting')
      .where('seq', '<=', oldest.seq)
      .execute();
  }
}

const usOf = (ms: number) => Math.round(ms * 1000);
const msOf = (us: number | null) => (us === null ? null : us / 1000);

/** Shown where a webhook has no address that this server can open. */
const SEALED_ELSEWHERE = 'another key has sealed its address and its secret; set both again';

function webhookOf(row: Selectable<WebhookRow>, seal: TextSeal | undefined): Webhook {
  const { id, types, stream, created_us, failing_since_us, disabled_us, disabled_reason } = row;
  const opened = openWebhookColumns(row, seal);
  const { url, secret } = opened ?? { url: row.url, secret: '' };
  return {
    id,
    url,
    stream,
    secret,
    disabledReason: opened ? disabled_reason : SEALED_ELSEWHERE,
    types: JSON.parse(types) as EventType[],
    createdMs: created_us / 1000,
    failingSinceMs: msOf(failing_since_us),
    disabledMs: msOf(opened ? disabled_us : (disabled_us ?? created_us)),
  };
}

function rowOf(webhook: Webhook, seal: TextSeal | undefined): Selectable<WebhookRow> {
  const { id, types, stream, createdMs, failingSinceMs, disabledMs, disabledReason } = webhook;
  const { url, secret, sealed } = webhookColumns(webhook, seal);
  return {
    id,
    url,
    stream,
    secret,
    sealed,
    disabled_reason: disabledReason,
    types: JSON.stringify(types),
    created_us: usOf(createdMs),
    failing_since_us: failingSinceMs === null ? null : usOf(failingSinceMs),
    disabled_us: disabledMs === null ? null : usOf(disabledMs),
  };
}
