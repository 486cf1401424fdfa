/**
 * The signed-in user of this browser and their permissions.
 * In: sign-in and sign-out, refused requests. Out: Gate, the header, every page that changes something. The session itself is a cookie that
 * scripts cannot read.
 */
import type { SignInWays } from '../../../src/api/account/access-shapes.ts';
import { ApiError, askServer, onUnauthorized } from '../api/client.ts';

/** Actions that require a permission. */
export type Action =
  | 'administer'
  | 'add-streams'
  | 'edit-streams'
  | 'export'
  | 'mark'
  | 'share'
  | 'upload'
  | 'edit-assets';

/** A credential for a session: a one-time code, the admin token, or one press on the computer where oxbow runs. */
export type Credential = { readonly code: string } | { readonly token: string } | { readonly press: true };

class Session {
  #isAdmin = $state<boolean | null>(null);

  constructor() {
    onUnauthorized(() => {
      this.#isAdmin = false;
    });
  }

  /** False before the first response. */
  get isKnown(): boolean {
    return this.#isAdmin !== null;
  }

  get isSignedIn(): boolean {
    return this.#isAdmin === true;
  }

  /** Whether the server will accept such a request. Today administrators may do everything, and other users nothing of it. */
  may(_action: Action): boolean {
    return this.isSignedIn;
  }

  /** Requests the signed-in user. Throws ApiError. */
  async read(signal: AbortSignal): Promise<void> {
    const me: { admin: boolean } | null = await askServer(signal, (client, options) => client.getMe(options));
    this.#isAdmin = me?.admin === true;
  }

  /** The ways to sign in from this browser. Throws ApiError. */
  ways(signal: AbortSignal): Promise<SignInWays> {
    return askServer(signal, (client, options) => client.getSignIn(options));
  }

  /** Throws ApiError. */
  async signIn(by: Credential, signal: AbortSignal): Promise<void> {
    await askServer(signal, (client, options) => client.createSession({ body: by }, options));
    this.#isAdmin = true;
  }

  /** Throws ApiError. */
  async signOut(signal: AbortSignal): Promise<void> {
    try {
      await askServer(signal, (client, options) => client.deleteSession({ id: 'current' }, options));
    } catch (error) {
      if (!(error instanceof ApiError && error.failure.status === 401)) throw error; // it had already expired
    }
    this.#isAdmin = false;
  }
}

/** The session of this browser; reading it in a component follows it. */
export const session = new Session();
