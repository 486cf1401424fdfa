/**
 * Passwords of rooms, stored as those of users are.
 * In: passwords. Out: PHC strings, and whether one matches.
 */
import { HashQueue } from '../../../accounts/users/hash-queue.ts';
import { checkPassword, hashPassword } from '../../../accounts/users/password.ts';

/** Hashes and checks, a few at once. */
export class RoomPasswords {
  readonly #queue = new HashQueue();

  /** @throws OxbowError `sign-in-busy` */
  hash(password: string): Promise<string> {
    return this.#queue.run(() => hashPassword(password));
  }

  /** @throws OxbowError `sign-in-busy` */
  async matches(hash: string, password: string): Promise<boolean> {
    return (await this.#queue.run(() => checkPassword(hash, password))).matches;
  }
}
