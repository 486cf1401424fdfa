/**
 * API calls of accounts.
 * In: the session's cookie. Out: the shapes of src/api/account. Each call throws ApiError and aborts with
 * `signal`.
 */
import type { SessionView, SignInMethods, TokenView } from '../../../src/api/account/access-shapes.ts';
import type { AuditEntry, UserState, UserView } from '../../../src/api/account/account-shapes.ts';
import type { NewUser } from '../../../src/client/client.ts';
import { askServer } from './client.ts';

/** The sign-in methods of this browser. */
export function getSignInMethods(signal: AbortSignal): Promise<SignInMethods> {
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

/**
 * The API tokens.
 *
 * @param everyone those of all users, for administrators; otherwise those of the user
 */
export async function getTokens(
  everyone: boolean,
  user: string | undefined,
  signal: AbortSignal,
): Promise<readonly TokenView[]> {
  const { items } = await askServer(signal, (client, options) => client.listTokens(options));
  return everyone ? items : items.filter((token) => token.user?.id === user);
}

/** The address of a file with everything that is stored about the user. */
export const EXPORT_PATH = '/api/v1/me/export';

/** A list as far as it was requested; `nextCursor` is null at its end. */
interface Listed<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** The first pages of a list, as one. */
async function firstPages<T>(
  pages: number,
  ask: (page: { cursor?: string }) => Promise<Listed<T>>,
): Promise<Listed<T>> {
  const items: T[] = [];
  let nextCursor: string | null = null;
  for (let page = 0; page < pages && (page === 0 || nextCursor !== null); page++) {
    const answer = await ask(nextCursor === null ? {} : { cursor: nextCursor });
    items.push(...answer.items);
    nextCursor = answer.nextCursor;
  }
  return { items, nextCursor };
}

const PAGE = '50';

/** One account. */
export function getUser(id: string, signal: AbortSignal): Promise<UserView> {
  return askServer(signal, (client, options) => client.getUser({ id }, options));
}

/**
 * The accounts and guests of the server, for administrators.
 *
 * @param pages how many pages of the list
 */
export function getUsers(
  filter: { readonly search?: string; readonly state?: UserState },
  pages: number,
  signal: AbortSignal,
): Promise<Listed<UserView>> {
  return firstPages(pages, (page) =>
    askServer(signal, (client, options) => client.listUsers({ ...filter, ...page, limit: PAGE }, options)),
  );
}

/**
 * The audit log, newest first, for administrators.
 *
 * @param filter `user` is an id, `action` an operation of the API
 * @param pages how many pages of the list
 */
export function getAudit(
  filter: { readonly user?: string; readonly action?: string },
  pages: number,
  signal: AbortSignal,
): Promise<Listed<AuditEntry>> {
  return firstPages(pages, (page) =>
    askServer(signal, (client, options) => client.listAudit({ ...filter, ...page, limit: PAGE }, options)),
  );
}
