/**
 * Who may do what: the one function that decides, for routes, streams, assets, sessions and rooms.
 * In: a principal, an action, what it is about. Out: yes or no. Bit tests alone, so nothing is cached. docs/5-together/accounts.md.
 */
import type { Principal } from './principal.ts';

/** A principal with where it connects from. */
export interface Caller extends Principal {
  /** Directly from this computer; false for every forwarded request. */
  readonly isLocal?: boolean;
}

/** What an action is about. */
export interface Resource {
  /** Owner of it, as in `Principal.owner`. */
  readonly owner?: string | undefined;
  /** The user that it belongs to; undefined: the administrator of the command line. */
  readonly userId?: string | undefined;
  /** Visibility of a stream. */
  readonly visibility?: 'public' | 'unlisted' | 'signed' | 'private';
}

type Rule = (who: Caller, what: Resource) => boolean;

const isUser: Rule = ({ user }) => user !== undefined && user.role !== 'guest';
const isPerson: Rule = ({ user }) => user !== undefined;
const isAdmin: Rule = (who) => who.isAdmin;
/** The user, or the administrator of the command line for what has no user. */
const isOwn: Rule = ({ user, isAdmin: all }, { userId }) =>
  userId === undefined ? all && (user === undefined || user.id === 'admin') : user?.id === userId;

/** The table. The first rows are the levels of routes. */
const rules = {
  /** No permission is needed. */
  anyone: () => true,
  /** None for routes; restricted streams need a playback token, or `watch`. */
  viewer: () => true,
  /** Reads the state of the server. A program of this computer needs no credentials; one that sends some has what they give. */
  operator: ({ seesAll, isLocal, owner }) => seesAll || (isLocal === true && owner === ''),
  uploader: ({ mayUpload }) => mayUpload,
  worker: ({ isWorker }) => isWorker,
  admin: isAdmin,
  /** Makes playback tokens of streams that it may watch. */
  watcher: (who, what) => who.isAdmin || (isUser(who, what) && who.seesSigned),
  /** Has sessions or tokens of its own. */
  self: (who, what) => who.isAdmin || isPerson(who, what),
  /** Any account. */
  user: isUser,
  /** Any account, or a guest. */
  person: isPerson,
  /** Watches a stream without a playback token. */
  watch({ seesAll, seesSigned }, { visibility }) {
    if (visibility === 'public' || visibility === 'unlisted') return true;
    return seesAll || (visibility === 'signed' && seesSigned);
  },
  /** Finds a stream or asset in a list. */
  list({ seesAll, seesSigned }, { visibility }) {
    return seesAll || visibility === 'public' || (visibility === 'signed' && seesSigned);
  },
  /** Changes or deletes what someone made. */
  change: ({ isAdmin: all, owner }, { owner: of }) => all || (owner !== '' && owner === of),
  /** Ends a session, revokes a token. */
  revoke: (who, what) => who.isAdmin || isOwn(who, what),
  /** Sees a session or a token as its own. */
  own: isOwn,
  joinRooms: isPerson,
  /** Manages every room of this server. */
  manageRooms: isAdmin,
} as const satisfies Record<string, Rule>;

/** What a principal can be allowed to do. */
export type Action = keyof typeof rules;

/** Whether a principal may do this. */
export function may(who: Caller, action: Action, what: Resource = {}): boolean {
  return (rules[action] as Rule)(who, what);
}
