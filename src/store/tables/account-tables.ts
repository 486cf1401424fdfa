/**
 * The tables of accounts, as Kysely sees them. Columns are snake_case, times are whole µs since 1970.
 * In: the tables of migrations.ts. Out: types for schema.ts.
 */
import type { Generated } from 'kysely';

/**
 * A person with an account, or a guest with a name; see accounts/users. The administrator of the command line
 * has the id `admin` and no row.
 */
export interface UserTable {
  readonly id: string;
  /** As the user writes it. */
  name: string;
  /** Unique form of the name; null for guests, and after the account was deleted. */
  name_key: string | null;
  /** `guest`, `user`, `admin`. */
  role: string;
  /** `active`, `pending`, `banned`, `deleted`. */
  state: string;
  /** PHC string; null: no password. */
  password: string | null;
  /** Null: none. */
  email: string | null;
  /** 1: the user has opened the link that was sent there. */
  email_verified: number;
  readonly created_us: number;
  /** Last sign-in, to the hour. */
  seen_us: number;
}

/** An account of another service that signs a user in. */
export interface UserIdentityTable {
  /** Name of the provider in the settings. */
  readonly provider: string;
  /** The user's id there. */
  readonly subject: string;
  readonly user_id: string;
  /** The user's name there, for the list of sign-ins. */
  name: string;
  readonly created_us: number;
}

/** An invitation to create an account. */
export interface InvitationTable {
  readonly id: string;
  readonly digest: string;
  readonly label: string;
  /** Role of the accounts that it creates. */
  readonly role: string;
  uses_left: number;
  readonly created_by: string;
  readonly created_us: number;
  readonly expires_us: number | null;
}

/** A link that was sent to an e-mail address. */
export interface EmailCodeTable {
  readonly digest: string;
  readonly user_id: string;
  /** `verify`, `reset`. */
  readonly kind: string;
  readonly email: string;
  readonly expires_us: number;
}

/** A message that waits for the mail server. */
export interface MailMessageTable {
  readonly seq: Generated<number>;
  readonly id: string;
  /** Null: an invitation. */
  readonly user_id: string | null;
  /** Recipient and text, encrypted: links in it set passwords. */
  readonly sealed: string;
  /** Attempts that failed. */
  tries: number;
  next_us: number;
  readonly expires_us: number;
}

/** A line of the audit log. */
export interface AuditTable {
  readonly seq: Generated<number>;
  readonly at_us: number;
  /** Id of the user; empty for an unknown client. */
  user_id: string;
  /** The user, session or token, as in the log. */
  name: string;
  address: string;
  /** Operation of the API, e.g. `createRoom`, or an action of the server. */
  readonly action: string;
  /** Method and path, without the query. */
  readonly request: string;
  /** HTTP status; null: the client left before the answer. */
  readonly status: number | null;
  readonly trace_id: string;
}
