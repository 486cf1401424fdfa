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
import { HashQueue } from './hash-queue.ts';
import { checkPassword, hashPassword } from './password.ts';
import { requireGoodPassword } from './password-rules.ts';
import type { User } from './user.ts';
import { nameKeyOf, readName } from './user-name.ts';

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

/**
 * Called when an account was deleted, or a guest: forgets references to it. May be called again after a
 * crash.
 */
type ForgetUser = (userId: string, role: User['role']) => Promise<void>;

/**
 * Called when a guest signs in to an account: the property of the guest moves there. May be called again
 * after a crash.
 */
type MergeGuest = (guestId: string, user: User) => Promise<void>;

/** Where users are stored. */
export interface UserRows extends Rows<User> {
  /** Id of the user with a name that another node may have taken. Absent: only this process creates users. */
  readonly idOfName?: (nameKey: string) => Promise<string | undefined>;
}

/** Most accounts. */
const MAX_USERS = 100_000;
/** The last use is stored at most this often, ms. */
const SEEN_EACH_MS = 3_600_000;

export class Users {
  readonly #rows: UserRows;
  readonly #clock: Clock;
  readonly #byId = new Map<string, User>();
  readonly #byName = new Map<string, User>();
  /** By verified address. */
  readonly #byEmail = new Map<string, User>();
  readonly #forgetters: ForgetUser[] = [];
  readonly #enders: ForgetUser[] = [];
  readonly #mergers: MergeGuest[] = [];
  #guests = 0;
  /** Compared for unknown names, so that they take as long as known ones. */
  #decoy: Promise<string> | undefined;
  readonly hashes = new HashQueue();
  /** Emits a user after each change, also a deleted one. Synchronous. */
  readonly changed = new Emitter<User>();

  private constructor(rows: UserRows, clock: Clock) {
    this.#rows = rows;
    this.#clock = clock;
  }

  /** Reads the stored users. */
  static async open(rows: UserRows, clock: Clock, failed: (error: unknown) => void = () => {}): Promise<Users> {
    const users = new Users(rows, clock);
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
    const password = text === undefined ? passwordHash : await this.hashes.run(() => hashPassword(text));
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
    if (user.state === 'active' && changed.state !== 'active')
      for (const end of this.#enders) await end(id, changed.role);
    return changed;
  }

  /**
   * Sets a password.
   *
   * @throws OxbowError `user-unknown`, `bad-password`, `sign-in-busy`
   */
  async setPassword(id: string, text: string): Promise<User> {
    requireGoodPassword(text, this.get(id).name);
    const password = await this.hashes.run(() => hashPassword(text));
    return this.change(id, { password });
  }

  /**
   * The account of a name and password, in any state; undefined if they do not match. Takes as long for names
   * that do not exist.
   *
   * @throws OxbowError `sign-in-busy`
   */
  async signIn(name: string, password: string): Promise<User | undefined> {
    const user = this.findByName(name);
    return (await this.hasPassword(user, password)) ? this.find(user!.id) : undefined;
  }

  /**
   * Whether a user has this password; an old hash is replaced.
   *
   * @throws OxbowError `sign-in-busy`
   */
  async hasPassword(user: User | undefined, password: string): Promise<boolean> {
    this.#decoy ??= hashPassword(createSecret());
    const hash = user?.password ?? (await this.#decoy);
    const { matches, isOld } = await this.hashes.run(() => checkPassword(hash, password));
    if (!matches || user?.password === undefined) return false;
    if (isOld) {
      const fresh = await this.hashes.run(() => hashPassword(password));
      // It may have been changed meanwhile.
      if (this.find(user.id)?.password === hash) await this.change(user.id, { password: fresh });
    }
    return true;
  }

  /** Notes that a user was here. */
  async seen(id: string): Promise<void> {
    const user = this.find(id);
    const nowMs = this.#clock.nowMs();
    if (user && nowMs - user.seenMs >= SEEN_EACH_MS) await this.#put({ ...user, seenMs: nowMs });
  }

  /**
   * Registers an end of sessions, tokens or connections: called when a user is banned. Requests are refused
   * before.
   */
  onBanned(end: ForgetUser): void {
    this.#enders.push(end);
  }

  /** Registers an owner of references to users: called for each deleted user. */
  onDeleted(forget: ForgetUser): void {
    this.#forgetters.push(forget);
  }

  /** Registers a move: called when a guest signs in. */
  onMerged(merge: MergeGuest): void {
    this.#mergers.push(merge);
  }

  /**
   * A guest has signed in, or has created an account: the property of the guest moves there, and the guest is
   * deleted.
   */
  async mergeGuest(guestId: string, user: User): Promise<void> {
    if (guestId === user.id || this.find(guestId)?.role !== 'guest') return;
    for (const merge of this.#mergers) await merge(guestId, user);
    await this.remove(guestId);
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

  async #forget({ id, role }: User): Promise<void> {
    for (const forget of this.#forgetters) await forget(id, role);
    await this.#rows.remove(id);
    if (this.#byId.delete(id) && role === 'guest') this.#guests--;
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
    for (const { id, role, state } of ended) {
      for (const end of state === 'deleted' ? this.#forgetters : this.#enders) await end(id, role);
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
