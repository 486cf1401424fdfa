/**
 * Access control: users, the admin token, sessions, API tokens, stream keys, sign-in links and playback
 * tokens.
 * In: settings, the data folder, tables. Out: Access, which http uses for every request.
 */
import type { Clock } from '../lib/clock.ts';
import { addAccountExports } from './account-exports.ts';
import type { AccountTables } from './account-tables.ts';
import { type AdminGate, createAdminGate } from './admin-token.ts';
import { ApiTokens } from './api-tokens.ts';
import { AuditTrail } from './audit/audit-trail.ts';
import { Identities } from './identity/identities.ts';
import type { IdentityProvider } from './identity/provider.ts';
import { SignInServices } from './identity/sign-in-services.ts';
import { AccountMail, type Mail } from './mail/account-mail.ts';
import { EmailCodes } from './mail/email-codes.ts';
import type { MailRows } from './mail/mail-rows.ts';
import { anonymous, type Principal, principalOfSession, principalOfToken } from './principal.ts';
import { createProcessSecret, type ProcessSecret } from './process-secret.ts';
import { PublishKeys } from './publish-keys.ts';
import { SecretBox } from './secret-box.ts';
import { Sessions } from './sessions.ts';
import { SignInLinks } from './sign-in-links.ts';
import { type AccountSettings, usualSettings } from './users/account-settings.ts';
import { Exporters } from './users/exporters.ts';
import { HashQueue } from './users/hash-queue.ts';
import { Invitations } from './users/invitations.ts';
import { Passwords } from './users/passwords.ts';
import { SignUp } from './users/sign-up.ts';
import { UserReferences } from './users/user-references.ts';
import { Users } from './users/users.ts';
import type { OpenedWatchJwt } from './watch-jwt/open-watch-jwt.ts';
import { openWatchSecret, readEarlierSecrets } from './watch-secret.ts';
import { WatchTokens } from './watch-tokens.ts';

/** The parts of access control. */
export interface Access {
  readonly admin: AdminGate;
  readonly sessions: Sessions;
  readonly tokens: ApiTokens;
  readonly publishKeys: PublishKeys;
  readonly links: SignInLinks;
  readonly watch: WatchTokens;
  /** How playback tokens of another program are verified; undefined: they are refused. */
  readonly watchJwt: OpenedWatchJwt | undefined;
  /** The secret of the worker process that this server starts. */
  readonly ownWorker: ProcessSecret;
  readonly users: Users;
  readonly passwords: Passwords;
  /** What ends or moves with a user. */
  readonly references: UserReferences;
  readonly invitations: Invitations;
  readonly signUp: SignUp;
  /** The e-mail addresses of accounts. */
  readonly emails: AccountMail;
  /** The stored audit log. */
  readonly audit: AuditTrail;
  /** The stored data about a user, for the user. */
  readonly exporters: Exporters;
  /** Services that sign users in. */
  readonly services: SignInServices;
  /** Encrypts texts that only this server may read again; see secret-box.ts. */
  box(use: string): SecretBox;
  /** The settings of accounts, as they are now. */
  settings(): AccountSettings;
  /**
   * Finds a cookie's session that another node has added a moment ago; undefined if there is nothing to wait
   * for.
   */
  lookUpCookie(secret: string): Promise<void> | undefined;
  /** The same for an API token. */
  lookUpToken(secret: string): Promise<void> | undefined;
  /** Who has the secret of a session's cookie; anonymous if it ended. */
  ofCookie(secret: string): Principal;
  /** Who has the secret of an API token; anonymous for an unknown one. */
  ofToken(secret: string): Principal;
}

/** Options of access control. */
export interface AccessOptions {
  readonly tables: AccountTables;
  readonly dataFolder: string;
  readonly clock: Clock;
  /** Undefined or empty: not set. */
  readonly adminToken: string | undefined;
  /** Undefined or empty: generated in the data folder. */
  readonly watchSecret?: string | undefined;
  /**
   * Secret of the cluster: what only this server would know otherwise is derived from it, the same on all
   * nodes.
   */
  readonly clusterSecret?: string | undefined;
  /** What the token of the server's worker is derived from where there is no secret of a cluster. */
  readonly workerSecret?: string | undefined;
  readonly watchJwt?: OpenedWatchJwt | undefined;
  /** Services that sign users in; none if absent. */
  readonly providers?: ReadonlyMap<string, IdentityProvider>;
  /** Opens the queue of the mail server; undefined if none is set. The box seals waiting messages. */
  readonly openMail?: (rows: MailRows, box: SecretBox) => Promise<Mail | undefined>;
  /** Called with a failure of work in the background. */
  readonly failed?: (error: unknown) => void;
  /** Settings of accounts; the defaults if absent. */
  readonly accounts?: () => AccountSettings;
  /** Target duration of a stream's live playlists, ms; undefined while it has none. */
  readonly targetDurationMs?: (stream: string) => number | undefined;
}

/**
 * Reads the stored sessions, tokens, keys and revocations.
 *
 * @throws OxbowError `bad-setting` for an invalid watch secret
 */
export async function openAccess(options: AccessOptions): Promise<Access> {
  const {
    tables,
    dataFolder,
    clock,
    adminToken,
    watchSecret,
    clusterSecret,
    watchJwt,
    targetDurationMs,
    providers = new Map(),
    openMail,
    failed = () => {},
    accounts = () => usualSettings,
  } = options;
  const secret = await openWatchSecret(dataFolder, watchSecret, clusterSecret);
  const earlier = await readEarlierSecrets(dataFolder, watchSecret, clusterSecret);
  const mail = await openMail?.(tables.mails, new SecretBox(secret, 'mail'));
  const references = new UserReferences();
  const hashes = new HashQueue();
  const users = await Users.open({ rows: tables.users, clock, references, hashes, failed });
  const sessions = await Sessions.open(tables.sessions, clock);
  const tokens = await ApiTokens.open(tables.tokens, clock);
  const invitations = await Invitations.open(tables.invitations, clock);
  const identities = await Identities.open(tables.identities);
  const signUp = new SignUp({ users, references, invitations, sessions, clock, settings: accounts });
  const passwords = new Passwords(users, hashes);
  const userOf = ({ userId }: { readonly userId: string | undefined }) =>
    userId === undefined ? undefined : users.find(userId);
  const audit = new AuditTrail({ rows: tables.audit, clock });
  const exporters = new Exporters();
  addAccountExports(exporters, { sessions, tokens, invitations, audit });
  const end = async (id: string) => {
    await sessions.removeOf(id);
    await tokens.removeOf(id);
  };
  references.onBanned(end);
  references.onDeleted(end);
  references.onDeleted((id) => audit.forget(id));
  return {
    box: (use) => new SecretBox(secret, use, earlier),
    admin: createAdminGate(adminToken),
    sessions,
    tokens,
    publishKeys: await PublishKeys.open(tables.publishKeys, clock),
    ownWorker: createProcessSecret(clusterSecret ?? options.workerSecret),
    links: new SignInLinks(dataFolder, () => clock.nowMs()),
    watch: await WatchTokens.open({
      secret,
      epochs: tables.epochs,
      jwt: watchJwt?.jwt,
      lasts({ id, isAdmin }) {
        const user = users.find(id);
        return user?.state === 'active' && (!isAdmin || user.role === 'admin');
      },
      ...(targetDurationMs && { targetDurationMs }),
    }),
    watchJwt,
    users,
    passwords,
    references,
    invitations,
    audit,
    exporters,
    services: new SignInServices({ providers, users, references, sessions, signUp, identities, clock, secret }),
    signUp,
    emails: new AccountMail({
      users,
      passwords,
      references,
      sessions,
      tokens,
      codes: new EmailCodes(tables.emailCodes, clock),
      mail,
      failed,
    }),
    settings: accounts,
    lookUpCookie: (cookie) => sessions.lookUp(cookie),
    lookUpToken: (bearer) => tokens.lookUp(bearer),
    ofCookie(cookie) {
      const session = sessions.find(cookie);
      return session ? principalOfSession(session, userOf(session), accounts()) : anonymous;
    },
    ofToken(bearer) {
      const token = tokens.find(bearer);
      return token ? principalOfToken(token, userOf(token), accounts()) : anonymous;
    },
  };
}
