/**
 * Which accounts of other services sign which users in: in memory, and in the table `user_identity`.
 * In: profiles, users. Out: the user of a profile.
 */
import type { Kysely } from 'kysely';
import type { RowChanges } from '../../store/row-changes.ts';
import type { Tables } from '../../store/schema.ts';
import type { LearnRows } from '../secret-table.ts';

/** An account of another service that signs a user in. */
export interface Identity {
  /** Name of the service in the settings. */
  readonly provider: string;
  /** Id of the person there. */
  readonly subject: string;
  readonly userId: string;
  /** As the person is called there, for the list. */
  readonly name: string;
  readonly createdMs: number;
}

/** Where they are stored. */
export interface IdentityRows {
  /** @param keys only those with these, each `PROVIDER SUBJECT` */
  all(keys?: readonly string[]): Promise<readonly Identity[]>;
  put(row: Identity): Promise<void>;
  remove(provider: string, subject: string): Promise<void>;
  /** As `Rows.follow`. */
  readonly follow?: (learn: LearnRows<Identity>) => void;
}

/** All of them. */
export class Identities {
  readonly #rows: IdentityRows;
  readonly #bySubject = new Map<string, Identity>();
  readonly #byUser = new Map<string, Set<Identity>>();

  private constructor(rows: IdentityRows) {
    this.#rows = rows;
  }

  /** Reads the stored ones. */
  static async open(rows: IdentityRows): Promise<Identities> {
    const identities = new Identities(rows);
    rows.follow?.((keys, changed) => identities.#learn(keys, changed));
    for (const row of await rows.all()) identities.#keep(row);
    return identities;
  }

  /** The identity of a person at a service. */
  find(provider: string, subject: string): Identity | undefined {
    return this.#bySubject.get(keyOf(provider, subject));
  }

  /** Those of a user, in the order in which they were linked. */
  of(userId: string): readonly Identity[] {
    return [...(this.#byUser.get(userId) ?? [])];
  }

  /** Adds an identity, or renames it; effective at once, so that no one else gets it. */
  async put(identity: Identity): Promise<void> {
    const before = this.find(identity.provider, identity.subject);
    if (before) this.#drop(before);
    this.#keep(identity);
    try {
      await this.#rows.put(identity);
    } catch (error) {
      this.#drop(identity);
      if (before) this.#keep(before);
      throw error;
    }
  }

  /** Removes a user's identities at a service; undefined: at all. */
  async remove(userId: string, provider?: string): Promise<void> {
    for (const identity of this.of(userId)) {
      if (provider !== undefined && identity.provider !== provider) continue;
      this.#drop(identity);
      await this.#rows.remove(identity.provider, identity.subject);
    }
  }

  #learn(keys: readonly string[] | undefined, rows: readonly Identity[]): void {
    for (const key of keys ?? [...this.#bySubject.keys()]) {
      const before = this.#bySubject.get(key);
      if (before) this.#drop(before);
    }
    for (const row of rows) this.#keep(row);
  }

  #keep(identity: Identity): void {
    this.#bySubject.set(keyOf(identity.provider, identity.subject), identity);
    const identities = this.#byUser.get(identity.userId) ?? new Set();
    identities.add(identity);
    this.#byUser.set(identity.userId, identities);
  }

  #drop(identity: Identity): void {
    this.#bySubject.delete(keyOf(identity.provider, identity.subject));
    const identities = this.#byUser.get(identity.userId);
    identities?.delete(identity);
    if (identities?.size === 0) this.#byUser.delete(identity.userId);
  }
}

/** Names of services have no spaces. */
function keyOf(provider: string, subject: string): string {
  return `${provider} ${subject}`;
}

/** The identities in the metadata store. @param changes in a cluster */
export function identityRows(db: Kysely<Tables>, changes?: RowChanges): IdentityRows {
  const write = (provider: string, subject: string, work: (db: Kysely<Tables>) => Promise<unknown>) =>
    changes ? changes.write('user_identity', keyOf(provider, subject), work) : work(db);
  const rows: IdentityRows = {
    async all(keys) {
      let query = db.selectFrom('user_identity').selectAll().orderBy('created_us');
      if (keys) {
        query = query.where((eb) =>
          eb.or(
            keys.map((key) => {
              const space = key.indexOf(' ');
              return eb.and({ provider: key.slice(0, space), subject: key.slice(space + 1) });
            }),
          ),
        );
      }
      const records = await query.execute();
      return records.map(({ provider, subject, user_id, name, created_us }) => ({
        provider,
        subject,
        userId: user_id,
        name,
        createdMs: created_us / 1000,
      }));
    },
    async put({ provider, subject, userId, name, createdMs }) {
      const created_us = Math.round(createdMs * 1000);
      await write(provider, subject, (db) =>
        db
          .insertInto('user_identity')
          .values({ provider, subject, user_id: userId, name, created_us })
          .onConflict((conflict) => conflict.columns(['provider', 'subject']).doUpdateSet({ name }))
          .execute(),
      );
    },
    async remove(provider, subject) {
      await write(provider, subject, (db) =>
        db.deleteFrom('user_identity').where('provider', '=', provider).where('subject', '=', subject).execute(),
      );
    },
  };
  if (!changes) return rows;
  return {
    ...rows,
    follow: (learn) =>
      changes.follow('user_identity', async (keys) => {
        const read = await rows.all(keys);
        return () => learn(keys, read);
      }),
  };
}
