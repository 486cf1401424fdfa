/**
 * The one key of the settings that verifies playback tokens of another program: a shared secret, or a public
 * key.
 * In: settings, a PEM or JWK file. Out: keys for WatchJwt. RFC 7518 3; RFC 7517 4.
 */
import type { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { importJWK, importSPKI, importX509, type JWK, type JWTVerifyGetKey } from 'jose';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { JwtAlgorithm } from './watch-jwt.ts';

/** RFC 7518 3.2: an HMAC key is at least as long as the digest. */
const MIN_SECRET_BYTES = 32;

/**
 * The key of a shared secret, for HS256 only.
 *
 * @throws OxbowError `bad-setting` if it is too short, or a public key: everyone who has that could sign
 */
export function keyOfSecret(secret: string): JWTVerifyGetKey {
  const bytes = Buffer.from(secret);
  if (/-----BEGIN |"kty"/.test(secret)) {
    throw badKey(
      '`playbackJwt.secret` is a key file. Set `playbackJwt.publicKey` to its path, and the algorithm to its own.',
    );
  }
  if (bytes.length < MIN_SECRET_BYTES) {
    throw badKey(`\`playbackJwt.secret\` has ${bytes.length} bytes. HS256 needs at least ${MIN_SECRET_BYTES}.`);
  }
  return async () => bytes;
}

/**
 * Reads a public key: PEM (SPKI or a certificate) or a JWK.
 *
 * @throws OxbowError `bad-setting` if the file cannot be read, or its key does not fit the algorithm
 */
export async function readPublicKey(path: string, algorithm: Exclude<JwtAlgorithm, 'HS256'>): Promise<JWTVerifyGetKey> {
  try {
    const text = await readFile(path, 'utf8');
    const key = await importPublicKey(text.trim(), algorithm);
    return async () => key;
  } catch (error) {
    throw badKey(`\`playbackJwt.publicKey\`: ${path} is no public key for ${algorithm}: ${messageOf(error)}.`, error);
  }
}

async function importPublicKey(text: string, algorithm: JwtAlgorithm): Promise<webcrypto.CryptoKey> {
  if (text.includes('PRIVATE KEY'))
    throw new TypeError('it is a private key, and only the program that signs needs that');
  if (text.startsWith('-----BEGIN CERTIFICATE')) return importX509(text, algorithm);
  if (!text.startsWith('{')) return importSPKI(text, algorithm);
  const jwk = JSON.parse(text) as JWK;
  if ('d' in jwk) throw new TypeError('it is a private key, and only the program that signs needs that');
  const key = await importJWK(jwk, algorithm);
  if (key instanceof Uint8Array) throw new TypeError('it is a shared secret');
  return key;
}

function badKey(detail: string, cause?: unknown): OxbowError {
  return new OxbowError('bad-setting', detail, {
    cause,
    extra: { hint: '`openssl rand -base64 32` prints a secret; `openssl pkey -pubout` writes a public key.' },
  });
}
