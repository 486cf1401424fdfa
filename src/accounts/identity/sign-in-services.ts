/**
 * Which user a person at another service is: the one they are linked to, the one who links them now, or a new
 * one.
 * In: the services of the settings, profiles. Out: users; views for the pages. An account is never joined by
 * an unverified e-mail address, and an administrator's by none.
 */
import type { ProviderView, UserView } from '../../api/account/account-shapes.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Sessions } from '../sessions.ts';
import type { SignUp } from '../users/sign-up.ts';
import type { User } from '../users/user.ts';
import type { UserReferences } from '../users/user-references.ts';
import type { Users } from '../users/users.ts';
import type { Identities } from './identities.ts';
import type { Profile } from './profile.ts';
import type { IdentityProvider } from './provider.ts';
import { type SignInTicket, SignInTickets } from './sign-in-ticket.ts';

interface SignInResult {
  readonly user: User;
  readonly result: 'signed-in' | 'linked' | 'created';
}

interface SignInServicesDeps {
  /** By name in the settings, as they are at the start. */
  readonly providers: ReadonlyMap<string, IdentityProvider>;
  readonly users: Users;
  readonly references: UserReferences;
  readonly sessions: Pick<Sessions, 'get'>;
  readonly signUp: SignUp;
  readonly identities: Identities;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Secret of the server, for tickets. */
  readonly secret: Uint8Array;
}

type SigningIn = [
  provider: Pick<IdentityProvider, 'id' | 'name' | 'signUp'>,
  profile: Profile,
  ticket: Pick<SignInTicket, 'session' | 'guest' | 'invitation'>,
];

/** Attempts to find a free name. */
const NAME_TRIES = 20;

/** The other services that sign users in. */
export class SignInServices {
  readonly #deps: SignInServicesDeps;
  /**
   * Sign-ins in progress by service and person: of two first ones at once, the second finds the account of
   * the first.
   */
  readonly #running = new Map<string, Promise<unknown>>();
  #providers: ReadonlyMap<string, IdentityProvider>;
  /** Tickets that browsers keep meanwhile. */
  readonly tickets: SignInTickets;

  constructor(deps: SignInServicesDeps) {
    this.#deps = deps;
    this.#providers = deps.providers;
    this.tickets = new SignInTickets(deps.secret);
    deps.references.onDeleted((id) => deps.identities.remove(id));
  }

  /**
   * Replaces the services: the settings have changed. A sign-in that has begun ends at the one with its name.
   */
  use(providers: ReadonlyMap<string, IdentityProvider>): void {
    this.#providers = providers;
  }

  /** The services that can be used, for buttons. */
  providers(): readonly ProviderView[] {
    return [...this.#providers.values()].map(({ id, name }) => ({ id, name }));
  }

  /** @throws OxbowError `provider-unknown` */
  provider(id: string): IdentityProvider {
    const provider = this.#providers.get(id);
    if (!provider) throw new OxbowError('provider-unknown', `There is no service named "${id.slice(0, 64)}".`);
    return provider;
  }

  /** The accounts of a user there. Reads memory. */
  identitiesOf(userId: string): UserView['identities'] {
    return this.#deps.identities.of(userId).map(({ provider, name }) => ({ provider, name }));
  }

  /**
   * The user of a person who came back from a service.
   *
   * @throws OxbowError `identity-taken` if the identity is linked to another user than the one who links it;
   *   `identity-expired` if that user has signed out meanwhile; as `SignUp.join` does
   */
  signIn(provider: SigningIn[0], profile: SigningIn[1], ticket: SigningIn[2]): Promise<SignInResult> {
    const key = `${provider.id} ${profile.subject}`;
    const before = this.#running.get(key) ?? Promise.resolve();
    const work = before.catch(() => {}).then(() => this.#signIn(provider, profile, ticket));
    this.#running.set(key, work);
    return work.finally(() => {
      if (this.#running.get(key) === work) this.#running.delete(key);
    });
  }

  async #signIn(...[provider, profile, ticket]: SigningIn): Promise<SignInResult> {
    const { users, identities } = this.#deps;
    const identity = identities.find(provider.id, profile.subject);
    const owner = identity && users.find(identity.userId);
    const linking = ticket.session === undefined ? undefined : this.#userOf(ticket.session);
    if (linking) {
      if (owner && owner.id !== linking.id) {
        throw new OxbowError('identity-taken', `This ${provider.name} account signs another user in.`);
      }
      await this.#link(provider, profile, linking);
      return { user: linking, result: 'linked' };
    }
    if (owner) {
      await this.#link(provider, profile, owner);
      await this.#mergeGuest(ticket.guest, owner);
      return { user: owner, result: 'signed-in' };
    }
    const same = profile.verifiedEmail === undefined ? undefined : users.findByEmail(profile.verifiedEmail);
    if (same && same.role !== 'admin') {
      await this.#link(provider, profile, same);
      await this.#mergeGuest(ticket.guest, same);
      return { user: same, result: 'linked' };
    }
    // The address stays with the account that has confirmed it.
    const email = same ? undefined : profile.verifiedEmail;
    const user = await this.#create(provider, profile, email, ticket.invitation);
    await this.#link(provider, profile, user);
    await this.#mergeGuest(ticket.guest, user);
    return { user, result: 'created' };
  }

  /**
   * Unlinks a service from a user, who keeps at least one way to sign in.
   *
   * @throws OxbowError `identity-unknown`, `last-sign-in`
   */
  async unlink(user: User, provider: string): Promise<void> {
    const { identities } = this.#deps;
    const linked = identities.of(user.id);
    if (!linked.some((identity) => identity.provider === provider)) {
      throw new OxbowError('identity-unknown', `No account of "${provider.slice(0, 80)}" signs the user in.`);
    }
    const others = linked.filter(
      (identity) => identity.provider !== provider && this.#providers.has(identity.provider),
    );
    if (user.password === undefined && others.length === 0) {
      throw new OxbowError('last-sign-in', 'The user has no password and no other service to sign in with.');
    }
    await identities.remove(user.id, provider);
  }

  #userOf(sessionId: string): User {
    const { users, sessions } = this.#deps;
    const userId = sessions.get(sessionId)?.userId;
    const user = userId === undefined ? undefined : users.find(userId);
    if (!user) throw new OxbowError('identity-expired', 'The user who links the service has signed out.');
    return user;
  }

  async #link({ id }: Pick<IdentityProvider, 'id'>, { subject, name }: Profile, user: User): Promise<void> {
    const { identities, clock } = this.#deps;
    const before = identities.find(id, subject);
    if (before?.userId === user.id && before.name === name) return;
    await identities.put({
      provider: id,
      subject,
      userId: user.id,
      name,
      createdMs: before?.createdMs ?? clock.nowMs(),
    });
  }

  async #create(
    { signUp: mode, name: service }: Pick<IdentityProvider, 'name' | 'signUp'>,
    { name }: Profile,
    email: string | undefined,
    invitation: string | undefined,
  ): Promise<User> {
    const { users, signUp } = this.#deps;
    if (mode === 'closed') {
      throw new OxbowError('sign-up-closed', `No accounts are created for people from ${service}: link it to yours.`);
    }
    const account = { password: undefined, email, emailVerified: email !== undefined };
    return this.#withFreeName(name, (free) =>
      mode === 'open' && invitation === undefined
        ? users.create({ ...account, name: free, role: 'user', state: 'active' })
        : signUp.join({ ...account, name: free, invitation }),
    );
  }

  /**
   * Tries the name at the service, then with numbers, then others: it may be taken, reserved, or invalid
   * here.
   */
  async #withFreeName(name: string, create: (name: string) => Promise<User>): Promise<User> {
    let base = [...name.trim()].slice(0, 28).join('');
    for (let i = 0; ; i++) {
      const isOwn = base !== '' && i < NAME_TRIES / 2;
      try {
        return await create(i === 0 && isOwn ? base : `${isOwn ? base : 'user'} ${Math.floor(Math.random() * 1000)}`);
      } catch (error) {
        const code = error instanceof OxbowError ? error.code : '';
        if ((code !== 'user-name-taken' && code !== 'bad-user-name') || i >= NAME_TRIES) throw error;
        if (code === 'bad-user-name') base = '';
      }
    }
  }

  /** The guest who began the sign-in is this user from now on. One who waits for approval stays a guest. */
  async #mergeGuest(id: string | undefined, user: User): Promise<void> {
    if (id !== undefined && user.state === 'active') await this.#deps.signUp.mergeGuest(id, user);
  }
}
