/**
 * All users: in memory by id and by name, and in the table `user`.
 * In: rows, names, passwords. Out: users; events of their changes.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Emitter } from '../../lib/events.ts';
import { createSecret } from '../random-secret.ts';
import type { Rows } from '../secret-table.ts';
import type { HashQueue } from './hash-queue.ts';
import { hashPassword } from './password.ts';
import { requireGoodPassword } from './password-rules.ts';
import type { User } from './user.ts';
import { nameKeyOf, readName } from './user-name.ts';
import type { UserReferences } from './user-references.ts';

/** A new account. */
interface NewUser {
  readonly name: string;
  readonly role: 'user' | 'admin';
  readonly state: 'active' | 'pending';
  /** Undefined: it signs in only by another service. */
  readonly password?: string | undefined;
  /** A hash that was imported, in place of a password. */
  readonly passwordHash?: string | undefined;
  readonly email?: string | undefined;
  readonly emailVerified?: boolean;
  /** An administrator makes it: reserved names are allowed. */
  readonly byAdmin?: boolean;
}

/** A change of a user; members that are absent stay. */
type UserChange = Partial<Pick<User, 'name' | 'role' | 'state' | 'email' | 'emailVerified' | 'password'>>;

/** Where users are stored. */
export interface UserRows extends Rows<User> {
  /** Id of the user with a name that another node may have taken. Absent: only this process creates users. */
  readonly idOfName?: (nameKey: string) => Promise<string | undefined>;
}

interface UsersOptions {
  readonly rows: UserRows;
  readonly clock: Clock;
  /** What refers to users, to be ended with them. */
  readonly references: UserReferences;
  readonly hashes: HashQueue;
  /** Called with a failure after a change of another node. */
  readonly failed: (error: unknown) => void;
}

/** Most accounts. */
const MAX_USERS = 100_000;
/** The last use is stored at most this often, ms. */
const SEEN_EACH_MS = 3_600_000;

export class Users {
  readonly #rows: UserRows;
  readonly #clock: Clock;
  readonly #references: UserReferences;
  readonly #hashes: HashQueue;
  readonly #byId = new Map<string, User>();
  readonly #byName = new Map<string, User>();
  /** By verified address. */
  readonly #byEmail = new Map<string, User>();
  #guests = 0;
  /** Emits a user after each change, also a deleted one. Synchronous. */
  readonly changed = new Emitter<User>();

  private constructor({ rows, clock, references, hashes }: UsersOptions) {
    this.#rows = rows;
    this.#clock = clock;
    this.#references = references;
    this.#hashes = hashes;
  }

  /** Reads the stored users. */
  static async open(options: UsersOptions): Promise<Users> {
    const { rows, failed } = options;
    const users = new Users(options);
    // A reader waits until memory has the rows, not until sessions have ended with a ban: ending them writes
    // other rows.
    rows.follow?.((keys, changed) => void users.#learn(keys, changed).catch(failed));
    for (const user of await rows.all()) users.#keep(user);
    return users;
  }

  /** Number of accounts; guests are not counted. */
  get count(): number {
    return this.#byId.size - this.#guests;
  }

  /** Number of guests. */
  get guests(): number {
    return this.#guests;
  }

  /** All users but deleted ones, guests included, in no order. */
  *all(): IterableIterator<User> {
    for (const user of this.#byId.values()) if (user.state !== 'deleted') yield user;
  }

  /** A user that is not deleted. */
  find(id: string): User | undefined {
    const user = this.#byId.get(id);
    return user?.state === 'deleted' ? undefined : user;
  }

  /** An account by its name, in any case. */
  findByName(name: string): User | undefined {
    return this.#byName.get(nameKeyOf(name));
  }

  /** An account by its verified e-mail address. */
  findByEmail(email: string): User | undefined {
    return this.#byEmail.get(email.toLowerCase());
  }

  /** @throws OxbowError `user-unknown` */
  get(id: string): User {
    const user = this.find(id);
    if (!user) throw unknown(id);
    return user;
  }

  /**
   * Creates an account.
   *
   * @throws OxbowError `bad-user-name`, `user-name-taken`, `bad-password`, `limit-reached`, `sign-in-busy`
   */
  async create({ byAdmin = false, ...account }: NewUser): Promise<User> {
    const name = readName(account.name, { mayBeReserved: byAdmin });
    this.#requireFree(name);
    if (this.count >= MAX_USERS) throw new OxbowError('limit-reached', `There are ${MAX_USERS} users already.`);
    const { password: text, passwordHash, role, state, email, emailVerified = false } = account;
    if (text !== undefined) requireGoodPassword(text, name);
    const password = text === undefined ? passwordHash : await this.#hashes.run(() => hashPassword(text));
    this.#requireFree(name); // someone else may have taken it during the hash
    return this.#add({ name, nameKey: nameKeyOf(name), role, state, password, email, emailVerified });
  }

  /**
   * Creates a guest. Guests may share names, but not have that of an account.
   *
   * @param most guests in all
   * @throws OxbowError `bad-user-name`, `user-name-taken`, `limit-reached`
   */
  async makeGuest(text: string, { most }: { readonly most: number }): Promise<User> {
    if (this.#guests >= most) throw new OxbowError('limit-reached', `There are ${most} guests already.`);
    const name = this.#guestName(text);
    const none = { nameKey: undefined, password: undefined, email: undefined, emailVerified: false };
    return this.#add({ name, role: 'guest', state: 'active', ...none });
  }

  /**
   * Changes a user.
   *
   * @param change `password` is a hash
   * @throws OxbowError `user-unknown`, `bad-user-name`, `user-name-taken`
   */
  async change(id: string, change: UserChange, { byAdmin = false } = {}): Promise<User> {
    const user = this.get(id);
    let { name, nameKey } = user;
    if (change.name !== undefined && change.name !== name) {
      if (user.role === 'guest') name = this.#guestName(change.name);
      else {
        name = readName(change.name, { mayBeReserved: byAdmin });
        nameKey = nameKeyOf(name);
        if (nameKey !== user.nameKey) this.#requireFree(name);
      }
    }
    const changed = await this.#put({ ...user, ...change, name, nameKey });
    if (user.state === 'active' && changed.state !== 'active') await this.#references.end(changed);
    return changed;
  }

  /** Notes that a user was here. */
  async seen(id: string): Promise<void> {
    const user = this.find(id);
    const nowMs = this.#clock.nowMs();
    if (user && nowMs - user.seenMs >= SEEN_EACH_MS) await this.#put({ ...user, seenMs: nowMs });
  }

  /**
   * Deletes a user: it is gone at once, then every part forgets it, then the row is removed. A crash in
   * between is made up for by `finishDeletions`.
   *
   * @throws OxbowError `user-unknown`
   */
  async remove(id: string): Promise<void> {
    const user = this.get(id);
    const none = { nameKey: undefined, password: undefined, email: undefined, emailVerified: false };
    await this.#forget(await this.#put({ ...user, name: '', state: 'deleted', ...none }));
  }

  /** Completes deletions that a crash interrupted. Call it once all parts have registered. */
  async finishDeletions(): Promise<void> {
    for (const user of [...this.#byId.values()]) if (user.state === 'deleted') await this.#forget(user);
  }

  async #forget(user: User): Promise<void> {
    await this.#references.forget(user);
    await this.#rows.remove(user.id);
    if (this.#byId.delete(user.id) && user.role === 'guest') this.#guests--;
  }

  #guestName(text: string): string {
    const name = readName(text);
    this.#requireFree(name);
    return name;
  }

  #requireFree(name: string): void {
    if (!this.#byName.has(nameKeyOf(name))) return;
    throw taken(name);
  }

  #add(fields: Omit<User, 'id' | 'createdMs' | 'seenMs'>): Promise<User> {
    const nowMs = this.#clock.nowMs();
    return this.#put({ id: createSecret(9), createdMs: nowMs, seenMs: nowMs, ...fields });
  }

  /** In memory first, so that no one else takes the name, and a ban holds at once. */
  async #put(user: User): Promise<User> {
    const before = this.#byId.get(user.id);
    this.#keep(user, before);
    try {
      await this.#store(user, before);
    } catch (error) {
      if (this.#byId.get(user.id) === user) {
        if (before) this.#keep(before, user);
        else this.#drop(user);
      }
      throw error;
    }
    this.changed.emit(user);
    return user;
  }

  async #store(user: User, before: User | undefined): Promise<void> {
    const { change, idOfName } = this.#rows;
    try {
      if (!before || !change) await this.#rows.put(user);
      else if (!(await change(user, before))) throw unknown(user.id);
    } catch (error) {
      const holder = user.nameKey === undefined ? undefined : await idOfName?.(user.nameKey).catch(() => undefined);
      if (holder !== undefined && holder !== user.id) throw taken(user.name);
      throw error;
    }
  }

  /** Other nodes have changed users: the sessions of banned and deleted ones end here too. */
  async #learn(keys: readonly string[] | undefined, rows: readonly User[]): Promise<void> {
    const ids = new Set(rows.map(({ id }) => id));
    const gone = (keys ?? [...this.#byId.keys()]).flatMap((id) => (ids.has(id) ? [] : (this.#byId.get(id) ?? [])));
    const ended: User[] = [];
    for (const user of rows) {
      const before = this.#byId.get(user.id);
      this.#keep(user, before);
      if (before && isDeepStrictEqual(before, user)) continue;
      if (before && before.state !== user.state && user.state !== 'active') ended.push(user);
      this.changed.emit(user);
    }
    for (const user of gone) {
      this.#drop(user);
      this.changed.emit({ ...user, state: 'deleted' });
      if (user.state !== 'deleted') ended.push({ ...user, state: 'deleted' });
    }
    for (const user of ended) {
      await (user.state === 'deleted' ? this.#references.forget(user) : this.#references.end(user));
    }
  }

  #keep(user: User, before?: User): void {
    if (before) this.#drop(before);
    this.#byId.set(user.id, user);
    if (user.role === 'guest') this.#guests++;
    if (user.nameKey !== undefined) this.#byName.set(user.nameKey, user);
    if (user.email !== undefined && user.emailVerified) this.#byEmail.set(user.email.toLowerCase(), user);
  }

  #drop(user: User): void {
    this.#byId.delete(user.id);
    if (user.role === 'guest') this.#guests--;
    // Another user may have them by now.
    if (user.nameKey !== undefined && this.#byName.get(user.nameKey)?.id === user.id) this.#byName.delete(user.nameKey);
    const email = user.email?.toLowerCase();
    if (email !== undefined && this.#byEmail.get(email)?.id === user.id) this.#byEmail.delete(email);
  }
}

function unknown(id: string): OxbowError {
  return new OxbowError('user-unknown', `There is no user with the id "${id.slice(0, 80)}".`);
}

function taken(name: string): OxbowError {
  return new OxbowError('user-name-taken', `The name "${name}" is taken.`);
}
