/**
 * Playback tokens as JWT that another program has signed. A token is verified once, when it is first seen;
 * later checks are a plain call.
 * In: tokens of signed paths, keys. Out: a verdict. RFC 7519; RFC 8725 3.1: the algorithm is that of the
 * settings, never that of the token.
 */
import { errors, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { isStreamName } from '../../api/stream/stream-name.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Algorithms that a server may be set to, one at a time. RFC 7518 3.1; RFC 8037. */
export type JwtAlgorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA';

/** Requirements for a token of another program. */
export interface JwtRules {
  readonly algorithm: JwtAlgorithm;
  /** Claim that names the streams: a name, a beginning of names such as `studio-*`, or a list of these. */
  readonly claim: string;
  /** Required `iss`; undefined: any. */
  readonly issuer: string | undefined;
  /** Required `aud`; undefined: any. */
  readonly audience: string | undefined;
}

/** The rules, keys and reports of the tokens of other programs. */
export interface WatchJwtOptions {
  readonly rules: JwtRules;
  /** The key of a token; rejects with OxbowError `auth-unavailable` while there are no keys. */
  readonly keys: JWTVerifyGetKey;
  /**
   * Called for each token that is not accepted: `algorithm`, `claim`, `expired`, `key`, `malformed`,
   * `signature`, `busy`, `unavailable`.
   */
  readonly onRefused: (reason: string) => void;
}

/** Verified tokens in memory. */
const MAX_KNOWN = 10_000;
/** Tokens that are verified at the same time; further ones are refused. */
const MAX_PENDING = 1000;
/** Clocks of the program that signs may be ahead by this much (`nbf`), s. */
const TOLERANCE_S = 10;
/** Names and beginnings in one token. */
const MAX_PATTERNS = 100;

interface VerifiedClaims {
  /** `kid` of its key. */
  readonly keyId: string | undefined;
  readonly patterns: readonly string[];
  readonly expiresMs: number;
}

/** The tokens of other programs. */
export class WatchJwt {
  readonly #options: WatchJwtOptions;
  /** Tokens with a valid signature, least recently used first; expired ones too. */
  readonly #verified = new Map<string, VerifiedClaims>();
  readonly #pending = new Map<string, Promise<void>>();

  constructor(options: WatchJwtOptions) {
    this.#options = options;
  }

  /**
   * Verifies a token that is new; undefined if there is nothing to wait for. Equal tokens at the same time
   * are verified once.
   *
   * @param nowMs ms since 1970
   * @returns resolves for an invalid token too: then `expiryFor` returns undefined. Rejects with OxbowError
   *   `auth-unavailable` without keys
   */
  admit(token: string, nowMs: number): Promise<void> | undefined {
    if (this.#verified.has(token)) return undefined;
    const pending = this.#pending.get(token);
    if (pending) return pending;
    if (this.#pending.size >= MAX_PENDING) {
      this.#options.onRefused('busy');
      return Promise.reject(new OxbowError('auth-unavailable', `${MAX_PENDING} playback tokens are being verified.`));
    }
    const verified = this.#verify(token, nowMs).finally(() => this.#pending.delete(token));
    this.#pending.set(token, verified);
    return verified;
  }

  /**
   * Expiry of a verified token for a stream or asset, ms since 1970; undefined: not verified, or for another
   * one.
   */
  expiryFor(token: string, name: string): number | undefined {
    const claims = this.#verified.get(token);
    if (!claims?.patterns.some((pattern) => covers(pattern, name))) return undefined;
    this.#remember(token, claims);
    return claims.expiresMs;
  }

  /** Forgets the tokens that were verified with a key that is no longer published. */
  retain({ keys }: JSONWebKeySet): void {
    const published = new Set(keys.map(({ kid }) => kid));
    for (const [token, { keyId }] of this.#verified) {
      if (keyId === undefined || !published.has(keyId)) this.#verified.delete(token);
    }
  }

  /** Tokens in memory. */
  get size(): number {
    return this.#verified.size;
  }

  async #verify(token: string, nowMs: number): Promise<void> {
    const { keys, rules, onRefused } = this.#options;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        algorithms: rules.algorithm === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [rules.algorithm], // RFC 9864 renames it
        requiredClaims: ['exp'],
        currentDate: new Date(nowMs),
        clockTolerance: TOLERANCE_S,
        ...(rules.issuer !== undefined && { issuer: rules.issuer }),
        ...(rules.audience !== undefined && { audience: rules.audience }),
      });
      this.#learn(token, protectedHeader.kid, payload);
    } catch (error) {
      // Its signature is valid: it is remembered, so that it is refused as expired.
      if (error instanceof errors.JWTExpired) {
        this.#learn(token, undefined, error.payload, 'expired');
        return;
      }
      const reason = reasonOf(error);
      onRefused(reason);
      if (reason === 'unavailable') throw error;
    }
  }

  #learn(token: string, keyId: string | undefined, payload: JWTPayload, refused?: string): void {
    const { rules, onRefused } = this.#options;
    const patterns = patternsOf(payload[rules.claim]);
    const expiresMs = Number(payload.exp) * 1000;
    const isValid = patterns.length > 0 && Number.isFinite(expiresMs);
    const reason = isValid ? refused : 'claim';
    if (reason !== undefined) onRefused(reason);
    if (isValid) this.#remember(token, { keyId, patterns, expiresMs });
  }

  #remember(token: string, claims: VerifiedClaims): void {
    this.#verified.delete(token);
    this.#verified.set(token, claims);
    dropOldest(this.#verified, MAX_KNOWN);
  }
}

/** Names and beginnings in a claim; empty for anything else. */
function patternsOf(claim: unknown): readonly string[] {
  const list = Array.isArray(claim) ? claim : [claim];
  const isValid = (each: unknown) => typeof each === 'string' && each !== '' && !each.slice(0, -1).includes('*');
  return list.length <= MAX_PATTERNS && list.every(isValid) ? (list as string[]) : [];
}

/** A beginning covers streams only: `*` gives no access to assets. */
function covers(pattern: string, name: string): boolean {
  if (!pattern.endsWith('*')) return pattern === name;
  return isStreamName(name) && name.startsWith(pattern.slice(0, -1));
}

function reasonOf(error: unknown): string {
  if (error instanceof OxbowError) return 'unavailable';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm';
  if (error instanceof errors.JWTClaimValidationFailed) return 'claim';
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) return 'key';
  // Also errors of the platform, which a header or key that does not fit causes.
  return 'malformed';
}
