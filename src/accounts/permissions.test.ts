import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ApiToken, TokenScope } from './api-tokens.ts';
import { type Action, type Caller, may, type Resource } from './permissions.ts';
import {
  administrator,
  anonymous,
  ownWorker,
  principalOfSession,
  principalOfToken,
  principalOfUser,
} from './principal.ts';
import type { User } from './users/user.ts';

const base = { nameKey: 'x', password: undefined, email: undefined, emailVerified: false, createdMs: 0, seenMs: 0 };
const closed = { uploads: false, watch: 'public' } as const;
const open = { uploads: true, watch: 'signed' } as const;
const userOf = (role: User['role'], state: User['state'] = 'active'): User => ({
  ...base,
  id: 'me',
  name: 'Me',
  role,
  state,
});
const tokenOf = (role: User['role'], ...scopes: TokenScope[]): Caller => {
  const token: ApiToken = { id: 't', digest: '', userId: 'me', label: 't', scopes, createdMs: 0, expiresMs: undefined };
  return principalOfToken(token, userOf(role), open);
};

const televisionOf = (role: User['role']): Caller => {
  const times = { createdMs: 0, seenMs: 0 };
  const session = { id: 's', digest: '', userId: 'me', address: '', program: '', isTelevision: true };
  return principalOfSession(Object.assign(session, times), userOf(role), open);
};

/** The columns: everyone who may send a request. */
const callers: Readonly<Record<string, Caller>> = {
  anonymous,
  local: { ...anonymous, isLocal: true },
  banned: principalOfUser(userOf('admin', 'banned'), open),
  pending: principalOfUser(userOf('user', 'pending'), open),
  guest: principalOfUser(userOf('guest'), open),
  user: principalOfUser(userOf('user'), closed),
  trusted: principalOfUser(userOf('user'), open),
  admin: principalOfUser(userOf('admin'), closed),
  operator: administrator,
  worker: ownWorker,
  'user view': tokenOf('user', 'view'),
  'user upload': tokenOf('user', 'upload'),
  'user account': tokenOf('user', 'account'),
  'user admin': tokenOf('user', 'admin'),
  'user worker': tokenOf('user', 'worker'),
  'admin view': tokenOf('admin', 'view'),
  'admin account': tokenOf('admin', 'account'),
  'admin admin': tokenOf('admin', 'admin'),
  'user television': televisionOf('user'),
  'admin television': televisionOf('admin'),
};

const mine = { owner: 'user:me', userId: 'me' };
const others = { owner: 'user:other', userId: 'other' };
/** The rows: an action, on what, and who may. */
const table: readonly (readonly [Action, string, Resource, string])[] = [
  ['anyone', '', {}, Object.keys(callers).join(', ')],
  ['viewer', '', {}, Object.keys(callers).join(', ')],
  ['operator', '', {}, 'local, admin, operator, admin view, admin account, admin admin'],
  ['uploader', '', {}, 'trusted, admin, operator, user upload, user account, admin account, admin admin'],
  ['worker', '', {}, 'admin, operator, worker, admin admin'],
  ['admin', '', {}, 'admin, operator, admin admin'],
  [
    'watcher',
    '',
    {},
    'trusted, admin, operator, user account, admin account, admin admin, user television, admin television',
  ],
  ['self', '', {}, 'guest, user, trusted, admin, operator, user account, admin account, admin admin'],
  ['user', '', {}, 'user, trusted, admin, operator, user account, admin account, admin admin'],
  [
    'person',
    '',
    {},
    'guest, user, trusted, admin, operator, user account, admin account, admin admin, user television, admin television',
  ],
  [
    'watch',
    'signed',
    { visibility: 'signed' },
    'trusted, admin, operator, user view, user account, admin view, admin account, admin admin, user television, admin television',
  ],
  [
    'watch',
    'private',
    { visibility: 'private' },
    'admin, operator, admin view, admin account, admin admin, admin television',
  ],
  [
    'list',
    'unlisted',
    { visibility: 'unlisted' },
    'admin, operator, admin view, admin account, admin admin, admin television',
  ],
  [
    'change',
    'mine',
    mine,
    'guest, user, trusted, admin, operator, user upload, user account, user admin, admin account, admin admin',
  ],
  ['change', 'of others', others, 'admin, operator, admin admin'],
  ['change', 'of no one', { owner: '' }, 'admin, operator, admin admin'],
  ['changeAll', '', {}, 'admin, operator, admin admin'],
  [
    'inspect',
    'mine',
    mine,
    'guest, user, trusted, admin, operator, user upload, user account, user admin, admin view, admin account, admin admin, admin television',
  ],
  ['inspect', 'of others', others, 'admin, operator, admin view, admin account, admin admin, admin television'],
  ['inspectAll', '', {}, 'admin, operator, admin view, admin account, admin admin, admin television'],
  ['seeAsset', 'unlisted', { ...others, visibility: 'unlisted' }, Object.keys(callers).join(', ')],
  [
    'seeAsset',
    'in the trash',
    { ...others, visibility: 'public', isDeleted: true },
    'admin, operator, admin view, admin account, admin admin, admin television',
  ],
  [
    'seeAsset',
    'private',
    { ...others, visibility: 'private' },
    'admin, operator, admin view, admin account, admin admin, admin television',
  ],
  ['watchAsset', 'in the trash', { ...others, visibility: 'public', isDeleted: true }, Object.keys(callers).join(', ')],
  [
    'watchAsset',
    'private',
    { ...others, visibility: 'private' },
    'admin, operator, admin view, admin account, admin admin, admin television',
  ],
  [
    'watchAsset',
    'original',
    { ...others, visibility: 'public', isOriginal: true },
    'admin, operator, admin view, admin account, admin admin, admin television',
  ],
  [
    'revoke',
    'mine',
    mine,
    'guest, user, trusted, admin, operator, user account, admin account, admin admin, user television, admin television',
  ],
  ['revoke', 'of others', others, 'admin, operator, admin admin'],
  ['own', 'of others', others, ''],
  ['own', 'of the command line', {}, 'operator'],
  [
    'joinRooms',
    '',
    {},
    'guest, user, trusted, admin, operator, user account, admin account, admin admin, user television, admin television',
  ],
  [
    'createRooms',
    'users',
    { creators: 'users' },
    'user, trusted, admin, operator, user account, admin account, admin admin, user television, admin television',
  ],
  [
    'createRooms',
    'everyone',
    { creators: 'everyone' },
    'guest, user, trusted, admin, operator, user account, admin account, admin admin, user television, admin television',
  ],
  ['createRooms', 'admins', { creators: 'admins' }, 'admin, operator, admin admin'],
  ['createRooms', 'off', { creators: 'off' }, ''],
  ['manageRooms', '', {}, 'admin, operator, admin admin'],
];

suite('who may do what', () => {
  for (const [action, what, resource, expected] of table) {
    test(`${action} ${what}`, () => {
      const allowed = Object.entries(callers).filter(([, who]) => may(who, action, resource));
      assert.equal(allowed.map(([name]) => name).join(', '), expected);
    });
  }
});
