/**
 * The scopes of API tokens that a user may choose.
 * In: what the user may do. Out: the form of new tokens. Pure.
 */
import type { TokenView } from '../../../src/api/account/access-shapes.ts';

/** A scope of a token. */
export type OfferedScope = TokenView['scopes'][number];

/** The scopes in the order of the form; the first is the default. */
export function offeredScopes(user: {
  readonly isAdmin: boolean;
  readonly hasAccount: boolean;
  readonly mayUpload: boolean;
}): readonly OfferedScope[] {
  return [
    'view',
    ...(user.mayUpload ? (['upload'] as const) : []),
    ...(user.hasAccount ? (['account'] as const) : []),
    ...(user.isAdmin ? (['worker', 'admin'] as const) : []),
  ];
}
