/**
 * Opens access control: tokens, sessions, sign-in links, playback tokens, and the limits on requests.
 * In: the context, store, streams, net. Out: Accounts.
 */
import { openAccess } from '../accounts/access.ts';
import { accountTables } from '../accounts/account-tables.ts';
import { AuthUrl } from '../accounts/auth/auth-url.ts';
import type { IdentityProvider } from '../accounts/identity/provider.ts';
import type { Mail } from '../accounts/mail/account-mail.ts';
import { MailQueue } from '../accounts/mail/mail-queue.ts';
import type { MailRows } from '../accounts/mail/mail-rows.ts';
import { RateLimits } from '../accounts/rate-limit.ts';
import type { SecretBox } from '../accounts/secret-box.ts';
import { signInPath } from '../accounts/sign-in-links.ts';
import { TokenTries } from '../accounts/token-tries.ts';
import type { OpenedWatchJwt } from '../accounts/watch-jwt/open-watch-jwt.ts';
import type { Config } from '../config/schema.ts';
import { nodeName } from '../config/sections/cluster-section.ts';
import type { Accounts, AppContext, Parts } from '../features/core.ts';
import { sleep } from '../lib/abort.ts';
import { OxbowError } from '../lib/errors.ts';
import { OncePer } from '../lib/once-per.ts';
import type { Net } from '../net/net.ts';
import { createLocalSignIn } from '../serve/client/local-sign-in.ts';

const SWEEP_EVERY_MS = 3_600_000;

/** What the secret of playback tokens is made of. @param part this process of several */
export function watchSecretOf(config: Config, part: AppContext['process']) {
  return {
    watchSecret: config.watchSecret,
    clusterSecret: nodeName(config) === undefined || part ? undefined : config.cluster.secret,
  };
}

/** Reads the stored sessions, tokens and revocations. */
export async function openAccounts(
  { config, settings, dataFolder, process: part, clock, ...context }: AppContext,
  { store, changes, catalog, net }: Pick<Parts, 'store' | 'changes' | 'catalog' | 'net'>,
): Promise<Accounts> {
  const watchJwt = await openPlaybackJwt({ config, clock, ...context }, net);
  const openServices = (current: Config) => openIdentity(current, { clock, ...context }, net);
  let mail: Mail | undefined;
  const access = await openAccess({
    tables: accountTables(store.db, changes),
    dataFolder,
    clock,
    adminToken: config.adminToken,
    ...watchSecretOf(config, part),
    workerSecret: part && config.cluster.secret,
    watchJwt,
    providers: await openServices(config),
    async openMail(rows, box) {
      mail = await openMail({ config, clock, ...context }, { net, rows, box });
      return mail;
    },
    failed: context.failed('e-mail of an account'),
    accounts: () => settings.now.accounts,
    targetDurationMs(name) {
      const seconds = catalog.find(name)?.served.list.generation?.targetDurationS;
      return seconds === undefined ? undefined : seconds * 1000;
    },
  });
  const { audit, users, sessions } = access;
  const reported = new OncePer(60_000, () => clock.monotonicMs());
  audit.onLost = (count, error) => {
    context.metrics.auditLost.inc(count);
    reported.call((more) => context.log.error({ error, more }, 'lines of the audit log are lost'));
  };
  context.opened.defer(() => audit.flush());
  context.metrics.beforeScrape(() => {
    const roles = { guest: 0, user: 0, admin: 0 };
    for (const { role } of users.all()) roles[role]++;
    for (const [role, count] of Object.entries(roles)) context.metrics.users.set({ role }, count);
    context.metrics.sessions.set(sessions.all.length);
    context.metrics.passwordsWaiting.set(access.passwords.waiting);
  });
  const limits = new RateLimits(() => clock.monotonicMs());
  return {
    access,
    async prepare(next) {
      const opened = await openServices(next);
      return () => access.services.use(opened);
    },
    mail,
    auth: openAuthUrl({ config, clock, ...context }, net),
    localSignIn: createLocalSignIn({ exposure: config, mode: config.localSignIn, dataFolder }),
    limits,
    tokenTries: new TokenTries(limits, () => clock.monotonicMs()),
  };
}

/** The authorization server; undefined if none is set. */
function openAuthUrl(
  {
    config,
    clock,
    shutdown,
    metrics,
    services,
  }: Pick<AppContext, 'config' | 'clock' | 'shutdown' | 'metrics' | 'services'>,
  net: Net,
): AuthUrl | undefined {
  const { url, secret, sendKey, timeout } = config.auth;
  if (url === undefined) return undefined;
  metrics.authAvailable.set(1);
  services.report('auth', 'closed', '');
  return new AuthUrl({
    url,
    secret,
    sendKey,
    timeoutMs: timeout,
    net,
    nowMs: () => clock.monotonicMs(),
    signal: shutdown.signal,
    onAnswer(action, result, seconds) {
      metrics.authRequests.inc({ action, result });
      if (seconds !== undefined) metrics.authSeconds.observe(seconds);
    },
    onAvailable(isAvailable, reason) {
      metrics.authAvailable.set(isAvailable ? 1 : 0);
      services.report('auth', isAvailable ? 'closed' : 'open', reason);
    },
  });
}

/** The tokens of another program; undefined if none is set. */
async function openPlaybackJwt(
  { config, clock, shutdown, metrics, log }: Pick<AppContext, 'config' | 'clock' | 'shutdown' | 'metrics' | 'log'>,
  net: Net,
): Promise<OpenedWatchJwt | undefined> {
  const { algorithm, issuer, audience, ...settings } = config.playbackJwt;
  if (algorithm === 'off') return undefined;
  const { openWatchJwt } = await import('../accounts/watch-jwt/open-watch-jwt.ts');
  const reported = new OncePer(1000, () => clock.monotonicMs());
  return openWatchJwt(
    { algorithm, issuer: issuer || undefined, audience: audience || undefined, ...settings },
    {
      net,
      nowMs: () => clock.monotonicMs(),
      signal: shutdown.signal,
      onRefused(reason) {
        metrics.jwtRefusals.inc({ reason });
        reported.call((more) => log.warn({ reason, more }, 'a playback token of another program is refused'));
      },
      onFetched(reason) {
        if (reason !== undefined) log.error({ reason }, 'the keys of playback tokens cannot be fetched');
      },
    },
  );
}

/** The services that sign users in. Their library is loaded only if there are some. */
async function openIdentity(
  { identity: { providers } }: Config,
  { clock, shutdown }: Pick<AppContext, 'clock' | 'shutdown'>,
  net: Net,
): Promise<ReadonlyMap<string, IdentityProvider>> {
  if (Object.keys(providers).length === 0) return new Map();
  const { openProviders } = await import('../accounts/identity/open-providers.ts');
  return openProviders(providers, { net, signal: shutdown.signal, nowMs: () => clock.monotonicMs() });
}

/** The mail server; undefined if none is set. */
async function openMail(
  {
    config,
    clock,
    shutdown,
    opened,
    metrics,
    log,
    services,
    failed,
  }: Omit<AppContext, 'settings' | 'dataFolder' | 'process'>,
  { net, rows, box }: { readonly net: Net; readonly rows: MailRows; readonly box: SecretBox },
): Promise<Mail | undefined> {
  const { publicUrl } = config;
  const { smtp, from, encryption } = config.mail;
  if (smtp === undefined) return undefined;
  const missing = publicUrl === undefined ? 'publicUrl' : from === '' ? 'mail.from' : undefined;
  if (missing !== undefined || publicUrl === undefined) {
    throw new OxbowError('bad-setting', `\`mail.smtp\` needs \`${missing}\`.`, {
      extra: { hint: 'Links in e-mail begin with `publicUrl`. See docs/7-together/e-mail.md.' },
    });
  }
  const { openTransport } = await import('../accounts/mail/transport.ts');
  const { guardTransport, isMailFailure, MAIL_TIMEOUT_MS } = await import('../accounts/mail/guarded-transport.ts');
  const { signal } = shutdown;
  const transport = openTransport(
    { url: new URL(smtp), from, mustEncrypt: encryption === 'required' },
    { net, signal },
  );
  opened.defer(() => transport.close());
  const breaker = opened.use(
    await services.open({ service: 'mail', timeoutMs: MAIL_TIMEOUT_MS, isFailure: isMailFailure }),
  );
  const reported = new OncePer(1000, () => clock.monotonicMs());
  const queue = await MailQueue.open({
    rows,
    box,
    transport: guardTransport(transport, breaker, { signal }),
    clock,
    signal,
    failed: failed('the queue of e-mail'),
    onResult(result, error) {
      metrics.mailMessages.inc({ result });
      if (result === 'sent') return;
      const reason = error?.message ?? (result === 'expired' ? 'it has expired' : 'too many messages wait');
      reported.call((more) => log.warn({ result, reason, more }, 'an e-mail was not sent'));
    },
  });
  opened.defer(() => queue.close());
  opened.defer(metrics.beforeScrape(() => metrics.mailWaiting.set(queue.size)));
  return { queue, transport, publicUrl };
}

/** Path of a one-time sign-in link; undefined if a browser is signed in already. */
export async function firstSignIn({ access }: Accounts): Promise<string | undefined> {
  return access.sessions.of(undefined).length === 0 ? signInPath((await access.links.make()).code) : undefined;
}

/**
 * Removes old guests, expired sessions and old lines of the audit log, now and every hour, and completes
 * deletions that a crash interrupted.
 */
export function startAccounts({ opened, shutdown, failed }: AppContext, { access }: Accounts): void {
  const { users, sessions, signUp, audit } = access;
  const { signal } = shutdown;
  const report = failed('the sweep of accounts');
  const run = async () => {
    await users.finishDeletions().catch(report);
    while (!signal.aborted) {
      await signUp.removeOldGuests().catch(report);
      await sessions.removeExpired().catch(report);
      await audit.removeOlder(access.settings().auditKeep).catch(report);
      await sleep(SWEEP_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  };
  opened.use(shutdown.owns(run()));
}
