/**
 * How people get an account or a guest's name: openly, with an invitation, or after an administrator's
 * approval.
 * In: names, passwords, invitation codes. Out: users; guests expire here, and become accounts.
 */
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Sessions } from '../sessions.ts';
import type { AccountSettings } from './account-settings.ts';
import type { Invitations } from './invitations.ts';
import type { User } from './user.ts';
import type { UserReferences } from './user-references.ts';
import type { Users } from './users.ts';

/** A request for an account. */
interface SignUpForm {
  readonly name: string;
  /** Undefined: another service signs the user in. */
  readonly password: string | undefined;
  /** Code of an invitation. */
  readonly invitation: string | undefined;
  readonly email?: string | undefined;
  readonly emailVerified?: boolean;
}

interface SignUpDeps {
  readonly users: Users;
  readonly references: UserReferences;
  readonly invitations: Invitations;
  readonly sessions: Sessions;
  readonly clock: Clock;
  settings(): AccountSettings;
}

/** Sign-up and guests. */
export class SignUp {
  readonly #deps: SignUpDeps;

  /** @param deps `settings` is read at each use */
  constructor(deps: SignUpDeps) {
    this.#deps = deps;
  }

  /**
   * Creates an account. An invitation is accepted in every mode but `closed`, and needs no approval.
   *
   * @throws OxbowError `sign-up-closed`, `invitation-refused`, and as `Users.create` does
   */
  async join({ invitation: code, ...form }: SignUpForm): Promise<User> {
    const { users, invitations, settings } = this.#deps;
    const { signUp } = settings();
    if (signUp === 'closed') {
      throw new OxbowError('sign-up-closed', 'Only administrators create accounts here.');
    }
    if (code !== undefined) {
      return invitations.use(code, ({ role }) => users.create({ ...form, role, state: 'active' }));
    }
    if (signUp === 'invitation') throw new OxbowError('sign-up-closed', 'An account needs an invitation here.');
    return users.create({ ...form, role: 'user', state: signUp === 'approval' ? 'pending' : 'active' });
  }

  /**
   * Creates a guest.
   *
   * @throws OxbowError `guests-refused`, and as `Users.makeGuest` does
   */
  async joinAsGuest(name: string): Promise<User> {
    const { users, settings } = this.#deps;
    const { guests, maxGuests } = settings();
    if (!guests) throw new OxbowError('guests-refused', 'Guests are not admitted here.');
    if (users.guests >= maxGuests) await this.removeOldGuests();
    return users.makeGuest(name, { most: maxGuests });
  }

  /**
   * A guest has signed in, or has created an account: the property of the guest moves there, and the guest is
   * deleted.
   */
  async mergeGuest(guestId: string, user: User): Promise<void> {
    const { users, references } = this.#deps;
    if (guestId === user.id || users.find(guestId)?.role !== 'guest') return;
    await references.move(guestId, user);
    await users.remove(guestId);
  }

  /** Removes guests that were not here for long, or whose session has ended. */
  async removeOldGuests(): Promise<void> {
    const { users, clock, settings } = this.#deps;
    const beforeMs = clock.nowMs() - settings().guestExpiry;
    const old = [...users.all()].filter(({ role, seenMs }) => role === 'guest' && seenMs < beforeMs);
    for (const { id } of old) if (users.find(id)) await users.remove(id);
  }
}
