/**
 * The settings of sign-in through other services, e-mail, and playback tokens of other programs: parts of the table of all settings.
 * In: the types of settings. Out: sections for schema.ts.
 */
import { choice, optionalUrl, secret, section, smtpUrl, text } from '../option.ts';

/** The mail server. */
export const mailSection = section({
  smtp: smtpUrl(
    'Mail server: `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://` for TLS from the start. Default: oxbow sends no e-mail. Needs `publicUrl` and `mail.from`.',
  ),
  from: text('', 'Sender of e-mail, such as `oxbow <noreply@tv.example>`.', { placeholder: 'ADDRESS', maxLength: 300 }),
  encryption: choice(
    ['required', 'optional'],
    'required',
    'With `smtp://`: whether the connection is encrypted (STARTTLS) before the password and messages are sent. Not used for a server on this computer.',
  ),
});

/** Playback tokens that another program signs. */
export const playbackJwtSection = section({
  algorithm: choice(
    ['off', 'HS256', 'RS256', 'ES256', 'EdDSA'],
    'off',
    'Algorithm of playback tokens (JWT) that another program signs. Tokens with any other algorithm are refused.',
  ),
  secret: secret('Secret of HS256 that both programs share, at least 32 bytes.'),
  publicKey: text('', 'File with the public key of the other program (PEM or JWK).', { placeholder: 'FILE' }),
  jwks: optionalUrl('Address where the other program publishes its public keys (JWK Set).'),
  issuer: text('', 'Required `iss` of a token. Default: any.', { maxLength: 200 }),
  audience: text('', 'Required `aud` of a token. Default: any.', { maxLength: 200 }),
  claim: text('stream', 'Claim with the name of the stream, a beginning such as `studio-*`, or a list of these.', {
    placeholder: 'NAME',
    maxLength: 100,
  }),
});
