/**
 * Routes by which administrators see, approve, ban, change and delete users.
 * In: requests of administrators. Out: UserView.
 */
import type { Principal } from '../../../accounts/principal.ts';
import { UserRole, UserState, UserView } from '../../../api/account/account-shapes.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { IdParams, NextCursor, PageQuery, pageOf } from '../../route/page-query.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { userView } from './account-views.ts';
import { KeepTokens, NameField, NewPassword } from './users.ts';

const UserList = Type.Object({ items: Type.Array(UserView), nextCursor: NextCursor }, { $id: 'UserList' });
const UserQuery = Type.Object(
  {
    ...PageQuery.properties,
    search: Type.Optional(Type.String({ maxLength: 100, description: 'part of the name or e-mail address' })),
    role: Type.Optional(UserRole),
    state: Type.Optional(UserState),
  },
  { additionalProperties: false },
);
const UserPatch = Type.Object(
  {
    name: Type.Optional(NameField),
    role: Type.Optional(Type.Union([Type.Literal('user'), Type.Literal('admin')])),
    state: Type.Optional(
      Type.Union([Type.Literal('active'), Type.Literal('banned')], {
        description: '`active` approves, or ends a ban; `banned` ends all sessions and tokens at once',
      }),
    ),
    password: Type.Optional(NewPassword),
    keepTokens: KeepTokens,
  },
  { $id: 'UserPatch', additionalProperties: false },
);

/** @throws OxbowError `own-account`: so that an administrator is not locked out by mistake */
function requireOther(id: string, { user }: Principal): void {
  if (user?.id === id)
    throw new OxbowError('own-account', 'Administrators do not ban, demote or delete themselves here.');
}

/** The rows. */
export const userAdminRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/users',
    tag: 'accounts',
    access: 'admin',
    sentence: 'Lists the users and guests, by id.',
    query: UserQuery,
    replies: { 200: UserList },
    answer({ query: { search = '', role, state, ...page } }, deps) {
      const part = search.toLowerCase();
      const shown = [...deps.access.users.all()]
        .filter((user) => (role ?? user.role) === user.role && (state ?? user.state) === user.state)
        .filter(({ name, email = '' }) => `${name} ${email}`.toLowerCase().includes(part))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
      const { items, nextCursor } = pageOf(shown, page, ({ id }) => id);
      return { body: { items: items.map((user) => userView(user, deps)), nextCursor } };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/users/:id',
    tag: 'accounts',
    access: 'admin',
    sentence: 'Returns a user.',
    params: IdParams,
    replies: { 200: UserView },
    answer: ({ params: { id } }, deps) => ({ body: userView(deps.access.users.get(id), deps) }),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/users/:id',
    tag: 'accounts',
    access: 'admin',
    sentence:
      'Approves, bans or renames a user, gives another role, or sets a password. A ban and a new password sign the user out everywhere and end the API tokens of the user.',
    params: IdParams,
    body: UserPatch,
    replies: { 200: UserView },
    async answer({ params: { id }, body: { password, keepTokens, ...change }, principal }, deps) {
      const { users, passwords, sessions, tokens } = deps.access;
      const user = users.get(id);
      if (change.role !== undefined || change.state !== undefined) requireOther(id, principal);
      if (user.role === 'guest' && (change.role !== undefined || password !== undefined))
        throw new OxbowError('bad-request', 'A guest has neither a role nor a password.');
      if (password !== undefined) {
        await passwords.set(id, password);
        await sessions.removeOf(id, { keep: principal.session?.id });
        if (!keepTokens) await tokens.removeOf(id);
      }
      return { body: userView(await users.change(id, change, { byAdmin: true }), deps) };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/users/:id',
    tag: 'accounts',
    access: 'admin',
    sentence: 'Deletes a user: sessions and tokens end, and what the user wrote in rooms has no author any more.',
    params: IdParams,
    replies: { 204: undefined },
    async answer({ params: { id }, principal }, deps) {
      deps.access.users.get(id);
      requireOther(id, principal);
      await deps.access.users.remove(id);
      return { status: 204 };
    },
  }),
];
