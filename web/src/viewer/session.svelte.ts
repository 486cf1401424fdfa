/**
 * The signed-in user of this browser and their permissions.
 * In: sign-in and sign-out, refused requests. Out: Gate, the header, every page that changes something. The
 * session itself is a cookie that scripts cannot read.
 */
import type { MeView } from '../../../src/api/account/access-shapes.ts';
import type { UserView } from '../../../src/api/account/account-shapes.ts';
import { ApiError, askServer, onUnauthorized } from '../api/client.ts';

/** Actions that require a permission. */
export type Action =
  | 'account'
  | 'administer'
  | 'add-streams'
  | 'cases'
  | 'clip'
  | 'create-rooms'
  | 'edit-streams'
  | 'export'
  | 'join-rooms'
  | 'mark'
  | 'share'
  | 'upload'
  | 'edit-assets';

/**
 * A credential for a session: a name and password, a one-time code, the admin token, or one press on the
 * computer where oxbow runs.
 */
export type Credential =
  | { readonly name: string; readonly password: string }
  | { readonly code: string }
  | { readonly token: string }
  | { readonly press: true };

const nobody: MeView = {
  admin: false,
  session: null,
  user: null,
  may: { upload: false, joinRooms: false, createRooms: false, openCases: false, watchSigned: false },
};

class Session {
  #me = $state.raw<MeView | null>(null);

  constructor() {
    onUnauthorized(() => {
      this.#me = nobody;
    });
  }

  /** False before the first response. */
  get isKnown(): boolean {
    return this.#me !== null;
  }

  /** With an account, as a guest, or as the administrator of the command line. */
  get isSignedIn(): boolean {
    return this.isAdmin || this.user !== null;
  }

  get isAdmin(): boolean {
    return this.#me?.admin === true;
  }

  /** Id of the session of this browser; empty without one. */
  get id(): string {
    return this.#me?.session?.id ?? '';
  }

  /** The session of a television: it watches and joins rooms, and changes nothing else. */
  get isTelevision(): boolean {
    return this.#me?.session?.television === true;
  }

  /** A name without an account. */
  get isGuest(): boolean {
    return this.user?.role === 'guest';
  }

  /** The account or guest; null for the administrator of the command line, who has none. */
  get user(): UserView | null {
    return this.#me?.user ?? null;
  }

  /** Whether the server will accept such a request. Administrators may do everything. */
  may(action: Action): boolean {
    const me = this.#me;
    if (!me) return false;
    switch (action) {
      case 'account':
        return me.admin || (me.user !== null && !this.isGuest);
      case 'clip':
      case 'upload':
      case 'edit-assets':
        return me.admin || me.may.upload;
      case 'join-rooms':
        return me.may.joinRooms;
      case 'cases':
        return me.may.openCases;
      case 'create-rooms':
        return me.may.createRooms;
      default:
        return me.admin;
    }
  }

  /**
   * Whether the server lets the user change what someone made.
   *
   * @param owner as in the API: `admin`, `user:` or `token:` with an id; null: unknown
   */
  mayChange(owner: string | null): boolean {
    return this.isAdmin || (this.user !== null && owner === `user:${this.user.id}`);
  }

  /** Whether a page offers it: the user may do it, or may sign in first. */
  offers(action: Action): boolean {
    return this.may(action) || !this.isSignedIn;
  }

  /** Requests the signed-in user. Throws ApiError. */
  async read(signal: AbortSignal): Promise<void> {
    const me: Partial<MeView> | null = await askServer(signal, (client, options) => client.getMe(options));
    this.#me = { ...nobody, ...me };
  }

  /** Throws ApiError. */
  async signIn(by: Credential, signal: AbortSignal): Promise<void> {
    await askServer(signal, (client, options) => client.createSession({ body: by }, options));
    await this.read(signal);
  }

  /** Throws ApiError. */
  async signOut(signal: AbortSignal): Promise<void> {
    try {
      await askServer(signal, (client, options) => client.deleteSession({ id: 'current' }, options));
    } catch (error) {
      if (!(error instanceof ApiError && error.failure.status === 401)) throw error; // it had already expired
    }
    this.#me = nobody;
  }
}

/** The session of this browser; reading it in a component follows it. */
export const session = new Session();
