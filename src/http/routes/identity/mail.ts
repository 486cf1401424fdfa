/**
 * Routes of e-mail: set a new password, confirm an address, test the mail server.
 * In: addresses, codes of links. Out: messages in the background; UserView.
 */
import { readEmail } from '../../../accounts/mail/email-address.ts';
import { type MailLanguage, mailLanguageOf } from '../../../accounts/mail/messages.ts';
import type { LimitName } from '../../../accounts/rate-limit.ts';
import { UserView } from '../../../api/account/account-shapes.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { HttpDeps } from '../../deps.ts';
import { IdParams } from '../../route/page-query.ts';
import { defineRoute, type Route, type RouteCall } from '../../route/route.ts';
import { ownAccount, userView } from '../accounts/account-views.ts';
import { NewPassword } from '../accounts/users.ts';

const Email = Type.String({ minLength: 3, maxLength: 254, description: 'one address' });
const Code = Type.String({ minLength: 1, maxLength: 100, description: 'the part of the link after `#`' });
const Language = Type.Optional(
  Type.Union([Type.Literal('en'), Type.Literal('zh')], {
    description: 'language of the message; default: that of `Accept-Language`',
  }),
);
const Recipient = Type.Object(
  { email: Email, language: Language },
  { $id: 'MailRecipient', additionalProperties: false },
);
const NewPasswordByCode = Type.Object(
  { code: Code, password: NewPassword },
  { $id: 'NewPasswordByCode', additionalProperties: false },
);
const VerificationCode = Type.Object({ code: Code }, { $id: 'EmailVerification', additionalProperties: false });

const PasswordResetLink = Type.Object({ url: Type.String() }, { $id: 'PasswordResetLink' });

const InvitationMail = Type.Object(
  { ...Recipient.properties, code: Code },
  { $id: 'InvitationMail', additionalProperties: false },
);

const MAILS: LimitName = 'mails';

/** The rows. */
export const mailRoutes: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/password-resets',
    tag: 'accounts',
    access: 'anyone',
    limit: MAILS,
    sentence:
      'Sends a link to set a new password to the confirmed address of an account. The answer is the same if no account has the address.',
    body: Recipient,
    replies: { 202: undefined },
    answer(call, deps) {
      const { email, language } = call.body;
      limitRecipient(email, deps);
      deps.access.emails.requestReset(email, languageOf(language, call));
      return { status: 202 };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/password-resets/complete',
    tag: 'accounts',
    access: 'anyone',
    limit: 'sign-in',
    sentence:
      'Sets a new password by the code of a link, signs the user out everywhere, and ends the API tokens of the user.',
    body: NewPasswordByCode,
    replies: { 200: UserView },
    async answer({ body: { code, password } }, deps) {
      return { body: userView(await deps.access.emails.reset(code, password), deps) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/users/:id/password-resets',
    tag: 'accounts',
    access: 'admin',
    sentence: 'Creates a link to set a new password, for an administrator to pass on. It works once, within an hour.',
    params: IdParams,
    replies: { 201: PasswordResetLink },
    async answer({ params: { id }, client }, { access }) {
      const user = access.users.get(id);
      if (user.role === 'guest') throw new OxbowError('bad-request', 'A guest has no password.');
      // Behind `#`, so that no log of a proxy has it.
      const url = `${client.origin ?? ''}/reset-password#${await access.emails.makeReset(user)}`;
      return { status: 201, body: { url } };
    },
  }),
  defineRoute({
    method: 'PUT',
    path: '/api/v1/me/email',
    tag: 'accounts',
    access: 'user',
    limit: MAILS,
    sentence: 'Sends a link to confirm an address. A confirmed address of the caller stays until the link is opened.',
    body: Recipient,
    replies: { 202: UserView },
    async answer(call, deps) {
      const { email, language } = call.body;
      const user = ownAccount(call.principal, deps);
      limitRecipient(email, deps);
      return {
        status: 202,
        body: userView(await deps.access.emails.setEmail(user, email, languageOf(language, call)), deps),
      };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/me/email',
    tag: 'accounts',
    access: 'user',
    sentence: 'Removes the address of the caller.',
    replies: { 200: UserView },
    async answer(call, deps) {
      return { body: userView(await deps.access.emails.removeEmail(ownAccount(call.principal, deps)), deps) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/email-verifications',
    tag: 'accounts',
    access: 'anyone',
    limit: 'sign-in',
    sentence: 'Confirms an address by the code of a link.',
    body: VerificationCode,
    replies: { 200: UserView },
    async answer(call, deps) {
      return { body: userView(await deps.access.emails.verify(call.body.code, languageOf(undefined, call)), deps) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/mail/invitations',
    tag: 'accounts',
    access: 'admin',
    sentence: 'Sends the code of an invitation, as `POST /api/v1/invitations` has returned it, to an address.',
    body: InvitationMail,
    replies: { 202: undefined },
    async answer(call, { access }) {
      const { email, code, language } = call.body;
      const from = call.principal.user?.name ?? 'An administrator';
      await access.emails.invite(email, from, code, languageOf(language, call));
      return { status: 202 };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/mail/test',
    tag: 'accounts',
    access: 'admin',
    sentence: 'Sends a test message, and waits until the mail server has accepted it.',
    body: Recipient,
    replies: { 204: undefined },
    async answer(call, { access }) {
      const { email, language } = call.body;
      await access.emails.test(email, languageOf(language, call));
      return { status: 204 };
    },
  }),
];

/** So that no one's mailbox is filled from many addresses; for unknown recipients alike. */
function limitRecipient(email: string, { limits }: Pick<HttpDeps, 'limits'>): void {
  const recipient = readEmail(email)?.toLowerCase();
  if (recipient !== undefined) limits.take(MAILS, { address: `mail ${recipient}`, isLocal: false });
}

function languageOf(chosen: MailLanguage | undefined, { header }: Pick<RouteCall, 'header'>): MailLanguage {
  return mailLanguageOf(chosen, header('accept-language'));
}
