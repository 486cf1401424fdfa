/**
 * A user of this server, as every other part knows them.
 * In: accounts. Out: principals of requests, rooms, owners of what they create.
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
