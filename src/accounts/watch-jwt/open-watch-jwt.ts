/**
 * Opens the verification of playback tokens of another program, as it is set: in the main thread, and in
 * serving threads.
 * In: the settings `playbackJwt`, the guarded client. Out: WatchJwt.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { OxbowError } from '../../lib/errors.ts';
import { keyOfSecret, readPublicKey } from './fixed-key.ts';
import { JwkSet, type JwkSetOptions } from './jwk-set.ts';
import { type JwtRules, WatchJwt, type WatchJwtOptions } from './watch-jwt.ts';

/** The settings; exactly one of the three keys is set. */
export interface WatchJwtSettings extends JwtRules {
  readonly secret: string | undefined;
  /** Path of a PEM or JWK file; empty: none. */
  readonly publicKey: string;
  /** URL of a JWK Set. */
  readonly jwks: string | undefined;
}

/** The keys that another program publishes: a JWK Set. */
export type PublishedKeys = JSONWebKeySet;

/** The verification in the main thread. */
export interface OpenedWatchJwt {
  readonly settings: WatchJwtSettings;
  readonly jwt: WatchJwt;
  /** The published keys; undefined if the key is in the settings. */
  readonly set: JwkSet | undefined;
}

/** @throws OxbowError `bad-setting` for a missing or unfit key */
export async function openWatchJwt(
  settings: WatchJwtSettings,
  options: Pick<WatchJwtOptions, 'onRefused'> & Omit<JwkSetOptions, 'url'>,
): Promise<OpenedWatchJwt> {
  checkKeys(settings);
  const set = settings.jwks === undefined ? undefined : new JwkSet({ ...options, url: settings.jwks });
  const keys = set?.find ?? (await fixedKey(settings));
  const jwt = new WatchJwt({ rules: settings, keys, onRefused: options.onRefused });
  set?.changed.subscribe((published) => jwt.retain(published));
  return { settings, jwt, set };
}

/**
 * The verification in a serving thread, which fetches nothing: the main thread passes it the published keys.
 */
export interface ThreadWatchJwt {
  readonly jwt: WatchJwt;
  use(set: PublishedKeys): void;
}

/** @param set published keys that are known already */
export async function openThreadWatchJwt(
  settings: WatchJwtSettings,
  set: PublishedKeys | undefined,
): Promise<ThreadWatchJwt> {
  const unknown: JWTVerifyGetKey = async () => {
    throw new errors.JWKSNoMatchingKey();
  };
  let keys = settings.jwks !== undefined ? unknown : await fixedKey(settings);
  const jwt = new WatchJwt({
    rules: settings,
    keys: (header, token) => keys(header, token),
    onRefused: () => {}, // the main thread refuses it too, and counts that
  });
  const use = (published: PublishedKeys) => {
    keys = createLocalJWKSet(published);
    jwt.retain(published);
  };
  if (set) use(set);
  return { jwt, use };
}

async function fixedKey({ algorithm, secret, publicKey }: WatchJwtSettings): Promise<JWTVerifyGetKey> {
  return algorithm === 'HS256' ? keyOfSecret(secret!) : readPublicKey(publicKey, algorithm);
}

/**
 * A shared secret is for HS256 only, and public keys for everything else: so no one can sign with a public
 * key.
 */
function checkKeys({ algorithm, secret, publicKey, jwks }: WatchJwtSettings): void {
  const keyNames = [
    secret !== undefined && 'secret',
    publicKey !== '' && 'publicKey',
    jwks !== undefined && 'jwks',
  ].filter((each) => each !== false);
  const fits = algorithm === 'HS256' ? keyNames.includes('secret') : !keyNames.includes('secret');
  if (keyNames.length === 1 && fits) return;
  const expected = algorithm === 'HS256' ? '`secret`' : 'one of `publicKey` and `jwks`';
  const actual = keyNames.length === 0 ? 'none of its keys is set' : `${keyNames.join(' and ')} is set`;
  throw new OxbowError('bad-setting', `playbackJwt: ${algorithm} needs ${expected} and nothing else; ${actual}.`, {
    extra: { hint: 'See docs/7-together/playback-jwt.md.' },
  });
}
