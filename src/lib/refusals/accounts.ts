/**
 * Refusals of accounts, a part of the table of error codes.
 * In: nothing. Out: rows for errors.ts.
 */

/** The codes of accounts. */
export const accountRefusals = {
  'user-unknown': { status: 404, title: 'Unknown user', hint: 'GET /api/v1/users lists them.' },
  'user-name-taken': { status: 409, title: 'The name is taken', hint: 'Choose another name.' },
  'bad-user-name': {
    status: 400,
    title: 'Invalid name',
    hint: 'Use 1 to 32 visible characters; `admin` and names like it are reserved.',
  },
  'bad-password': {
    status: 400,
    title: 'Password not accepted',
    hint: 'Use 8 to 256 characters, not your name and none of the most common passwords.',
  },
  'sign-in-busy': { status: 503, title: 'Too many sign-ins at once', hint: 'Try again in a moment.' },
  'sign-up-closed': {
    status: 403,
    title: 'Sign-up is closed',
    hint: 'Ask the operator of this server for an invitation.',
  },
  'guests-refused': { status: 403, title: 'Guests are not admitted', hint: 'Sign in with an account.' },
  'invitation-refused': {
    status: 403,
    title: 'Invalid invitation',
    hint: 'Ask the sender of the invitation for a new one.',
  },
  'wrong-password': { status: 403, title: 'Wrong password', hint: 'Enter the password that signs the account in.' },
  'invitation-unknown': { status: 404, title: 'Unknown invitation', hint: 'GET /api/v1/invitations lists them.' },
  'account-inactive': {
    status: 403,
    title: 'The account is not active',
    hint: 'It waits for approval, or was banned. Ask the operator of this server.',
  },
  'own-account': {
    status: 409,
    title: 'The own account',
    hint: 'Ask another administrator, or use `oxbow user` on the computer where oxbow runs.',
  },
  'provider-unknown': { status: 404, title: 'Unknown service', hint: 'GET /api/v1/sign-in lists them.' },
  'identity-refused': {
    status: 403,
    title: 'The other service did not confirm the sign-in',
    hint: 'Begin again. If it happens each time, an administrator finds the reason in the log.',
  },
  'identity-expired': {
    status: 403,
    title: 'The sign-in took too long, or began in another browser',
    hint: 'Begin again, and allow cookies for this site.',
  },
  'identity-unavailable': {
    status: 502,
    title: 'The other service does not answer',
    hint: 'Try again later, or sign in another way. An administrator finds the reason in the log.',
  },
  'identity-taken': {
    status: 409,
    title: 'The account of the other service signs another user in',
    hint: 'Sign in with it, and unlink it there first.',
  },
  'identity-unknown': { status: 404, title: 'Not linked', hint: 'GET /api/v1/me lists the services that are linked.' },
  'last-sign-in': {
    status: 409,
    title: 'The last way to sign in',
    hint: 'Set a password or link another service first.',
  },
  'bad-email': {
    status: 400,
    title: 'Invalid e-mail address',
    hint: 'Enter one address, such as ada@example.org.',
  },
  'email-code-refused': {
    status: 403,
    title: 'The link of the e-mail is not valid',
    hint: 'A link works once. Request a new one.',
  },
  'email-taken': {
    status: 409,
    title: 'The e-mail address belongs to another account',
    hint: 'Sign in to that account, or enter another address.',
  },
  'mail-off': {
    status: 409,
    title: 'This server sends no e-mail',
    hint: 'Ask an administrator. A mail server is set with `mail.smtp`, see docs/7-together/e-mail.md.',
  },
  'mail-failed': {
    status: 502,
    title: 'The e-mail was not sent',
    hint: 'Check `mail.smtp`, `mail.from` and the log of the mail server.',
  },
} as const;
