/**
 * Routes for sign-in and sign-out, and sessions of browsers.
 * In: names and passwords, one-time codes, the admin token. Out: cookies, SessionView.
 */
import { may } from '../../../accounts/permissions.ts';
import type { Session } from '../../../accounts/sessions.ts';
import { signInPath } from '../../../accounts/sign-in-links.ts';
import { takeNameTurn } from '../../../accounts/users/name-guesses.ts';
import type { User } from '../../../accounts/users/user.ts';
import { SessionView, SignInLink, SignInMethods } from '../../../api/account/access-shapes.ts';
import { printRfc3339 } from '../../../api/instant.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { HttpDeps } from '../../deps.ts';
import { IdParams } from '../../route/page-query.ts';
import { defineRoute, type Route, type RouteCall } from '../../route/route.ts';
import { accountIdOf, sessionView } from './account-views.ts';

const SignIn = Type.Object(
  {
    code: Type.Optional(Type.String({ maxLength: 100, description: 'code of a one-time link' })),
    token: Type.Optional(Type.String({ maxLength: 1000, description: 'the admin token' })),
    name: Type.Optional(Type.String({ maxLength: 200, description: 'name of an account' })),
    password: Type.Optional(Type.String({ maxLength: 300, description: 'its password' })),
    press: Type.Optional(
      Type.Literal(true, { description: 'sign in without a token, where `GET /api/v1/sign-in` offers it' }),
    ),
  },
  { $id: 'SignIn', additionalProperties: false },
);
const SessionQuery = Type.Object(
  { all: Type.Optional(Type.Literal('true', { description: 'the sessions of everyone' })) },
  { additionalProperties: false },
);
const SessionList = Type.Object({ items: Type.Array(SessionView), nextCursor: Type.Null() }, { $id: 'SessionList' });

/**
 * Starts the session of a user in this browser.
 *
 * @throws OxbowError `account-inactive`
 */
export async function startSession(
  user: User,
  { client, header, principal }: Pick<RouteCall, 'client' | 'header' | 'principal'>,
  { access }: Pick<HttpDeps, 'access'>,
): Promise<{ readonly session: Session; readonly headers: Readonly<Record<string, string>> }> {
  if (user.state === 'pending')
    throw new OxbowError('account-inactive', 'An administrator has to approve the account first.');
  if (user.state !== 'active') throw new OxbowError('account-inactive', 'The account was banned.');
  const from = { address: client.address, program: header('user-agent') ?? '', userId: user.id };
  const { session, secret } = await access.sessions.make(from);
  await access.users.seen(user.id);
  // Someone who signs in is a guest no longer, and keeps their place in rooms.
  const isGuest = principal.user?.role === 'guest' && !principal.session?.isTelevision;
  if (isGuest) await access.signUp.mergeGuest(principal.user!.id, user);
  return { session, headers: { 'set-cookie': client.cookie(secret) } };
}

/** The rows. */
export const accessRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/sign-in',
    tag: 'access',
    access: 'anyone',
    sentence: 'Returns the sign-in methods of this browser.',
    replies: { 200: SignInMethods },
    async answer({ client, ends }, { access, localSignIn }) {
      const press = await localSignIn.isOffered(client, ends);
      const { signUp, guests } = access.settings();
      const owner = { press, adminToken: access.admin.isSet, command: localSignIn.command(client) };
      return {
        body: {
          ...owner,
          password: access.users.count > 0,
          signUp,
          guests,
          email: access.emails.isOn,
          providers: [...access.services.providers()],
        },
      };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/sessions',
    tag: 'access',
    access: 'anyone',
    limit: 'sign-in',
    sentence:
      'Signs a browser in: by the name and password of an account, by the code of a one-time link, by the admin token, or without any on the computer where oxbow runs. The answer sets the session cookie.',
    body: SignIn,
    replies: { 201: SessionView },
    async answer(call, deps) {
      const { body, client, ends, header } = call;
      const { access, localSignIn } = deps;
      const { code, token, press, name, password } = body;
      if (name !== undefined) {
        const user = await passwordUser(name, password ?? '', call, deps);
        const { session, headers } = await startSession(user, call, deps);
        return { status: 201, headers, body: sessionView(session, session, deps) };
      }
      if (press) {
        // Only a page of this server sends an accepted Origin. Programs of the same user can read the data
        // folder instead.
        if (header('origin') === undefined || !(await localSignIn.isOffered(client, ends)))
          throw new OxbowError('sign-in-refused', 'Sign-in without a token is not possible from this client.', {
            extra: { hint: `Run \`${localSignIn.command(client)}\` on the computer where oxbow runs.` },
          });
      } else if (token !== undefined) {
        if (!access.admin.isAdmin(`Bearer ${token}`))
          throw new OxbowError('sign-in-refused', 'The admin token is wrong.');
      } else if (!(await access.links.use(code ?? ''))) {
        throw new OxbowError('sign-in-refused', 'The sign-in link was already used, has expired, or is incomplete.');
      }
      const from = { address: client.address, program: header('user-agent') ?? '' };
      const { session, secret } = await access.sessions.make(from);
      return {
        status: 201,
        headers: { 'set-cookie': client.cookie(secret) },
        body: sessionView(session, session, deps),
      };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/sessions',
    tag: 'access',
    access: 'self',
    sentence:
      'Lists the browsers in which the caller is signed in, most recently used first; for administrators with `all` everyone’s.',
    query: SessionQuery,
    replies: { 200: SessionList },
    answer({ principal, query: { all } }, deps) {
      if (all && !may(principal, 'admin'))
        throw new OxbowError('forbidden', 'Only administrators list the sessions of all.');
      const shown = deps.access.sessions.all.filter(({ userId }) => all || may(principal, 'own', { userId }));
      return {
        body: { items: shown.map((session) => sessionView(session, principal.session, deps)), nextCursor: null },
      };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/sessions/:id',
    tag: 'access',
    access: 'person',
    sentence: 'Signs a browser out; `current` is the session of the caller, `others` are all other ones of the caller.',
    params: IdParams,
    replies: { 204: undefined },
    async answer({ params, principal, client }, deps) {
      const { sessions } = deps.access;
      const { session } = principal;
      if (session?.isTelevision && params.id !== 'current')
        throw new OxbowError('forbidden', 'A television ends only its own session, `current`.');
      if (params.id === 'others') {
        await sessions.removeOf(accountIdOf(principal), { keep: session?.id });
        return { status: 204 };
      }
      const id = params.id === 'current' ? (session?.id ?? '') : params.id;
      const target = sessions.get(id);
      if (!target || !may(principal, 'revoke', target))
        throw new OxbowError('session-unknown', `There is no session with the id "${params.id}".`);
      await sessions.remove(id);
      return { status: 204, ...(id === session?.id && { headers: { 'set-cookie': client.noCookie() } }) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/sign-in-links',
    tag: 'access',
    access: 'admin',
    sentence: 'Creates a link that signs one browser in, once, within 15 minutes.',
    replies: { 201: SignInLink },
    async answer({ client }, { access }) {
      const { code, expiresMs } = await access.links.make();
      const url = `${client.origin ?? ''}${signInPath(code)}`;
      return { status: 201, body: { url, expiresAt: printRfc3339(expiresMs) } };
    },
  }),
];

/**
 * The account of a name and password. Guesses are limited by address, and by name from where it is not signed
 * in: there a guesser delays its user, and cannot lock it out.
 *
 * @throws OxbowError `sign-in-refused`, `too-many-requests`, `sign-in-busy`
 */
async function passwordUser(
  name: string,
  password: string,
  { client, signal }: Pick<RouteCall, 'client' | 'signal'>,
  deps: HttpDeps,
): Promise<User> {
  const { users, passwords, sessions } = deps.access;
  const account = users.findByName(name);
  const isUsual = account && sessions.of(account.id).some(({ address }) => address === client.address);
  const right = isUsual ? undefined : await takeNameTurn(deps.limits, name, client, { signal });
  const user = await passwords.signIn(name, password);
  if (!user) throw new OxbowError('sign-in-refused', 'The name or the password is wrong.');
  right?.();
  return user;
}
