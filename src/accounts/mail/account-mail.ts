/**
 * E-mail of accounts: confirm an address, set a new password, invite.
 * In: users, addresses, codes that come back. Out: messages in the queue; changes of users. Works without a
 * mail server as far as codes are concerned: an administrator may pass on a link.
 */
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import type { ApiTokens } from '../api-tokens.ts';
import type { Sessions } from '../sessions.ts';
import type { Passwords } from '../users/passwords.ts';
import type { User } from '../users/user.ts';
import type { UserReferences } from '../users/user-references.ts';
import type { Users } from '../users/users.ts';
import { readEmail } from './email-address.ts';
import { CODE_LIFETIME_MS, type EmailCodes } from './email-codes.ts';
import type { MailQueue } from './mail-queue.ts';
import { type MailLanguage, type MailTopic, writeMail } from './messages.ts';
import type { MailTransport } from './transport.ts';

/** Messages without a code are tried for this long, ms. */
const LIFETIME_MS = 24 * 3_600_000;

/** The mail server as it is set up. */
export interface Mail {
  readonly queue: Pick<MailQueue, 'add' | 'forget'>;
  readonly transport: Pick<MailTransport, 'send'>;
  /**
   * Address of this server for its users. A link is never made of the Host of a request, which its sender
   * chooses.
   */
  readonly publicUrl: string;
}

interface AccountMailDeps {
  readonly users: Users;
  readonly passwords: Passwords;
  readonly references: UserReferences;
  readonly sessions: Pick<Sessions, 'removeOf'>;
  readonly tokens: Pick<ApiTokens, 'removeOf'>;
  readonly codes: EmailCodes;
  /** Undefined: no mail server is set. */
  readonly mail: Mail | undefined;
  /** Called with a bug or a failure of the database in the background. */
  readonly failed: (error: unknown) => void;
}

/** The addresses of accounts. */
export class AccountMail {
  readonly #deps: AccountMailDeps;

  constructor(deps: AccountMailDeps) {
    this.#deps = deps;
    deps.references.onDeleted(async (id) => {
      await deps.codes.revoke(id);
      await deps.mail?.queue.forget(id);
    });
  }

  /** Whether a mail server is set. */
  get isOn(): boolean {
    return this.#deps.mail !== undefined;
  }

  /**
   * Sends a link to set a new password, if the address is that of an account. The answer and its time are the
   * same if it is not.
   *
   * @throws OxbowError `mail-off`
   */
  requestReset(email: string, language: MailLanguage): void {
    this.#require();
    this.#sendReset(email, language).catch(this.#deps.failed);
  }

  async #sendReset(text: string, language: MailLanguage): Promise<void> {
    const email = readEmail(text);
    const user = email === undefined ? undefined : this.#deps.users.findByEmail(email);
    if (email === undefined || !user || user.state === 'banned') return;
    const code = await this.makeReset(user);
    const link = this.#linkTo('reset-password', code);
    await this.#send(email, { kind: 'reset', name: user.name, ...link }, language, user);
  }

  /** A code that sets a new password once, within an hour; the earlier one of the user is revoked. */
  makeReset(user: User): Promise<string> {
    return this.#deps.codes.make({ userId: user.id, kind: 'reset', email: user.email ?? '' });
  }

  /**
   * Sets a new password by a code, and ends all sessions and API tokens of the user.
   *
   * @throws OxbowError `email-code-refused`; `bad-password` and `sign-in-busy`, after which the code stays
   *   valid
   */
  async reset(code: string, password: string): Promise<User> {
    const { users, passwords, sessions, tokens, codes } = this.#deps;
    return codes.use(code, 'reset', async ({ userId }) => {
      if (!users.find(userId)) throw new OxbowError('email-code-refused', 'The account of this link was deleted.');
      const user = await passwords.set(userId, password);
      await sessions.removeOf(userId);
      await tokens.removeOf(userId);
      return user;
    });
  }

  /**
   * Sends a link to confirm an address. A confirmed one stays until then.
   *
   * @throws OxbowError `bad-email`, `mail-off`
   */
  async setEmail(user: User, text: string, language: MailLanguage): Promise<User> {
    this.#require();
    const email = requireEmail(text);
    const code = await this.#deps.codes.make({ userId: user.id, kind: 'verify', email });
    const link = this.#linkTo('verify-email', code);
    await this.#send(email, { kind: 'verify', name: user.name, ...link }, language, user);
    if (user.emailVerified) return user;
    return this.#deps.users.change(user.id, { email, emailVerified: false });
  }

  /** Removes the address of a user, and the links that were sent there. */
  async removeEmail(user: User): Promise<User> {
    await this.#deps.codes.revoke(user.id);
    return this.#deps.users.change(user.id, { email: undefined, emailVerified: false });
  }

  /**
   * Confirms an address by a code. A confirmed address that it replaces is notified.
   *
   * @throws OxbowError `email-code-refused`, `email-taken`
   */
  async verify(code: string, language: MailLanguage): Promise<User> {
    const { users, codes } = this.#deps;
    return codes.use(code, 'verify', async ({ userId, email }) => {
      const before = users.find(userId);
      if (!before) throw new OxbowError('email-code-refused', 'The account of this link was deleted.');
      const other = users.findByEmail(email);
      if (other && other.id !== userId) {
        throw new OxbowError('email-taken', 'Another account has confirmed this address.');
      }
      const user = await users.change(userId, { email, emailVerified: true });
      if (before.emailVerified && before.email !== undefined && before.email !== email && this.#deps.mail) {
        await codes.revoke(userId, 'reset');
        await this.#send(before.email, { kind: 'changed', name: user.name, site: this.#site(), email }, language, user);
      }
      return user;
    });
  }

  /**
   * Sends an invitation.
   *
   * @param from name of the user who invites
   * @throws OxbowError `bad-email`, `mail-off`, `mail-failed` if too many messages wait
   */
  async invite(text: string, from: string, code: string, language: MailLanguage): Promise<void> {
    this.#require();
    await this.#send(requireEmail(text), { kind: 'invitation', from, ...this.#linkTo('sign-up', code) }, language);
  }

  /**
   * Sends a test message and waits for the answer of the mail server.
   *
   * @throws OxbowError `bad-email`, `mail-off`, `mail-failed` with the server's words
   */
  async test(text: string, language: MailLanguage): Promise<void> {
    const { transport } = this.#require();
    const email = requireEmail(text);
    try {
      await transport.send(email, writeMail({ kind: 'test', site: this.#site() }, language));
    } catch (error) {
      throw new OxbowError('mail-failed', `The mail server did not accept the message: ${sentenceOf(wordsOf(error))}`, {
        cause: error,
      });
    }
  }

  #require(): Mail {
    const { mail } = this.#deps;
    if (!mail) throw new OxbowError('mail-off', 'This server sends no e-mail.');
    return mail;
  }

  #site(): string {
    return new URL(this.#require().publicUrl).host;
  }

  /** The code is in the fragment: it is in no log, and not sent to other sites. */
  #linkTo(page: string, code: string): { readonly site: string; readonly link: string } {
    return { site: this.#site(), link: `${this.#require().publicUrl}/${page}#${code}` };
  }

  /** Resolves when the message is stored. @param user that it is about */
  async #send(to: string, topic: MailTopic, language: MailLanguage, user?: User): Promise<void> {
    const lifetimeMs = topic.kind === 'reset' || topic.kind === 'verify' ? CODE_LIFETIME_MS[topic.kind] : LIFETIME_MS;
    const content = writeMail(topic, language);
    if (await this.#require().queue.add({ to, content, userId: user?.id, lifetimeMs })) return;
    throw new OxbowError('mail-failed', 'Too many messages wait for the mail server.');
  }
}

/** @throws OxbowError `bad-email` */
function requireEmail(text: string): string {
  const email = readEmail(text);
  if (email === undefined) throw new OxbowError('bad-email', `"${text.slice(0, 80)}" is not an e-mail address.`);
  return email;
}

/** The words of the mail server, in one line. */
function wordsOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 300);
}
