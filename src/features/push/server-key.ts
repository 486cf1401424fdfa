/**
 * The key pair that identifies this server to push services. It is made at the first use, one for all nodes
 * of the database; its private half is stored sealed.
 * In: the database, a box. Out: the key pair, base64url. RFC 8292.
 */
import type { Kysely, Selectable } from 'kysely';
import type { SecretBox } from '../../accounts/secret-box.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Tables } from '../../store/schema.ts';
import { makeKeys, type ServerKeys } from './encrypted-request.ts';
import type { PushKeyTable } from './tables.ts';

const ID = 'vapid';

export class ServerKey {
  readonly #db: Kysely<Tables>;
  readonly #box: SecretBox;
  readonly #clock: Pick<Clock, 'nowMs'>;

  /** @param box only for this use */
  constructor(db: Kysely<Tables>, box: SecretBox, clock: Pick<Clock, 'nowMs'>) {
    this.#db = db;
    this.#box = box;
    this.#clock = clock;
  }

  /** The key pair that is stored; undefined before the first use, and if another secret sealed it. */
  async read(): Promise<ServerKeys | undefined> {
    return this.#opened(await this.#row());
  }

  /** The key pair; of nodes that make one at the same time, all get the first. */
  async get(): Promise<ServerKeys> {
    const row = await this.#row();
    const stored = this.#opened(row);
    if (stored) return stored;
    // Another secret of the server sealed it: no message can be signed with it any more.
    if (row) await this.#db.deleteFrom('push_key').where('sealed', '=', row.sealed).execute();
    await this.#insert();
    const made = await this.read();
    if (!made) throw new Error('the key of Web Push was replaced by a node with another secret');
    return made;
  }

  /** Replaces the key pair. Every browser has to subscribe again, so all subscriptions are deleted. */
  async rotate(): Promise<ServerKeys> {
    await this.#db.deleteFrom('push_key').where('id', '=', ID).execute();
    await this.#db.deleteFrom('push_subscription').execute();
    return await this.get();
  }

  #row(): Promise<Selectable<PushKeyTable> | undefined> {
    return this.#db.selectFrom('push_key').selectAll().where('id', '=', ID).executeTakeFirst();
  }

  #opened(row: Selectable<PushKeyTable> | undefined): ServerKeys | undefined {
    const privateKey = row && this.#box.open(row.sealed);
    return row && privateKey !== undefined ? { publicKey: row.public_key, privateKey } : undefined;
  }

  async #insert(): Promise<void> {
    const { publicKey, privateKey } = await makeKeys();
    const row = { id: ID, public_key: publicKey, sealed: this.#box.seal(privateKey), made_us: this.#nowUs() };
    await this.#db
      .insertInto('push_key')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
  }

  #nowUs(): number {
    return Math.round(this.#clock.nowMs() * 1000);
  }
}
