/**
 * The rows of browsers that get messages, and of who follows which stream.
 * In: subscriptions, follows. Out: rows of the store. Addresses and keys of browsers are sealed before they
 * are written.
 */
import type { Kysely, Selectable } from 'kysely';
import { createSecret } from '../../accounts/random-secret.ts';
import type { SecretBox } from '../../accounts/secret-box.ts';
import type { PushKind } from '../../api/push/push-shapes.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Tables } from '../../store/schema.ts';
import type { PushTarget } from './encrypted-request.ts';
import type { PushSubscriptionTable } from './tables.ts';

/** Most browsers of one person. */
export const MAX_OF_PERSON = 20;
/** Most browsers in all. */
const MAX_IN_ALL = 20_000;
/** Most streams that one person follows. */
export const MAX_FOLLOWS = 500;
/** `sentMs` is stored at most this often, ms. */
const SENT_EACH_MS = 3_600_000;
/** A subscription that fails for this long ends, ms. */
const FAILS_FOR_MS = 7 * 24 * 3_600_000;
const PAGE_ROWS = 500;
const MAX_PROGRAM = 300;

/** A browser that gets messages. */
export interface StoredSubscription {
  readonly id: string;
  readonly sessionId: string;
  /** `admin`: the administrator of the command line. */
  readonly userId: string;
  /** Undefined: another secret of the server sealed it. */
  readonly target: PushTarget | undefined;
  readonly kinds: readonly PushKind[];
  /** Of all streams that the person finds; false: of those that they follow. */
  readonly allStreams: boolean;
  readonly origin: string;
  readonly program: string;
  readonly createdMs: number;
  readonly sentMs: number | undefined;
  readonly failingMs: number | undefined;
}

/** What a browser subscribes to. */
export type NewSubscription = Omit<StoredSubscription, 'id' | 'target' | 'createdMs' | 'sentMs' | 'failingMs'> & {
  readonly target: PushTarget;
};

export class SubscriptionTable {
  readonly #db: Kysely<Tables>;
  readonly #box: SecretBox;
  readonly #clock: Pick<Clock, 'nowMs'>;

  /** @param box only for this use */
  constructor(db: Kysely<Tables>, box: SecretBox, clock: Pick<Clock, 'nowMs'>) {
    this.#db = db;
    this.#box = box;
    this.#clock = clock;
  }

  /**
   * Adds a browser, or replaces what it subscribed to before, also as another person. The oldest browsers of
   * a person beyond `MAX_OF_PERSON` are removed.
   *
   * @throws OxbowError `limit-reached`
   */
  async put(from: NewSubscription): Promise<StoredSubscription> {
    const { sessionId, userId, target, kinds, allStreams, origin } = from;
    const mark = this.#box.mark(target.endpoint);
    // The browser of a session has one address at a time.
    const ofSession = this.#db.deleteFrom('push_subscription').where('session_id', '=', sessionId);
    await ofSession.where('mark', '!=', mark).execute();
    const values = {
      session_id: sessionId,
      user_id: userId,
      sealed: this.#box.seal(JSON.stringify(target)),
      kinds: kinds.join(','),
      all_streams: allStreams ? 1 : 0,
      origin,
      program: from.program.slice(0, MAX_PROGRAM),
      failing_us: null,
    };
    const changed = await this.#db
      .updateTable('push_subscription')
      .set(values)
      .where('mark', '=', mark)
      .returningAll()
      .executeTakeFirst();
    if (changed) return this.#stored(changed);
    await this.#makeRoom(userId);
    const nowUs = this.#nowUs();
    const row = await this.#db
      .insertInto('push_subscription')
      .values({ id: createSecret(9), mark, created_us: nowUs, sent_us: null, ...values })
      .onConflict((conflict) => conflict.column('mark').doUpdateSet(values))
      .returningAll()
      .executeTakeFirstOrThrow();
    return this.#stored(row);
  }

  /** The browsers of a person, the newest first. */
  async of(userId: string): Promise<readonly StoredSubscription[]> {
    const rows = await this.#db
      .selectFrom('push_subscription')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('created_us', 'desc')
      .orderBy('id')
      .limit(MAX_OF_PERSON)
      .execute();
    return rows.map((row) => this.#stored(row));
  }

  /** One browser of a person. */
  async find(id: string, userId: string): Promise<StoredSubscription | undefined> {
    const rows = this.#db.selectFrom('push_subscription').selectAll().where('id', '=', id);
    const row = await rows.where('user_id', '=', userId).executeTakeFirst();
    return row && this.#stored(row);
  }

  /** The browsers that want a kind of message about a stream, page by page. */
  async *wanting(kind: PushKind, streamId: string): AsyncIterable<readonly (StoredSubscription & Follows)[]> {
    for (let after = '', isLast = false; !isLast; ) {
      const rows = await this.#db
        .selectFrom('push_subscription as s')
        .leftJoin('push_follow as f', (join) =>
          join.onRef('f.user_id', '=', 's.user_id').on('f.stream_id', '=', streamId),
        )
        .selectAll('s')
        .select('f.stream_id as followed')
        .where('s.id', '>', after)
        .where('s.kinds', 'like', `%${kind}%`)
        .where((eb) => eb.or([eb('s.all_streams', '=', 1), eb('f.stream_id', 'is not', null)]))
        .orderBy('s.id')
        .limit(PAGE_ROWS)
        .execute();
      isLast = rows.length < PAGE_ROWS;
      after = rows.at(-1)?.id ?? after;
      if (rows.length > 0) yield rows.map((row) => ({ ...this.#stored(row), follows: row.followed !== null }));
    }
  }

  /** A message was accepted. */
  async sent({ id, sentMs, failingMs }: StoredSubscription): Promise<void> {
    const nowMs = this.#clock.nowMs();
    if (failingMs === undefined && sentMs !== undefined && nowMs - sentMs < SENT_EACH_MS) return;
    const values = { sent_us: this.#nowUs(), failing_us: null };
    await this.#db.updateTable('push_subscription').set(values).where('id', '=', id).execute();
  }

  /** A message was not accepted: a browser that has failed for a week is removed. */
  async failed({ id, failingMs }: StoredSubscription): Promise<void> {
    if (failingMs !== undefined && this.#clock.nowMs() - failingMs >= FAILS_FOR_MS) return await this.remove(id);
    const failing = this.#db.updateTable('push_subscription').set({ failing_us: this.#nowUs() });
    await failing.where('id', '=', id).where('failing_us', 'is', null).execute();
  }

  /** Removes a browser. */
  async remove(id: string): Promise<void> {
    await this.#db.deleteFrom('push_subscription').where('id', '=', id).execute();
  }

  /** Removes everything of a person. */
  async forget(userId: string): Promise<void> {
    await this.#db.deleteFrom('push_subscription').where('user_id', '=', userId).execute();
    await this.#db.deleteFrom('push_follow').where('user_id', '=', userId).execute();
  }

  /** Removes browsers whose session has ended, and follows of streams that were deleted. */
  async removeEnded(): Promise<void> {
    const sessions = this.#db.selectFrom('session').select('id');
    await this.#db.deleteFrom('push_subscription').where('session_id', 'not in', sessions).execute();
    const streams = this.#db.selectFrom('stream').select('id').where('deleted_us', 'is', null);
    await this.#db.deleteFrom('push_follow').where('stream_id', 'not in', streams).execute();
  }

  /** The person follows a stream from now on. @throws OxbowError `limit-reached` */
  async follow(userId: string, streamId: string): Promise<void> {
    const { count } = await this.#db
      .selectFrom('push_follow')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('user_id', '=', userId)
      .where('stream_id', '!=', streamId)
      .executeTakeFirstOrThrow();
    if (Number(count) >= MAX_FOLLOWS) {
      throw new OxbowError('limit-reached', `You follow ${MAX_FOLLOWS} streams already; stop following one of them.`);
    }
    await this.#db
      .insertInto('push_follow')
      .values({ user_id: userId, stream_id: streamId, created_us: this.#nowUs() })
      .onConflict((conflict) => conflict.columns(['user_id', 'stream_id']).doNothing())
      .execute();
  }

  /** The person does not follow a stream any more. */
  async unfollow(userId: string, streamId: string): Promise<void> {
    const rows = this.#db.deleteFrom('push_follow').where('user_id', '=', userId);
    await rows.where('stream_id', '=', streamId).execute();
  }

  /** Whether a person follows a stream. */
  async isFollowed(userId: string, streamId: string): Promise<boolean> {
    const rows = this.#db.selectFrom('push_follow').select('stream_id').where('user_id', '=', userId);
    return (await rows.where('stream_id', '=', streamId).executeTakeFirst()) !== undefined;
  }

  /** Names of the streams that a person follows. */
  async follows(userId: string): Promise<readonly string[]> {
    const rows = await this.#db
      .selectFrom('push_follow')
      .innerJoin('stream', 'stream.id', 'push_follow.stream_id')
      .where('push_follow.user_id', '=', userId)
      .where('stream.deleted_us', 'is', null)
      .select('stream.name')
      .orderBy('stream.name')
      .limit(MAX_FOLLOWS)
      .execute();
    return rows.map(({ name }) => name);
  }

  async #makeRoom(userId: string): Promise<void> {
    const { count } = await this.#db
      .selectFrom('push_subscription')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (Number(count) >= MAX_IN_ALL) {
      throw new OxbowError('limit-reached', `${MAX_IN_ALL} browsers get messages from this server already.`);
    }
    for (const { id } of (await this.of(userId)).slice(MAX_OF_PERSON - 1)) await this.remove(id);
  }

  #stored(row: Selectable<PushSubscriptionTable>): StoredSubscription {
    const sealed = this.#box.open(row.sealed);
    return {
      id: row.id,
      sessionId: row.session_id,
      userId: row.user_id,
      target: sealed === undefined ? undefined : (JSON.parse(sealed) as PushTarget),
      kinds: row.kinds === '' ? [] : (row.kinds.split(',') as PushKind[]),
      allStreams: row.all_streams === 1,
      origin: row.origin,
      program: row.program,
      createdMs: row.created_us / 1000,
      sentMs: row.sent_us === null ? undefined : row.sent_us / 1000,
      failingMs: row.failing_us === null ? undefined : row.failing_us / 1000,
    };
  }

  #nowUs(): number {
    return Math.round(this.#clock.nowMs() * 1000);
  }
}

/** Whether the person of a browser follows the stream. */
export interface Follows {
  readonly follows: boolean;
}
