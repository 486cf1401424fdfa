/**
 * Routes of the caller's own account: stored data, name and password, deletion.
 * In: requests of a signed-in browser. Out: MeView, UserView; the export.
 */
import type { User } from '../../../accounts/users/user.ts';
import { MeView } from '../../../api/account/access-shapes.ts';
import { UserView } from '../../../api/account/account-shapes.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { HttpDeps } from '../../deps.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { meView, ownAccount, userView } from './account-views.ts';
import { KeepTokens, NameField, NewPassword } from './users.ts';

const MePatch = Type.Object({ name: Type.Optional(NameField) }, { $id: 'MePatch', additionalProperties: false });
const PasswordChange = Type.Object(
  {
    current: Type.Optional(Type.String({ maxLength: 1024, description: 'the password until now, if there is one' })),
    password: NewPassword,
    keepTokens: KeepTokens,
  },
  { $id: 'PasswordChange', additionalProperties: false },
);
const Deletion = Type.Object(
  { password: Type.Optional(Type.String({ maxLength: 1024, description: 'needed if the account has one' })) },
  { $id: 'AccountDeletion', additionalProperties: false },
);
const Export = Type.Object(
  { user: UserView },
  { $id: 'AccountExport', additionalProperties: true, description: 'with a member of each part that keeps something' },
);

/** @throws OxbowError `wrong-password` */
async function requirePassword(user: User, password: string | undefined, { access }: HttpDeps): Promise<void> {
  if (user.password === undefined) return;
  if (await access.passwords.matches(user, password ?? '')) return;
  throw new OxbowError('wrong-password', 'The password of the account is another one.');
}

/** The rows. */
export const meRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/me',
    tag: 'accounts',
    access: 'anyone',
    sentence: 'Returns who the caller is, with session and permissions.',
    replies: { 200: MeView },
    answer: ({ principal }, deps) => ({ body: meView(principal, deps) }),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/me',
    tag: 'accounts',
    access: 'person',
    sentence: 'Changes the name of the caller.',
    body: MePatch,
    replies: { 200: UserView },
    async answer({ principal, body: { name } }, deps) {
      const user = ownAccount(principal, deps);
      const changed = name === undefined ? user : await deps.access.users.change(user.id, { name });
      return { body: userView(changed, deps) };
    },
  }),
  defineRoute({
    method: 'PUT',
    path: '/api/v1/me/password',
    tag: 'accounts',
    access: 'user',
    limit: 'passwords',
    sentence: 'Sets the password of the caller, signs all other browsers out, and ends the API tokens of the caller.',
    body: PasswordChange,
    replies: { 204: undefined },
    async answer({ principal, body: { current, password, keepTokens } }, deps) {
      const user = ownAccount(principal, deps);
      await requirePassword(user, current, deps);
      await deps.access.passwords.set(user.id, password);
      await deps.access.sessions.removeOf(user.id, { keep: principal.session?.id });
      if (!keepTokens) await deps.access.tokens.removeOf(user.id);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/me',
    tag: 'accounts',
    access: 'person',
    limit: 'passwords',
    sentence:
      'Deletes the account or guest of the caller: sessions and tokens end, and what it wrote in rooms has no author any more.',
    body: Deletion,
    replies: { 204: undefined },
    async answer({ principal, body, client }, deps) {
      const user = ownAccount(principal, deps);
      await requirePassword(user, body?.password, deps);
      await deps.access.users.remove(user.id);
      return { status: 204, headers: { 'set-cookie': client.noCookie() } };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/me/export',
    tag: 'accounts',
    access: 'person',
    sentence: 'Returns everything that is stored about the caller, as one document.',
    replies: { 200: Export },
    async answer({ principal }, deps) {
      const user = ownAccount(principal, deps);
      const parts = await deps.access.exporters.export(user.id);
      const name = 'attachment; filename="oxbow-account.json"';
      return { headers: { 'content-disposition': name }, body: { user: userView(user, deps), ...parts } };
    },
  }),
];
