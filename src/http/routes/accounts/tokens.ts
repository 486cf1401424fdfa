/**
 * Routes of the tokens of programs: administrators see all, users their own.
 * In: labels, scopes. Out: TokenView; the token, once.
 */
import type { TokenScope as Scope } from '../../../accounts/api-tokens.ts';
import { may } from '../../../accounts/permissions.ts';
import type { Principal } from '../../../accounts/principal.ts';
import { TokenScope, TokenView } from '../../../api/account/access-shapes.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { ONE_LINE } from '../../../lib/text/printable.ts';
import { expiresForms, readExpiry } from '../../route/expiry-field.ts';
import { IdParams } from '../../route/page-query.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { accountIdOf, tokenView } from './account-views.ts';

const NewToken = Type.Object(
  {
    label: Type.String({ minLength: 1, maxLength: 100, pattern: ONE_LINE, description: 'purpose of the token' }),
    scopes: Type.Optional(Type.Array(TokenScope, { minItems: 1, maxItems: 5, description: 'default: `view`' })),
    expires: Type.Optional(Type.String({ maxLength: 64, description: `${expiresForms} Default: never.` })),
  },
  { $id: 'NewToken', additionalProperties: false },
);
const MadeToken = Type.Object(
  { ...TokenView.properties, token: Type.String({ description: 'the token; it is shown only in this answer' }) },
  { $id: 'MadeToken' },
);
const TokenList = Type.Object({ items: Type.Array(TokenView), nextCursor: Type.Null() }, { $id: 'TokenList' });

/**
 * Refuses scopes that the caller does not have. A token never gives more than its user has, so this is a
 * help, not the guard.
 *
 * @throws OxbowError `forbidden`
 */
function requireScopes(scopes: readonly Scope[], principal: Principal): void {
  if (may(principal, 'admin')) return;
  // A program must not make itself a token that outlives its own.
  if (!principal.session) throw new OxbowError('forbidden', 'Only a signed-in browser creates tokens of a user.');
  const has: Readonly<Record<Scope, boolean>> = {
    admin: false,
    worker: false,
    account: may(principal, 'user'),
    upload: may(principal, 'uploader'),
    view: may(principal, 'watch', { visibility: 'signed' }),
  };
  const lacks = scopes.find((scope) => !has[scope]);
  if (lacks) throw new OxbowError('forbidden', `The account does not have the permission of the scope "${lacks}".`);
}

/** The rows. */
export const tokenRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/tokens',
    tag: 'access',
    access: 'self',
    sentence: 'Lists the API tokens, oldest first, without their secrets: for administrators all, for users their own.',
    replies: { 200: TokenList },
    answer({ principal }, deps) {
      const shown = deps.access.tokens.all.filter((token) => may(principal, 'revoke', token));
      return { body: { items: shown.map((token) => tokenView(token, deps)), nextCursor: null } };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/tokens',
    tag: 'access',
    access: 'self',
    sentence:
      'Creates an API token: scope `admin` has every permission, `view` may watch and read, `upload` may upload, `worker` may run jobs, `account` acts as its user without administration.',
    body: NewToken,
    replies: { 201: MadeToken },
    async answer({ body: { label, scopes, expires }, principal }, deps) {
      const { access, clock } = deps;
      const granted = [...new Set(scopes ?? (['view'] as const))];
      requireScopes(granted, principal);
      const expiresMs = expires === undefined ? undefined : readExpiry(expires, clock.nowMs());
      const userId = accountIdOf(principal);
      const { token, secret } = await access.tokens.make({ userId, label, scopes: granted, expiresMs });
      const headers = { location: `/api/v1/tokens/${token.id}` };
      return { status: 201, headers, body: { ...tokenView(token, deps), token: secret } };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/tokens/:id',
    tag: 'access',
    access: 'self',
    sentence: 'Revokes an API token at once.',
    params: IdParams,
    replies: { 204: undefined },
    async answer({ params: { id }, principal }, { access }) {
      const token = access.tokens.get(id);
      if (!token || !may(principal, 'revoke', token) || !(await access.tokens.remove(id)))
        throw new OxbowError('token-unknown', `There is no token with the id "${id}".`);
      return { status: 204 };
    },
  }),
];
