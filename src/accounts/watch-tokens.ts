/**
 * Signs and checks playback tokens, each for one stream until it expires. 1 byte version, 4 bytes expiry
 * (unix seconds), 4 bytes epoch of the stream, the id of the account that created it, 16 bytes of
 * HMAC-SHA-256 over them and the name; in base64url. Without an account (version 1) 34 characters; with one
 * (version 2, of an administrator 3) it ends with the account. Tokens that another program has signed are
 * JWT: watch-jwt.ts.
 * In: tokens of signed paths. Out: a verdict. RFC 2104; docs/media.md 32.
 */
import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isJwt } from '../api/signed-path.ts';
import { dropOldest } from '../lib/drop-oldest.ts';
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { Rows } from './secret-table.ts';
import type { WatchJwt } from './watch-jwt/watch-jwt.ts';

/**
 * `playlist` (also stills and clips): until the token expires. `media` (the media of a playlist): two target
 * durations longer.
 */
export type SignedClass = 'playlist' | 'media';

/** `refused`: forged, of another stream, or revoked. */
export type WatchVerdict = 'ok' | 'refused' | 'expired';

/** How often the tokens of a stream were revoked. */
export interface WatchEpoch {
  readonly stream: string;
  readonly epoch: number;
}

/**
 * The account that created a token: its tokens are refused while it is disabled, and once it is deleted or no
 * administrator any more.
 */
export interface WatchHolder {
  /** Of the user; at most 40 characters. */
  readonly id: string;
  /** The account had the permissions of an administrator. */
  readonly isAdmin: boolean;
}

/** Keys and clock of tokens. */
interface WatchTokenOptions {
  readonly secret: Uint8Array;
  readonly epochs: Rows<WatchEpoch>;
  /** Target duration of a stream's live playlists, ms; undefined while it has none. */
  readonly targetDurationMs?: (stream: string) => number | undefined;
  /** The tokens of another program; undefined: they are refused. */
  readonly jwt?: WatchJwt | undefined;
  /** Whether the tokens of an account are valid; called for each check. Undefined: none are. */
  readonly lasts?: (holder: WatchHolder) => boolean;
}

/** The content of a token of this server. */
interface WatchTokenContent {
  /** Of the stream, when it was signed. */
  readonly epoch: number;
  /** ms since 1970. */
  readonly expiresMs: number;
  readonly holder: WatchHolder | undefined;
  /** The broadcaster's rules for the past do not concern it. */
  readonly isExempt: boolean;
}

const VERSION = { none: 1, user: 2, admin: 3 } as const;
/** Added to the version of a token that is exempt from the rules for the past. */
const EXEMPT = 16;
/** The first character of every exempt token, and of no other one. */
const EXEMPT_BEGINS = Buffer.of(EXEMPT).toString('base64url')[0]!;
const HEAD_BYTES = 9;
const MAC_BYTES = 16;
const MAX_HOLDER_BYTES = 40;
/** Characters. */
const MAX_TOKEN_LENGTH = Math.ceil(((HEAD_BYTES + MAX_HOLDER_BYTES + MAC_BYTES) * 8) / 6);
/** Size of the cache of tokens whose signature is valid. */
const MAX_KNOWN = 10_000;
/** Target duration of a stream without a live playlist, ms. */
const USUAL_TARGET_MS = 6000;

interface VerifiedContent extends WatchTokenContent {
  readonly stream: string;
}

/**
 * Whether a token may be exempt from the rules for the past, by its form: caches without the secret pass its
 * requests on.
 */
export function mayBeExempt(token: string): boolean {
  return token.startsWith(EXEMPT_BEGINS);
}

/** The tokens of all streams. */
export class WatchTokens {
  readonly #options: WatchTokenOptions;
  readonly #epochs = new Map<string, number>();
  readonly #revoked = new Emitter<string>();
  /** By token, least recently used first. */
  readonly #contents = new Map<string, VerifiedContent>();

  private constructor(options: WatchTokenOptions) {
    this.#options = options;
  }

  /** Reads the revocations. */
  static async open(options: WatchTokenOptions): Promise<WatchTokens> {
    const tokens = new WatchTokens(options);
    options.epochs.follow?.((_, rows) => {
      for (const { stream, epoch } of rows) {
        if (epoch > tokens.epochOf(stream)) tokens.#raise(stream, epoch);
      }
    });
    for (const { stream, epoch } of await options.epochs.all()) tokens.#epochs.set(stream, epoch);
    return tokens;
  }

  /**
   * Creates a token.
   *
   * @param expiresMs ms since 1970, up to the year 2106; rounded up to a second
   * @param holder undefined: the token is valid without an account
   * @param isExempt the broadcaster's rules for the past do not concern it
   */
  sign(stream: string, expiresMs: number, holder?: WatchHolder, isExempt = false): string {
    const id = Buffer.from(holder?.id ?? '');
    assert(id.length <= MAX_HOLDER_BYTES);
    const head = Buffer.concat([Buffer.alloc(HEAD_BYTES), id]);
    const version = holder ? VERSION[holder.isAdmin ? 'admin' : 'user'] : VERSION.none;
    head.writeUInt8(isExempt ? version + EXEMPT : version, 0);
    head.writeUInt32BE(Math.ceil(expiresMs / 1000), 1);
    head.writeUInt32BE(this.epochOf(stream), 5);
    return Buffer.concat([head, this.#mac(stream, head)]).toString('base64url');
  }

  /**
   * Verifies a new token of another program, so that `verify` can check it; undefined if there is nothing to
   * wait for. Epochs do not apply to these tokens.
   *
   * @param nowMs ms since 1970
   * @returns resolves for an invalid token too. Rejects with OxbowError `auth-unavailable` while its keys
   *   cannot be fetched
   */
  admit(token: string | undefined, nowMs: number): Promise<void> | undefined {
    const { jwt } = this.#options;
    return jwt && token !== undefined && isJwt(token) ? jwt.admit(token, nowMs) : undefined;
  }

  /**
   * Checks a token for media of a stream. A token of another program is refused until it was admitted.
   *
   * @param nowMs ms since 1970
   */
  verify(token: string, stream: string, kind: SignedClass, nowMs: number): WatchVerdict {
    const expiresMs = isJwt(token) ? this.#options.jwt?.expiryFor(token, stream) : this.#expiryFor(token, stream);
    if (expiresMs === undefined) return 'refused';
    const graceMs = kind === 'media' ? 2 * (this.#options.targetDurationMs?.(stream) ?? USUAL_TARGET_MS) : 0;
    return nowMs < expiresMs + graceMs ? 'ok' : 'expired';
  }

  /**
   * The content of a token if its signature is valid for a stream, whatever its epoch, account and expiry;
   * undefined if it is not. For an edge, which does not know the epochs.
   */
  read(token: string, stream: string): WatchTokenContent | undefined {
    const content = this.#contents.get(token) ?? this.#read(token, stream);
    if (content?.stream !== stream) return undefined;
    this.#remember(token, content);
    return content;
  }

  /**
   * Whether the rules for the past do not concern the holder of a token. Ask only about one that `verify`
   * accepts; tokens of another program never are exempt.
   */
  isExempt(token: string, stream: string): boolean {
    return !isJwt(token) && (this.read(token, stream)?.isExempt ?? false);
  }

  /** For other threads of this process, which check the same tokens. */
  get secret(): Uint8Array {
    return this.#options.secret;
  }

  /** Whether the tokens of an account are valid. */
  lasts(holder: WatchHolder): boolean {
    return this.#options.lasts?.(holder) ?? false;
  }

  /** How often the tokens of a stream were revoked. */
  epochOf(stream: string): number {
    return this.#epochs.get(stream) ?? 0;
  }

  /** Emits the name of each stream whose tokens are revoked. */
  get revoked(): Subscribable<string> {
    return this.#revoked;
  }

  /** Sets the epoch that another thread has stored. */
  learn(stream: string, epoch: number): void {
    this.#epochs.set(stream, epoch);
  }

  /** Revokes all tokens of a stream that were signed so far, at once. */
  async revoke(stream: string): Promise<void> {
    const { epochs } = this.#options;
    this.#raise(stream, this.epochOf(stream) + 1);
    // Another node may have revoked them a moment ago, and signed tokens since.
    const [stored] = epochs.follow ? await epochs.all([stream]) : [];
    if (stored && stored.epoch >= this.epochOf(stream)) this.#raise(stream, stored.epoch + 1);
    await epochs.put({ stream, epoch: this.epochOf(stream) });
  }

  #raise(stream: string, epoch: number): void {
    this.#epochs.set(stream, epoch);
    this.#revoked.emit(stream);
  }

  /**
   * Expiry of a token of this server, ms since 1970; undefined: forged, of another stream, revoked, or its
   * account ended.
   */
  #expiryFor(token: string, stream: string): number | undefined {
    const content = this.#contents.get(token) ?? this.#read(token, stream);
    if (!content || content.stream !== stream || content.epoch !== this.epochOf(stream)) return undefined;
    this.#remember(token, content);
    if (content.holder && !this.lasts(content.holder)) return undefined;
    return content.expiresMs;
  }

  #read(token: string, stream: string): VerifiedContent | undefined {
    if (token.length > MAX_TOKEN_LENGTH) return undefined;
    const bytes = Buffer.from(token, 'base64url');
    // The last character has unused bits; only one form of a token is accepted.
    if (bytes.length < HEAD_BYTES + MAC_BYTES || bytes.toString('base64url') !== token) return undefined;
    const head = bytes.subarray(0, -MAC_BYTES);
    if (!timingSafeEqual(bytes.subarray(-MAC_BYTES), this.#mac(stream, head))) return undefined;
    const id = head.toString('utf8', HEAD_BYTES);
    const isExempt = head[0]! >= EXEMPT;
    const version = head[0]! % EXEMPT;
    const holder = version === VERSION.none ? undefined : { id, isAdmin: version === VERSION.admin };
    return { isExempt, stream, epoch: head.readUInt32BE(5), expiresMs: head.readUInt32BE(1) * 1000, holder };
  }

  #remember(token: string, content: VerifiedContent): void {
    this.#contents.delete(token);
    this.#contents.set(token, content);
    dropOldest(this.#contents, MAX_KNOWN);
  }

  #mac(stream: string, head: Uint8Array): Buffer {
    // A name has no zero byte, so no two pairs of head and name give the same input.
    const mac = createHmac('sha256', this.#options.secret).update(`oxbow watch\0${stream}\0`).update(head).digest();
    return mac.subarray(0, MAC_BYTES);
  }
}
