/**
 * Routes for sign-in and sign-out, sessions of browsers, and tokens of programs.
 * In: one-time codes, the admin token. Out: cookies, SessionView, TokenView.
 */

import type { ApiToken } from '../../accounts/api-tokens.ts';
import { SESSION_MS, type Session } from '../../accounts/sessions.ts';
import { signInPath } from '../../accounts/sign-in-links.ts';
import { MeView, SessionView, SignInLink, SignInWays, TokenScope, TokenView } from '../../api/account/access-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { Type } from '../../api/type.ts';
import { OxbowError } from '../../lib/errors.ts';
import { expiresForms, readExpiry } from './expiry-field.ts';
import { IdParams } from './page-query.ts';
import { defineRoute, type Route } from './route.ts';

const SignIn = Type.Object(
  {
    code: Type.Optional(Type.String({ maxLength: 100, description: 'code of a one-time link' })),
    token: Type.Optional(Type.String({ maxLength: 1000, description: 'the admin token' })),
    press: Type.Optional(
      Type.Literal(true, { description: 'sign in without a token, where `GET /api/v1/sign-in` offers it' }),
    ),
  },
  { $id: 'SignIn', additionalProperties: false },
);
const SessionList = Type.Object({ items: Type.Array(SessionView), nextCursor: Type.Null() }, { $id: 'SessionList' });
const NewToken = Type.Object(
  {
    label: Type.String({ minLength: 1, maxLength: 100, description: 'purpose of the token' }),
    scopes: Type.Optional(Type.Array(TokenScope, { minItems: 1, maxItems: 4, description: 'default: `view`' })),
    expires: Type.Optional(Type.String({ maxLength: 64, description: `${expiresForms} Default: never.` })),
  },
  { $id: 'NewToken', additionalProperties: false },
);
const MadeToken = Type.Object(
  { ...TokenView.properties, token: Type.String({ description: 'the token; it is shown only in this answer' }) },
  { $id: 'MadeToken' },
);
const TokenList = Type.Object({ items: Type.Array(TokenView), nextCursor: Type.Null() }, { $id: 'TokenList' });

function sessionView({ id, createdMs, seenMs, address, program }: Session, current: Session | undefined): SessionView {
  return {
    id,
    address,
    program,
    current: id === current?.id,
    createdAt: printRfc3339(createdMs),
    seenAt: printRfc3339(seenMs),
    expiresAt: printRfc3339(seenMs + SESSION_MS),
  };
}

function tokenView({ id, label, scopes, createdMs, expiresMs }: ApiToken): TokenView {
  const expiresAt = expiresMs === undefined ? null : printRfc3339(expiresMs);
  return { id, label, scopes: [...scopes], createdAt: printRfc3339(createdMs), expiresAt };
}

/** The rows. */
export const accessRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/me',
    tag: 'access',
    access: 'anyone',
    sentence: 'Returns the permissions and session of the caller.',
    replies: { 200: MeView },
    answer: ({ principal: { isAdmin, session } }) => ({
      body: { admin: isAdmin, session: session ? sessionView(session, session) : null },
    }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/sign-in',
    tag: 'access',
    access: 'anyone',
    sentence: 'Returns the ways in which this browser can sign in.',
    replies: { 200: SignInWays },
    async answer({ client, ends }, { access, localSignIn }) {
      const press = await localSignIn.isOffered(client, ends);
      return { body: { press, adminToken: access.admin.isSet, command: localSignIn.command(client) } };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/sessions',
    tag: 'access',
    access: 'anyone',
    limit: 'sign-in',
    sentence:
      'Signs a browser in: by the code of a one-time link, by the admin token, or without either on the computer where oxbow runs. The answer sets the session cookie.',
    body: SignIn,
    replies: { 201: SessionView },
    async answer({ body: { code, token, press }, client, ends, header }, { access, localSignIn }) {
      if (press) {
        // Only a page of this server sends an accepted Origin. Programs of the same user can read the data folder instead.
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
      return { status: 201, headers: { 'set-cookie': client.cookie(secret) }, body: sessionView(session, session) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/sessions',
    tag: 'access',
    access: 'admin',
    sentence: 'Lists the browsers that are signed in, most recently used first.',
    replies: { 200: SessionList },
    answer: ({ principal: { session } }, { access }) => ({
      body: { items: access.sessions.all.map((one) => sessionView(one, session)), nextCursor: null },
    }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/sessions/:id',
    tag: 'access',
    access: 'admin',
    sentence: 'Signs a browser out; `current` is the session of the caller.',
    params: IdParams,
    replies: { 204: undefined },
    async answer({ params, principal: { session }, client }, { access }) {
      const id = params.id === 'current' ? (session?.id ?? '') : params.id;
      if (!(await access.sessions.remove(id)))
        throw new OxbowError('session-unknown', `There is no session with the id "${params.id}".`);
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
  defineRoute({
    method: 'GET',
    path: '/api/v1/tokens',
    tag: 'access',
    access: 'admin',
    sentence: 'Lists the API tokens, oldest first, without their secrets.',
    replies: { 200: TokenList },
    answer: (_, { access }) => ({ body: { items: access.tokens.all.map(tokenView), nextCursor: null } }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/tokens',
    tag: 'access',
    access: 'admin',
    sentence:
      'Creates an API token: scope `admin` has every permission, `view` may watch and read, `upload` may upload, `worker` may run jobs.',
    body: NewToken,
    replies: { 201: MadeToken },
    async answer({ body: { label, scopes, expires } }, { access, clock }) {
      const granted = scopes ?? (['view'] as const);
      const expiresMs = expires === undefined ? undefined : readExpiry(expires, clock.nowMs());
      const { token, secret } = await access.tokens.make({ label, scopes: [...new Set(granted)], expiresMs });
      const headers = { location: `/api/v1/tokens/${token.id}` };
      return { status: 201, headers, body: { ...tokenView(token), token: secret } };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/tokens/:id',
    tag: 'access',
    access: 'admin',
    sentence: 'Revokes an API token at once.',
    params: IdParams,
    replies: { 204: undefined },
    async answer({ params: { id } }, { access }) {
      if (!(await access.tokens.remove(id)))
        throw new OxbowError('token-unknown', `There is no token with the id "${id}".`);
      return { status: 204 };
    },
  }),
];
