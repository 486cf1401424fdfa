/**
 * The settings of sign-in through other services, e-mail, and playback tokens of other programs: parts of the
 * table of all settings.
 * In: the types of settings. Out: sections for schema.ts.
 */
import { FormatError } from '@oxbow/media/errors';
import {
  choice,
  httpUrl,
  type NamedSections,
  optionalUrl,
  secret,
  section,
  smtpUrl,
  text,
  type Values,
} from '../option.ts';

/** Services that oxbow knows; `oidc` is any other one with OpenID Connect. */
const providerTypes = ['oidc', 'github', 'google', 'discord', 'microsoft', 'gitlab'] as const;

const provider = section({
  type: choice(providerTypes, 'oidc', 'The service: one of those that oxbow knows, or `oidc` for OpenID Connect.'),
  issuer: text('', 'Address of the service. Required for `oidc`; for others only if you run it yourself.', {
    placeholder: 'URL',
    maxLength: 500,
  }),
  clientId: text('', 'Client ID that the service has assigned.', { maxLength: 300 }),
  clientSecret: text('', 'Client secret that the service has assigned.', { maxLength: 1000 }),
  clientSecretFile: text('', 'File with the client secret, in place of `clientSecret`.', { placeholder: 'FILE' }),
  scopes: text('', 'Scopes to request, with spaces. Default: what the service needs.', { maxLength: 500 }),
  name: text('', 'Name on the button. Default: that of the service.', { maxLength: 50 }),
  signUp: choice(
    ['accounts', 'open', 'closed'],
    'accounts',
    'Whether a new person gets an account: as `accounts.signUp` says, always (`open`), or never (`closed`: users link the service to their account).',
  ),
});

/** A service that signs users in. */
type ProviderConfig = Values<typeof provider>;

const providers: NamedSections<ProviderConfig> = {
  node: 'named',
  sentence: 'Services that sign users in, by a name of your choice; it is part of the redirect address.',
  reload: 'live',
  each: provider,
  checkName(name) {
    if (/^[a-z0-9][a-z0-9-]{0,31}$/.test(name)) return;
    throw new FormatError(`"${name.slice(0, 80)}" is not a name; use a-z, 0-9 and "-", at most 32 characters`, 0);
  },
  refine(values) {
    const providerConfig = values as ProviderConfig;
    if (providerConfig.clientId === '') throw new FormatError('it needs a `clientId`', 0);
    if (providerConfig.issuer !== '') httpUrl(providerConfig.issuer);
    if (providerConfig.type === 'oidc' && providerConfig.issuer === '')
      throw new FormatError('`oidc` needs an `issuer`', 0);
    if (providerConfig.clientSecret !== '' && providerConfig.clientSecretFile !== '') {
      throw new FormatError('it has both `clientSecret` and `clientSecretFile`', 0);
    }
    return providerConfig;
  },
};

/** Sign-in through other services. */
export const identitySection = section({ providers });

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
