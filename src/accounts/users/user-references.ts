/**
 * The parts of the server that refer to users: sessions, tokens, messages, the property of guests.
 * In: functions of these parts; users that were banned, deleted or merged. Out: calls of the functions, in
 * order.
 */
import type { User } from './user.ts';

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

export class UserReferences {
  readonly #enders: ForgetUser[] = [];
  readonly #forgetters: ForgetUser[] = [];
  readonly #mergers: MergeGuest[] = [];

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

  /** Ends the sessions, tokens and connections of a banned user. */
  async end({ id, role }: User): Promise<void> {
    for (const end of this.#enders) await end(id, role);
  }

  /** Removes all references to a deleted user. */
  async forget({ id, role }: User): Promise<void> {
    for (const forget of this.#forgetters) await forget(id, role);
  }

  /** Moves the property of a guest to an account. */
  async move(guestId: string, user: User): Promise<void> {
    for (const merge of this.#mergers) await merge(guestId, user);
  }
}
