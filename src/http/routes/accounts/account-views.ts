/**
 * The JSON of users, sessions, tokens and invitations.
 * In: rows of the accounts. Out: UserView, SessionView, TokenView, MeView.
 */
import type { ApiToken } from '../../../accounts/api-tokens.ts';
import type { StoredLine } from '../../../accounts/audit/audit-trail.ts';
import { may } from '../../../accounts/permissions.ts';
import type { Principal } from '../../../accounts/principal.ts';
import { SESSION_MS, type Session } from '../../../accounts/sessions.ts';
import type { Invitation } from '../../../accounts/users/invitations.ts';
import { administrator, type User } from '../../../accounts/users/user.ts';
import type { MeView, SessionView, TokenView } from '../../../api/account/access-shapes.ts';
import type { AuditEntry, InvitationView, UserView } from '../../../api/account/account-shapes.ts';
import { printRfc3339 } from '../../../api/instant.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { HttpDeps } from '../../deps.ts';

type Deps = Pick<HttpDeps, 'access'>;

/** A user, for themselves and for administrators. */
export function userView(user: User, { access }: Deps): UserView {
  const { id, name, role, state, email, emailVerified, createdMs, seenMs } = user;
  return {
    id,
    name,
    role,
    state: state === 'deleted' ? 'banned' : state,
    email: email ?? null,
    emailVerified,
    hasPassword: user.password !== undefined,
    identities: access.services.identitiesOf(id),
    createdAt: printRfc3339(createdMs),
    seenAt: printRfc3339(seenMs),
  };
}

/** @param current the session of the request */
export function sessionView(
  { id, userId, createdMs, seenMs, address, program, isTelevision }: Session,
  current: Session | undefined,
  { access }: Deps,
): SessionView {
  return {
    id,
    address,
    program,
    current: id === current?.id,
    television: isTelevision,
    user: shortOf(userId, access),
    createdAt: printRfc3339(createdMs),
    seenAt: printRfc3339(seenMs),
    expiresAt: printRfc3339(seenMs + SESSION_MS),
  };
}

/** A token, without its secret. */
export function tokenView({ id, userId, label, scopes, createdMs, expiresMs }: ApiToken, { access }: Deps): TokenView {
  const expiresAt = expiresMs === undefined ? null : printRfc3339(expiresMs);
  return {
    id,
    label,
    scopes: [...scopes],
    user: shortOf(userId, access),
    createdAt: printRfc3339(createdMs),
    expiresAt,
  };
}

/** The sender of a request, with what they may do. */
export function meView(principal: Principal, { abilities, ...deps }: Deps & Pick<HttpDeps, 'abilities'>): MeView {
  const { isAdmin, session } = principal;
  const user = userOf(principal, deps);
  const acting = session?.isTelevision ? undefined : principal.user;
  return {
    admin: isAdmin,
    session: session ? sessionView(session, session, deps) : null,
    user: user ? userView(user, deps) : null,
    may: {
      upload: may(principal, 'uploader'),
      joinRooms: may(principal, 'joinRooms'),
      createRooms: acting !== undefined && abilities.get('createRooms')?.(acting) === true,
      openCases: isAdmin || (acting !== undefined && abilities.get('openCases')?.(acting) === true),
      watchSigned: may(principal, 'watch', { visibility: 'signed' }),
    },
  };
}

/** The account or guest of a principal; undefined for the administrator of the command line. */
export function userOf({ user }: Principal, { access }: Deps): User | undefined {
  return user && access.users.find(user.id);
}

/**
 * The account of a browser that is signed in. A token of a program does not do: it would outlive a changed
 * password. Nor does a television, which anyone in the room uses.
 *
 * @throws OxbowError `forbidden`
 */
export function ownAccount(principal: Principal, deps: Deps): User {
  const { session } = principal;
  const user = session && !session.isTelevision && userOf(principal, deps);
  if (user) return user;
  throw new OxbowError('forbidden', 'Only a user who is signed in by a browser may do this.', {
    extra: { hint: 'The administrator of the command line has no account; `oxbow user add` creates one.' },
  });
}

/**
 * Id of the account that sessions and tokens of a principal belong to; undefined: the administrator of the
 * command line.
 */
export function accountIdOf({ session, user }: Principal): string | undefined {
  if (session) return session.userId;
  return user?.id === administrator.id ? undefined : user?.id;
}

/** An invitation, without its code. */
export function invitationView({ id, label, role, usesLeft, createdMs, expiresMs }: Invitation): InvitationView {
  const expiresAt = expiresMs === undefined ? null : printRfc3339(expiresMs);
  return { id, label, role, usesLeft, createdAt: printRfc3339(createdMs), expiresAt };
}

/** A line of the audit log. */
export function auditEntry({ seq, atMs, userId, ...line }: StoredLine): AuditEntry {
  const { name, address, action, request, status, traceId } = line;
  return { id: String(seq), at: printRfc3339(atMs), user: userId, name, address, action, request, status, traceId };
}

function shortOf(userId: string | undefined, { users }: Deps['access']): { id: string; name: string } | null {
  const user = userId === undefined ? undefined : users.find(userId);
  return user ? { id: user.id, name: user.name } : null;
}
