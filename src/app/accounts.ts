/**
 * Opens access control: tokens, sessions, sign-in links, playback tokens, and the limits on requests.
 * In: the context, store, streams. Out: Accounts.
 */
import { openAccess } from '../accounts/access.ts';
import { accountTables } from '../accounts/account-tables.ts';
import { RateLimits } from '../accounts/rate-limit.ts';
import { signInPath } from '../accounts/sign-in-links.ts';
import { TokenTries } from '../accounts/token-tries.ts';
import { createLocalSignIn } from '../http/client/local-sign-in.ts';
import type { Accounts, AppContext, Parts } from './parts.ts';

/** Reads the stored sessions, tokens and revocations. */
export async function openAccounts(
  { config, dataFolder, clock }: AppContext,
  { store, catalog }: Pick<Parts, 'store' | 'catalog'>,
): Promise<Accounts> {
  const access = await openAccess({
    tables: accountTables(store.db),
    dataFolder,
    clock,
    adminToken: config.adminToken,
    watchSecret: config.watchSecret,
    targetDurationMs(name) {
      const seconds = catalog.find(name)?.list.generation?.targetDurationS;
      return seconds === undefined ? undefined : seconds * 1000;
    },
  });
  const limits = new RateLimits(() => clock.monotonicMs());
  return {
    access,
    localSignIn: createLocalSignIn({ exposure: config, mode: config.localSignIn, dataFolder }),
    limits,
    tokenTries: new TokenTries(limits, () => clock.monotonicMs()),
  };
}

/** Path of a one-time sign-in link; undefined if a browser is signed in already. */
export async function firstSignIn({ access }: Accounts): Promise<string | undefined> {
  return access.sessions.all.length === 0 ? signInPath((await access.links.make()).code) : undefined;
}
