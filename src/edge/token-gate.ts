/**
 * Who may have copies of restricted media. Tokens are put into classes, and the origin's answer to one token
 * of a class holds for the class for a while: with the secret of the origin, all tokens of a stream with one
 * revocation epoch and one account are a class, and forged or expired ones are refused here; other tokens are
 * a class each.
 * In: tokens, answers of the origin. Out: classes, and whether the origin accepts them. docs/media.md 32;
 * docs/9-run/edge.md.
 */
import { hash } from 'node:crypto';
import type { WatchTokens } from '../accounts/watch-tokens.ts';
import { trashTokenNameOf } from '../api/library/assets-api.ts';
import { type MediaAddress, mediaClassOf } from '../api/media-address.ts';
import { isJwt } from '../api/signed-path.ts';
import { dropOldest } from '../lib/drop-oldest.ts';
import { OxbowError } from '../lib/errors.ts';
import type { EdgeTarget } from './edge-target.ts';

/** Classes that are remembered. */
const MAX_CLASSES = 100_000;
/**
 * A token that expired after the playlist still permits the objects that the playlist lists, ms: two usual
 * target durations.
 */
const MEDIA_GRACE_MS = 12_000;

interface TokenGateOptions {
  /** Tokens of the origin; undefined without its secret. */
  readonly tokens: Pick<WatchTokens, 'read'> | undefined;
  /** How long an answer of the origin holds, ms. */
  readonly recheckMs: number;
  /** How long an acceptance holds while the origin does not answer, ms. */
  readonly staleMs: number;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
}

interface Answer {
  readonly isAccepted: boolean;
  readonly atMs: number;
}

export class TokenGate {
  readonly #options: TokenGateOptions;
  /** Oldest answer first. */
  readonly #answers = new Map<string, Answer>();

  constructor(options: TokenGateOptions) {
    this.#options = options;
  }

  /** Classes that are remembered. */
  get size(): number {
    return this.#answers.size;
  }

  /**
   * The class of a request's token; undefined without one.
   *
   * @param clientAddress the origin may decide by the address too, so a token that only it can read is a
   *   class for each address
   * @throws OxbowError `watch-refused`, `watch-expired` if the token is not valid, or the origin has just
   *   refused its class
   */
  classOf({ token, name, address }: EdgeTarget, clientAddress: string): string | undefined {
    if (token === undefined) return undefined;
    const tokenClass = this.#classOf(
      token,
      this.#signedFor(token, name, address),
      mediaClassOf(address),
      clientAddress,
    );
    const answer = this.#answers.get(tokenClass);
    if (answer && !answer.isAccepted && this.#isRecent(answer, this.#options.recheckMs)) throw refused();
    return tokenClass;
  }

  /**
   * Whether the origin accepts the class, by its last answer.
   *
   * @param options.isOriginDown then older answers hold too
   */
  isAccepted(tokenClass: string, { isOriginDown }: { readonly isOriginDown: boolean }): boolean {
    const { recheckMs, staleMs } = this.#options;
    const answer = this.#answers.get(tokenClass);
    return (
      answer?.isAccepted === true && this.#isRecent(answer, isOriginDown ? Math.max(recheckMs, staleMs) : recheckMs)
    );
  }

  /** Takes an answer of the origin to a token of the class. */
  learn(tokenClass: string, isAccepted: boolean): void {
    this.#answers.delete(tokenClass);
    this.#answers.set(tokenClass, { isAccepted, atMs: this.#options.nowMs() });
    dropOldest(this.#answers, MAX_CLASSES);
  }

  /** Those who see the trash get the posters in it, by a token for that. */
  #signedFor(token: string, name: string, address: MediaAddress): string {
    if (address.kind !== 'asset-poster') return name;
    const trash = trashTokenNameOf(address.asset);
    return this.#options.tokens?.read(token, trash) ? trash : name;
  }

  #classOf(token: string, name: string, kind: string, clientAddress: string): string {
    const { tokens, nowMs } = this.#options;
    // A token of a clip may be one of its stream, which the address does not name.
    if (!tokens || isJwt(token) || name.startsWith('clip/'))
      return hash('sha256', `${name} ${token} ${clientAddress}`, 'base64url');
    const content = tokens.read(token, name);
    if (!content) throw refused();
    const graceMs = kind === 'segment' || kind === 'part' || kind === 'init' ? MEDIA_GRACE_MS : 0;
    if (nowMs() >= content.expiresMs + graceMs) {
      throw new OxbowError('watch-expired', 'The playback token of this link has expired.');
    }
    const { epoch, holder } = content;
    return `${name} ${epoch} ${holder ? `${holder.isAdmin ? 'admin' : 'user'} ${holder.id}` : 'anyone'}`;
  }

  #isRecent({ atMs }: Answer, forMs: number): boolean {
    const sinceMs = this.#options.nowMs() - atMs;
    return sinceMs >= 0 && sinceMs < forMs;
  }
}

function refused(): OxbowError {
  return new OxbowError('watch-refused', 'The playback token is for another stream, was revoked, or is incomplete.');
}
