/**
 * A user of this server: as every other part knows them, and as accounts keeps them.
 * In: accounts. Out: principals of requests, rooms, owners of their things.
 */

/** Who someone is. */
export interface UserRef {
  /** `admin` for the administrator of the command line, who has no account. */
  readonly id: string;
  readonly name: string;
  /** `guest`: a name without an account. */
  readonly role: 'guest' | 'user' | 'admin';
}

/** The administrator of the command line: signed in by a link, a press, or the admin token. */
export const administrator: UserRef = { id: 'admin', name: 'Administrator', role: 'admin' };

/** An account, or a guest. */
export interface User extends UserRef {
  /** Unique form of the name; undefined for guests and deleted accounts. */
  readonly nameKey: string | undefined;
  /**
   * `pending`: waits for approval. `deleted`: other parts are still forgetting it; then the row is removed.
   */
  readonly state: 'active' | 'pending' | 'banned' | 'deleted';
  /** PHC string; undefined: no password. */
  readonly password: string | undefined;
  readonly email: string | undefined;
  readonly emailVerified: boolean;
  readonly createdMs: number;
  /** Last sign-in or use, to the hour. */
  readonly seenMs: number;
}

/** The fields of a user that other parts may keep. */
export function refOf({ id, name, role }: UserRef): UserRef {
  return { id, name, role };
}
