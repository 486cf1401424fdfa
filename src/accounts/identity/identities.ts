/**
 * Which accounts of other services sign which users in: in memory, and in the table `user_identity`.
 * In: profiles, users. Out: the user of a profile.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../../store/schema.ts';

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
  all(): Promise<readonly Identity[]>;
  put(row: Identity): Promise<void>;
  remove(provider: string, subject: string): Promise<void>;
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

  #keep(identity: Identity): void {
    this.#bySubject.set(keyOf(identity.provider, identity.subject), identity);
    const own = this.#byUser.get(identity.userId) ?? new Set();
    own.add(identity);
    this.#byUser.set(identity.userId, own);
  }

  #drop(identity: Identity): void {
    this.#bySubject.delete(keyOf(identity.provider, identity.subject));
    const own = this.#byUser.get(identity.userId);
    own?.delete(identity);
    if (own?.size === 0) this.#byUser.delete(identity.userId);
  }
}

/** Names of services have no spaces. */
function keyOf(provider: string, subject: string): string {
  return `${provider} ${subject}`;
}

/** The identities in the metadata store. */
export function identityRows(db: Kysely<Tables>): IdentityRows {
  return {
    async all() {
      const rows = await db.selectFrom('user_identity').selectAll().orderBy('created_us').execute();
      return rows.map(({ provider, subject, user_id, name, created_us }) => ({
        ...{ provider, subject, userId: user_id, name },
        createdMs: created_us / 1000,
      }));
    },
    async put({ provider, subject, userId, name, createdMs }) {
      const created_us = Math.round(createdMs * 1000);
      await db
        .insertInto('user_identity')
        .values({ provider, subject, user_id: userId, name, created_us })
        .onConflict((conflict) => conflict.columns(['provider', 'subject']).doUpdateSet({ name }))
        .execute();
    },
    async remove(provider, subject) {
      await db.deleteFrom('user_identity').where('provider', '=', provider).where('subject', '=', subject).execute();
    },
  };
}
