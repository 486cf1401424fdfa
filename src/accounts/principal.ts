/**
 * The sender of a request, and their rights: those of the administrator, of users by their role, and of
 * tokens.
 * In: a session or token with its user, the settings of accounts. Out: Principal.
 */
import type { ApiToken, TokenScope } from './api-tokens.ts';
import type { Session } from './sessions.ts';
import { administrator as administratorRef, refOf, type User, type UserRef } from './users/user.ts';
import type { WatchHolder } from './watch-tokens.ts';

/** The sender of a request. */
export interface Principal {
  /** Has every permission. */
  readonly isAdmin: boolean;
  /** May upload, and sees its uploads; true for every administrator. */
  readonly mayUpload: boolean;
  /** May watch every stream and read about it; true for every administrator. */
  readonly seesAll: boolean;
  /** May watch streams that need a playback token; true for everyone who sees all. */
  readonly seesSigned: boolean;
  /** May run jobs; true for every administrator. */
  readonly isWorker: boolean;
  /** The worker process that this server started itself. */
  readonly isOwnWorker: boolean;
  /** The browser's session, where a cookie authenticates the request. */
  readonly session: Session | undefined;
  /** For the log: the user, session or token, `''` for an anonymous client. No secret. */
  readonly name: string;
  /** The user or guest; undefined for anonymous clients, tokens that may not act as a user, and workers. */
  readonly user: UserRef | undefined;
  /**
   * The account behind the request, also behind a token that may not act as its user; undefined without one.
   */
  readonly account: WatchHolder | undefined;
  /**
   * Owner of its creations: `admin`, `user:` with the id of a user, or `token:` with that of an API token;
   * `''` for an anonymous client.
   */
  readonly owner: string;
}

/** The settings of the rights of users; read at each request. */
export interface UserRights {
  /** Users may upload. */
  readonly uploads: boolean;
  /** Streams that users may watch, besides public and unlisted ones. */
  readonly watch: 'public' | 'signed';
}

/** A client without credentials, or with wrong ones. */
export const anonymous: Principal = {
  isAdmin: false,
  mayUpload: false,
  seesAll: false,
  seesSigned: false,
  isWorker: false,
  isOwnWorker: false,
  session: undefined,
  user: undefined,
  account: undefined,
  name: '',
  owner: '',
};

/** The administrator of the command line. */
export const administrator: Principal = {
  isAdmin: true,
  mayUpload: true,
  seesAll: true,
  seesSigned: true,
  isWorker: true,
  isOwnWorker: false,
  session: undefined,
  user: administratorRef,
  account: undefined,
  name: 'admin token',
  owner: 'admin',
};

/** The worker process that this server started. */
export const ownWorker: Principal = { ...anonymous, isWorker: true, isOwnWorker: true, name: 'own worker' };

/** A user or guest; anonymous unless the account is active. */
export function principalOfUser(user: User | undefined, rights: UserRights): Principal {
  if (user?.state !== 'active') return anonymous;
  const who = {
    user: refOf(user),
    name: `${user.role} ${user.name}`,
    owner: `user:${user.id}`,
    account: { id: user.id, isAdmin: user.role === 'admin' },
  };
  if (user.role === 'admin') return { ...administrator, ...who };
  if (user.role === 'guest') return { ...anonymous, ...who };
  return { ...anonymous, ...who, mayUpload: rights.uploads, seesSigned: rights.watch === 'signed' };
}

/** A session; anonymous if its user is gone. */
export function principalOfSession(session: Session, user: User | undefined, rights: UserRights): Principal {
  const whole =
    session.userId === undefined ? { ...administrator, name: `session ${session.id}` } : principalOfUser(user, rights);
  if (whole === anonymous) return anonymous;
  return session.isTelevision ? { ...watching(whole), session } : { ...whole, session };
}

/** A person as their television: it sees what they see and joins rooms as them, and changes nothing else. */
function watching({ name, account, user, seesAll, seesSigned }: Principal): Principal {
  return {
    ...anonymous,
    name: `television of ${name}`,
    account,
    user: user && demoted(user),
    seesAll,
    seesSigned,
  };
}

/** A token: the rights of its scopes, and never more than those of its user. */
export function principalOfToken(token: ApiToken, user: User | undefined, rights: UserRights): Principal {
  const whole = token.userId === undefined ? administrator : principalOfUser(user, rights);
  if (whole === anonymous) return anonymous;
  const { account } = whole;
  const name = `token ${token.label}`;
  const has = (scope: TokenScope) => token.scopes.includes(scope);
  // A token that only reads or works must not change things of its user.
  const isForOwn = token.userId !== undefined && (has('admin') || has('account') || has('upload'));
  const owner = isForOwn ? whole.owner : `token:${token.id}`;
  // Tokens from before there were users act for no one.
  const self = token.userId === undefined ? undefined : whole.user;
  if (has('admin') && whole.isAdmin) return { ...administrator, user: self, account, name, owner };
  const actsAs = has('account');
  const sees = has('view') || actsAs;
  return {
    ...anonymous,
    name,
    owner,
    account,
    user: actsAs ? self && demoted(self) : undefined,
    mayUpload: (has('upload') || actsAs) && whole.mayUpload,
    seesAll: sees && whole.seesAll,
    seesSigned: sees && whole.seesSigned,
    isWorker: has('worker') && whole.isWorker,
  };
}

/** An administrator as a token without the scope `admin` shows them to rooms. */
function demoted(user: UserRef): UserRef {
  return user.role === 'admin' ? { ...user, role: 'user' } : user;
}
