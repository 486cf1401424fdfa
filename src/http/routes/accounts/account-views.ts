/**
 * The JSON of users, sessions, tokens and invitations.
 * In: rows of the accounts. Out: UserView, SessionView, TokenView, MeView.
 */
import type { ApiToken } from '../../../accounts/api-tokens.ts';
import { may } from '../../../accounts/permissions.ts';
import type { Principal } from '../../../accounts/principal.ts';
import { SESSION_MS, type Session } from '../../../accounts/sessions.ts';
import type { User } from '../../../accounts/users/user.ts';
import type { MeView, SessionView, TokenView } from '../../../api/account/access-shapes.ts';
import type { UserView } from '../../../api/account/account-shapes.ts';
import { printRfc3339 } from '../../../api/instant.ts';
import type { HttpDeps } from '../../deps.ts';

type Deps = Pick<HttpDeps, 'access'>;

/** A user, for themselves and for administrators. */
export function userView(user: User): UserView {
  const { id, name, role, state, email, emailVerified, createdMs, seenMs } = user;
  return {
    ...{ id, name, role, state: state === 'deleted' ? 'banned' : state },
    ...{ email: email ?? null, emailVerified, hasPassword: user.password !== undefined },
    identities: [],
    createdAt: printRfc3339(createdMs),
    seenAt: printRfc3339(seenMs),
  };
}

/** @param current the session of the request */
export function sessionView(
  { id, userId, createdMs, seenMs, address, program }: Session,
  current: Session | undefined,
  { access }: Deps,
): SessionView {
  const user = userId === undefined ? undefined : access.users.find(userId);
  return {
    id,
    address,
    program,
    current: id === current?.id,
    user: user ? { id: user.id, name: user.name } : null,
    createdAt: printRfc3339(createdMs),
    seenAt: printRfc3339(seenMs),
    expiresAt: printRfc3339(seenMs + SESSION_MS),
  };
}

/** A token, without its secret. */
export function tokenView({ id, label, scopes, createdMs, expiresMs }: ApiToken): TokenView {
  const expiresAt = expiresMs === undefined ? null : printRfc3339(expiresMs);
  return { id, label, scopes: [...scopes], createdAt: printRfc3339(createdMs), expiresAt };
}

/** The sender of a request, with what they may do. */
export function meView(principal: Principal, deps: Deps): MeView {
  const { isAdmin, session } = principal;
  const user = userOf(principal, deps);
  return {
    admin: isAdmin,
    session: session ? sessionView(session, session, deps) : null,
    user: user ? userView(user) : null,
    may: {
      upload: may(principal, 'uploader'),
      joinRooms: may(principal, 'joinRooms'),
      createRooms: may(principal, 'createRooms'),
      watchSigned: may(principal, 'watch', { visibility: 'signed' }),
    },
  };
}

/** The account or guest of a principal; undefined for the administrator of the command line. */
export function userOf({ user }: Principal, { access }: Deps): User | undefined {
  return user && access.users.find(user.id);
}
