/**
 * API calls of accounts.
 * In: the session's cookie. Out: the shapes of src/api/account. Each call throws ApiError and aborts with `signal`.
 */
import type { SessionView, SignInWays, TokenView } from '../../../src/api/account/access-shapes.ts';
import type { UserView } from '../../../src/api/account/account-shapes.ts';
import type { NewUser } from '../../../src/client/client.ts';
import { askServer } from './client.ts';

/** The ways to sign in from this browser. */
export function getSignInWays(signal: AbortSignal): Promise<SignInWays> {
  return askServer(signal, (client, options) => client.getSignIn(options));
}

/** Creates an account; an active one is signed in, a pending one is not. */
export function createAccount(account: NewUser, signal: AbortSignal): Promise<UserView> {
  return askServer(signal, (client, options) => client.createUser({ body: account }, options));
}

/** The sessions of the user; with `everyone` those of all users, for administrators. */
export async function getSessions(everyone: boolean, signal: AbortSignal): Promise<readonly SessionView[]> {
  const query = everyone ? { all: 'true' as const } : {};
  return (await askServer(signal, (client, options) => client.listSessions(query, options))).items;
}

/** The API tokens. */
export async function getTokens(signal: AbortSignal): Promise<readonly TokenView[]> {
  return (await askServer(signal, (client, options) => client.listTokens(options))).items;
}
