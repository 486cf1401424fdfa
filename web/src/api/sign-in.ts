/**
 * Signing in and out, and who is signed in.
 * In: a one-time code, the admin token, or one press on the computer where oxbow runs. Out: the cookie of a session, which no script can read. Throws ApiError; aborts with `signal`.
 */
import type { SignInWays } from '../../../src/api/access-shapes.ts';
import { ApiError, askServer } from './client.ts';
import { tellSignIn } from './signed-in.ts';

/** Signs in. */
export async function signIn(
  by: { readonly code: string } | { readonly token: string } | { readonly press: true },
  signal: AbortSignal,
): Promise<void> {
  await askServer('', signal, (client, options) => client.createSession({ body: by }, options));
  tellSignIn(true);
}

/** How this browser can sign in. */
export async function readSignInWays(signal: AbortSignal): Promise<SignInWays> {
  return askServer('', signal, (client, options) => client.getSignIn(options));
}

/** Signs out. */
export async function signOut(signal: AbortSignal): Promise<void> {
  try {
    await askServer('', signal, (client, options) => client.deleteSession({ id: 'current' }, options));
  } catch (error) {
    if (!(error instanceof ApiError && error.failure.status === 401)) throw error; // it had ended by itself
  }
  tellSignIn(false);
}

/** Finds out whether the browser is signed in. */
export async function readSignedIn(signal: AbortSignal): Promise<void> {
  const me: { admin: boolean } | null = await askServer('', signal, (client, options) => client.getMe(options));
  tellSignIn(me?.admin === true);
}
