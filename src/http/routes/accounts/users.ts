/**
 * Routes by which people get an account or a guest's name.
 * In: names, passwords, invitation codes. Out: UserView; the session cookie.
 */
import { MAX_PASSWORD, MIN_PASSWORD } from '../../../accounts/users/password-rules.ts';
import { UserView } from '../../../api/account/account-shapes.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { startSession } from './access.ts';
import { userOf, userView } from './account-views.ts';

/** A name, before it is checked. */
export const NameField = Type.String({ maxLength: 200, description: '1 to 32 visible characters' });
/** Of a new password. */
export const KeepTokens = Type.Optional(
  Type.Boolean({ description: 'API tokens stay valid; otherwise a new password ends them' }),
);

export const NewPassword = Type.String({
  maxLength: 1024,
  description: `${MIN_PASSWORD} to ${MAX_PASSWORD} characters`,
});

const NewUser = Type.Object(
  {
    name: NameField,
    password: NewPassword,
    invitation: Type.Optional(Type.String({ maxLength: 100, description: 'code of an invitation' })),
    role: Type.Optional(
      Type.Union([Type.Literal('user'), Type.Literal('admin')], { description: 'only from administrators' }),
    ),
  },
  { $id: 'NewUser', additionalProperties: false },
);
const NewGuest = Type.Object({ name: NameField }, { $id: 'NewGuest', additionalProperties: false });

/** The rows. */
export const userRoutes: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/users',
    tag: 'accounts',
    access: 'anyone',
    limit: 'sign-up',
    sentence:
      'Creates an account with a name and password, as the setting `accounts.signUp` permits, and signs the browser in. An account that has to be approved is `pending`, and no one is signed in; nor where an administrator creates the account of someone else.',
    body: NewUser,
    replies: { 201: UserView },
    async answer(call, deps) {
      const { name, password, invitation, role = 'user' } = call.body;
      const { isAdmin } = call.principal;
      if (isAdmin) {
        const made = await deps.access.users.create({ name, password, role, state: 'active', byAdmin: true });
        return { status: 201, body: userView(made, deps) };
      }
      if (role !== 'user') throw new OxbowError('forbidden', 'Only administrators give a role.');
      const user = await deps.access.signUp.join({ name, password, invitation });
      const { headers } = user.state === 'active' ? await startSession(user, call, deps) : { headers: {} };
      return { status: 201, headers, body: userView(user, deps) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/guests',
    tag: 'accounts',
    access: 'anyone',
    limit: 'guests',
    sentence: 'Admits a guest with a name, without an account, in this browser. A guest who sends it again is renamed.',
    body: NewGuest,
    replies: { 200: UserView, 201: UserView },
    async answer(call, deps) {
      const { users, signUp } = deps.access;
      const { principal, body } = call;
      const before = userOf(principal, deps);
      if (before?.role === 'guest') return { body: userView(await users.change(before.id, { name: body.name }), deps) };
      if (principal.name !== '') throw new OxbowError('bad-request', 'The caller is signed in already.');
      const guest = await signUp.joinAsGuest(body.name);
      const { headers } = await startSession(guest, call, deps);
      return { status: 201, headers, body: userView(guest, deps) };
    },
  }),
];
