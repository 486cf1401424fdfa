/**
 * Access control: the one function that decides, for routes, streams, assets, uploads, sessions and the
 * creation of rooms. In a room its masks decide, see api/room/permissions.ts.
 * In: a principal, an action, a resource. Out: yes or no. Only comparisons, some 10 ns, so nothing is
 * cached. docs/7-together/accounts.md.
 */
import type { Principal } from './principal.ts';

/** A principal with where it connects from. */
export interface Caller extends Principal {
  /** Directly from this computer; false for every forwarded request. */
  readonly isLocal?: boolean;
}

/** The resource of an action. */
export interface Resource {
  /** Owner of it, as in `Principal.owner`. */
  readonly owner?: string | undefined;
  /** The user that it belongs to; undefined: the administrator of the command line. */
  readonly userId?: string | undefined;
  /** Visibility of a stream or asset. */
  readonly visibility?: 'public' | 'unlisted' | 'signed' | 'private' | undefined;
  /** An asset in the trash. */
  readonly isDeleted?: boolean;
  /** The original file of an asset. */
  readonly isOriginal?: boolean;
  /** The setting `rooms.create`. */
  readonly creators?: 'users' | 'everyone' | 'admins' | 'off';
}

/** The part of a principal that decides about changes. */
export type OwnerCaller = Pick<Principal, 'isAdmin' | 'owner'>;
/** The part of a principal that decides about assets. */
type AssetCaller = OwnerCaller & Pick<Principal, 'seesAll'>;

/** The part of a principal that decides about clips. */
type ClipCaller = AssetCaller & Pick<Principal, 'seesSigned'>;

const isOpen = ({ visibility, isDeleted }: Resource): boolean =>
  (visibility === 'public' || visibility === 'unlisted') && !isDeleted;

type Rule = (who: Caller, resource: Resource) => boolean;

/** Anyone in the room holds its remote control: it watches and joins rooms. */
const isTelevision: Rule = ({ session }) => session?.isTelevision === true;
const hasAccount: Rule = ({ user }) => user !== undefined && user.role !== 'guest';
const isUser: Rule = (who, resource) => hasAccount(who, resource) && !isTelevision(who, resource);
const isPerson: Rule = ({ user }) => user !== undefined;
const isAdmin: Rule = (who) => who.isAdmin;
const isOwner = ({ owner }: OwnerCaller, { owner: of }: Resource): boolean => owner !== '' && owner === of;
/** The user, or the administrator of the command line for resources without a user. */
const isOwn: Rule = ({ user, isAdmin: byAdmin }, { userId }) =>
  userId === undefined ? byAdmin && (user === undefined || user.id === 'admin') : user?.id === userId;

/** Rules of changes. */
const ownerRules = {
  /** Changes or deletes a resource. */
  change: (who, resource) => who.isAdmin || isOwner(who, resource),
  /** Changes any resource. */
  changeAll: (who) => who.isAdmin,
} as const satisfies Record<string, (who: OwnerCaller, resource: Resource) => boolean>;

const inspects = (who: AssetCaller, resource: Resource): boolean =>
  who.isAdmin || who.seesAll || isOwner(who, resource);

const assetRules = {
  /**
   * Reads what only the owner and those who see everything read: of an asset its owner, original and upload;
   * a private asset.
   */
  inspect: inspects,
  /** Inspects the assets of everyone. */
  inspectAll: (who) => who.isAdmin || who.seesAll,
  /** Finds an asset by its address. */
  seeAsset: (who, resource) => isOpen(resource) || inspects(who, resource),
  /** Plays an asset without a playback token. One in the trash is refused later, with another answer. */
  watchAsset: (who, resource) =>
    (!resource.isOriginal && isOpen({ ...resource, isDeleted: false })) || inspects(who, resource),
} as const satisfies Record<string, (who: AssetCaller, resource: Resource) => boolean>;

const watches = ({ seesAll, seesSigned }: ClipCaller, { visibility }: Resource): boolean => {
  if (visibility === 'public' || visibility === 'unlisted') return true;
  return seesAll || (visibility === 'signed' && seesSigned);
};
const finds = ({ seesAll, seesSigned }: ClipCaller, { visibility }: Resource): boolean =>
  seesAll || visibility === 'public' || (visibility === 'signed' && seesSigned);

/** Rules of clips, which have a visibility as streams and an owner as assets. */
const clipRules = {
  /** Watches a clip without a playback token. */
  watchClip: (who, resource) => watches(who, resource) || isOwner(who, resource),
  /** Finds a clip in a list. */
  listClip: (who, resource) => finds(who, resource) || isOwner(who, resource),
} as const satisfies Record<string, (who: ClipCaller, resource: Resource) => boolean>;

/** The table. The first rows are the levels of routes. */
const rules = {
  /** No permission is needed. */
  anyone: () => true,
  /** None for routes; restricted streams need a playback token, or `watch`. */
  viewer: () => true,
  /**
   * Reads the state of the server. A program of this computer needs no credentials; one that sends some has
   * their rights.
   */
  operator: (who, resource) => {
    const { seesAll, isLocal, owner } = who;
    return !isTelevision(who, resource) && (seesAll || (isLocal === true && owner === ''));
  },
  uploader: ({ mayUpload }) => mayUpload,
  worker: ({ isWorker }) => isWorker,
  admin: isAdmin,
  /** Makes playback tokens of streams that it may watch. */
  watcher: (who, resource) => who.isAdmin || (hasAccount(who, resource) && who.seesSigned),
  /** Has its own sessions or tokens, rooms and cases. */
  self: (who, resource) => who.isAdmin || (isPerson(who, resource) && !isTelevision(who, resource)),
  /** Any account. */
  user: isUser,
  /** Any account, or a guest, also on a television. */
  person: (who, resource) => who.isAdmin || isPerson(who, resource),
  /** Watches a stream without a playback token. */
  watch: watches,
  /** Finds a stream or asset in a list. */
  list: finds,
  ...ownerRules,
  ...assetRules,
  ...clipRules,
  /** Ends a session, revokes a token. */
  revoke: (who, resource) => who.isAdmin || isOwn(who, resource),
  /** Sees a session or a token as its own. */
  own: isOwn,
  joinRooms: isPerson,
  createRooms: ({ user }, { creators = 'off' }) =>
    user !== undefined &&
    (user.role === 'admin'
      ? creators !== 'off'
      : creators === 'everyone' || (creators === 'users' && user.role === 'user')),
  /** Manages every room of this server. */
  manageRooms: isAdmin,
} as const satisfies Record<string, Rule>;

/** An action that may be allowed. */
export type Action = keyof typeof rules;

/** Whether a principal may do this. */
export function may(who: OwnerCaller, action: keyof typeof ownerRules, resource?: Resource): boolean;
export function may(who: AssetCaller, action: keyof typeof assetRules, resource?: Resource): boolean;
export function may(who: ClipCaller, action: keyof typeof clipRules, resource?: Resource): boolean;
export function may(who: Pick<Caller, 'user'>, action: 'createRooms', resource: Resource): boolean;
export function may(who: Caller, action: Action, resource?: Resource): boolean;
export function may(who: Partial<Caller>, action: Action, resource: Resource = {}): boolean {
  return (rules[action] as Rule)(who as Caller, resource);
}
