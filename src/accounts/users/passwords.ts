/**
 * The passwords of accounts: set and compared, a few at a time.
 * In: names, passwords. Out: accounts whose password matches; hashes of new passwords in `Users`.
 */
import { createSecret } from '../random-secret.ts';
import type { HashQueue } from './hash-queue.ts';
import { checkPassword, hashPassword } from './password.ts';
import { requireGoodPassword } from './password-rules.ts';
import type { User } from './user.ts';
import type { Users } from './users.ts';

export class Passwords {
  readonly #users: Users;
  readonly #hashes: HashQueue;
  /** Compared for unknown names, so that they take as long as known ones. */
  #decoy: Promise<string> | undefined;

  constructor(users: Users, hashes: HashQueue) {
    this.#users = users;
    this.#hashes = hashes;
  }

  /** Number of passwords that wait to be hashed. */
  get waiting(): number {
    return this.#hashes.waiting;
  }

  /**
   * Sets a password.
   *
   * @throws OxbowError `user-unknown`, `bad-password`, `sign-in-busy`
   */
  async set(id: string, text: string): Promise<User> {
    requireGoodPassword(text, this.#users.get(id).name);
    const password = await this.#hashes.run(() => hashPassword(text));
    return this.#users.change(id, { password });
  }

  /**
   * The account of a name and password, in any state; undefined if they do not match. Takes as long for names
   * that do not exist.
   *
   * @throws OxbowError `sign-in-busy`
   */
  async signIn(name: string, password: string): Promise<User | undefined> {
    const user = this.#users.findByName(name);
    return (await this.matches(user, password)) ? this.#users.find(user!.id) : undefined;
  }

  /**
   * Whether a user has this password; an old hash is replaced.
   *
   * @throws OxbowError `sign-in-busy`
   */
  async matches(user: User | undefined, password: string): Promise<boolean> {
    this.#decoy ??= hashPassword(createSecret());
    const hash = user?.password ?? (await this.#decoy);
    const { matches, isOld } = await this.#hashes.run(() => checkPassword(hash, password));
    if (!matches || user?.password === undefined) return false;
    if (isOld) {
      const fresh = await this.#hashes.run(() => hashPassword(password));
      // It may have been changed meanwhile.
      if (this.#users.find(user.id)?.password === hash) await this.#users.change(user.id, { password: fresh });
    }
    return true;
  }
}
