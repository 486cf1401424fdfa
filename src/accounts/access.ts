/**
 * Who may what, in one place: the admin token, sessions, API tokens, one-time links, rights to watch.
 * In: settings, the data folder, tables. Out: what http asks for every request.
 */
import type { Clock } from '../lib/clock.ts';
import type { AccountTables } from './account-tables.ts';
import { type AdminGate, createAdminGate } from './admin-token.ts';
import { ApiTokens } from './api-tokens.ts';
import { Sessions } from './sessions.ts';
import { SignInLinks } from './sign-in-links.ts';
import { openWatchSecret } from './watch-secret.ts';
import { WatchTokens } from './watch-tokens.ts';

/** All rights. */
export interface Access {
  readonly admin: AdminGate;
  readonly sessions: Sessions;
  readonly tokens: ApiTokens;
  readonly links: SignInLinks;
  readonly watch: WatchTokens;
}

/** What rights are made of. */
export interface AccessOptions {
  readonly tables: AccountTables;
  readonly dataFolder: string;
  readonly clock: Clock;
  /** Undefined or empty: there is none. */
  readonly adminToken: string | undefined;
  /** Undefined or empty: made in the data folder. */
  readonly watchSecret?: string | undefined;
  /** Target duration of a stream's live lists, ms; undefined while it has none. */
  readonly targetDurationMs?: (stream: string) => number | undefined;
}

/**
 * Reads what is kept of each.
 *
 * @throws OxbowError `bad-setting` where the watch secret cannot be one
 */
export async function openAccess(options: AccessOptions): Promise<Access> {
  const { tables, dataFolder, clock, adminToken, watchSecret, targetDurationMs } = options;
  const secret = await openWatchSecret(dataFolder, watchSecret);
  return {
    admin: createAdminGate(adminToken),
    sessions: await Sessions.open(tables.sessions, clock),
    tokens: await ApiTokens.open(tables.tokens, clock),
    links: new SignInLinks(dataFolder, () => clock.nowMs()),
    watch: await WatchTokens.open({ secret, epochs: tables.epochs, ...(targetDurationMs && { targetDurationMs }) }),
  };
}
