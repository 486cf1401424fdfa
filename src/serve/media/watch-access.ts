/**
 * Decides whether a client may watch: by its playback token, its credentials, or the authorization server.
 * In: a media address with a token or without, header fields. Out: whether the stream is restricted, or a
 * refusal. Ignores cookies: a page that is signed in creates a playback token. docs/media.md 32;
 * docs/3-publish/auth.md.
 */
import type { AuthQuestion } from '../../accounts/auth/auth-url.ts';
import { may } from '../../accounts/permissions.ts';
import { anonymous, type Principal } from '../../accounts/principal.ts';
import { TokenTries } from '../../accounts/token-tries.ts';
import { assertAllowed, rulesOfLists, type WatchRules } from '../../accounts/watch-rules/watch-rules.ts';
import type { WatchVerdict } from '../../accounts/watch-tokens.ts';
import { clipTokenNameOf } from '../../api/clips/clips-api.ts';
import { type AssetAccess, originalTokenNameOf, tokenNameOf, trashTokenNameOf } from '../../api/library/assets-api.ts';
import { assetOf, clipOf, type MediaAddress, type MediaTarget } from '../../api/media-address.ts';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import type { StreamsApi } from '../../api/streams-api.ts';
import { waitFor } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Authenticator } from '../client/authenticate.ts';
import type { CountryOf } from '../client/client-country.ts';
import { isLocalRequest } from '../client/local-request.ts';
import { maySee } from '../client/may-see.ts';
import type { Awaitable, ServeDeps } from '../deps.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Sharing } from '../exchange/representation.ts';
import { checkClipToken, checkVerdict, signedClassOf } from './watch-token-policy.ts';

type AuthServer = NonNullable<ServeDeps['auth']>;

/** Dependencies of the decision. */
interface WatchAccessOptions {
  readonly deps: ServeDeps;
  readonly authenticator: Authenticator;
  /** IP address of the client. */
  readonly addressOf: (exchange: Exchange) => string;
  /** Country of the client. */
  readonly countryOf: CountryOf;
}

/** What was decided about a request. */
export interface Watched {
  /** The media is for some clients only. */
  readonly isPrivate: boolean;
  readonly sharing: Sharing;
}

const WATCHED = {
  all: { isPrivate: false, sharing: 'all' },
  some: { isPrivate: true, sharing: 'some' },
  byAddress: { isPrivate: false, sharing: 'by-address' },
  someByAddress: { isPrivate: true, sharing: 'by-address' },
} as const satisfies Record<string, Watched>;

/** Who gets the media of a stream. Answers from memory. */
export function sharingOf(streams: Pick<StreamsApi, 'isPrivate' | 'watchRulesOf'>, name: string): Sharing {
  if (streams.watchRulesOf(name) !== undefined) return 'by-address';
  return streams.isPrivate(name) ? 'some' : 'all';
}

const BEARER = /^Bearer +([^\s]+) *$/i;

export class WatchAccess {
  readonly #options: WatchAccessOptions;
  readonly #tries: TokenTries;

  constructor(options: WatchAccessOptions) {
    const { limits, clock } = options.deps;
    this.#options = options;
    this.#tries = new TokenTries(limits, () => clock.monotonicMs(), { limit: 'auth', repeatsAreFree: true });
  }

  /**
   * Who gets the media besides this client. Synchronous unless the authorization server must be
   * called, or a JWT is new.
   *
   * @throws OxbowError `watch-refused`, `watch-expired`; `stream-unknown` for a restricted stream without
   *   token, as if it did not exist; `watch-denied-here`; `auth-unavailable`; `too-many-requests`; of an
   *   asset `asset-unknown` in the same way, `asset-deleted`; of a clip `clip-unknown`, `clip-lost`
   * @param options.signal ends the wait for the authorization server
   */
  check(target: MediaTarget, exchange: Exchange, { signal }: { readonly signal: AbortSignal }): Awaitable<Watched> {
    const { access, clock } = this.#options.deps;
    const admitted = access.watch.admit(target.token, clock.nowMs());
    if (!admitted) return this.#decide(target, exchange, signal);
    return waitFor(admitted, { signal }).then(() => this.#decide(target, exchange, signal));
  }

  /**
   * Whether the broadcaster's rules for the past do not concern the client, which `check` has admitted: by a
   * playback token that says so, or by a bearer token of someone with a right on every stream. False where
   * there are no rules.
   */
  isExempt({ address, token }: MediaTarget, exchange: Exchange): boolean {
    const { access, clips, streams, defaultStream } = this.#options.deps;
    const clip = clipOf(address);
    const name = clip === undefined ? (address.stream ?? defaultStream?.()) : clips.facts(clip)?.stream;
    if (name === undefined || !streams.pastRulesOf(name)) return false;
    if (token !== undefined && access.watch.isExempt(token, name) && this.#verdictOf(token, address, name) === 'ok') {
      return true;
    }
    return this.#bearerOf(exchange).seesAll;
  }

  /** The rules by network and country that concern an address of a stream or a clip; undefined: none. */
  #rulesOf(address: MediaAddress): WatchRules | undefined {
    const { streams, clips, defaultStream } = this.#options.deps;
    const clip = clipOf(address);
    const name = clip === undefined ? (address.stream ?? defaultStream?.()) : clips.facts(clip)?.stream;
    const lists = name === undefined ? undefined : streams.watchRulesOf(name);
    return lists && rulesOfLists(lists);
  }

  /**
   * After visibility, so that a client that may not know of a stream gets no other answer by its network.
   */
  #decide(target: MediaTarget, exchange: Exchange, signal: AbortSignal): Awaitable<Watched> {
    const asset = assetOf(target.address);
    if (asset !== undefined) return this.#decideAsset(asset, target, exchange);
    const isRestricted = this.#decideVisibility(target, exchange, signal);
    const rules = this.#rulesOf(target.address);
    if (typeof isRestricted === 'boolean') return this.#checkRules(isRestricted, rules, exchange, 'stream');
    return isRestricted.then((restricted) => this.#checkRules(restricted, rules, exchange, 'stream'));
  }

  async #decideAsset(id: string, target: MediaTarget, exchange: Exchange): Promise<Watched> {
    const { isRestricted, watchRules } = await this.#checkAsset(id, target, exchange);
    return this.#checkRules(isRestricted, watchRules && rulesOfLists(watchRules), exchange, 'asset');
  }

  /** @throws OxbowError `watch-denied-here` */
  #checkRules(
    isPrivate: boolean,
    rules: WatchRules | undefined,
    exchange: Exchange,
    kind: 'stream' | 'asset',
  ): Watched {
    if (!rules) return isPrivate ? WATCHED.some : WATCHED.all;
    const { addressOf, countryOf } = this.#options;
    assertAllowed(rules, { address: addressOf(exchange), country: countryOf(exchange) }, kind);
    return isPrivate ? WATCHED.someByAddress : WATCHED.byAddress;
  }

  #decideVisibility(target: MediaTarget, exchange: Exchange, signal: AbortSignal): Awaitable<boolean> {
    const clip = clipOf(target.address);
    if (clip !== undefined) return this.#checkClip(clip, target, exchange, signal);
    return this.#checkStream(target, exchange, signal);
  }

  #checkStream(target: MediaTarget, exchange: Exchange, signal: AbortSignal): Awaitable<boolean> {
    const { auth, streams, defaultStream } = this.#options.deps;
    const { address, token } = target;
    const name = address.stream ?? defaultStream?.() ?? '';
    const isPrivate = streams.isPrivate(name);
    if (auth && isPrivate) return this.#askServer(auth, name, target, exchange, signal);
    if (token !== undefined) {
      // A token of the authorization server is accepted where none is needed.
      this.#checkToken(token, target, name, auth !== undefined && streams.revision(name) !== undefined);
      return isPrivate;
    }
    if (!isPrivate) return false;
    if (exchange.headers.authorization !== undefined) {
      const { remoteAddress, headers, sender } = exchange;
      this.#options.authenticator.tryToken({ headers, remoteAddress, sender, secure: false });
      if (this.#hasCredentials(name, exchange)) return true;
    }
    throw streamUnknown(address.stream);
  }

  /**
   * Checked at each request: an asset may have become private, or moved to the trash. Of one in the trash
   * only the poster is served, by a token that those get who see the trash.
   */
  async #checkAsset(
    id: string,
    target: MediaTarget,
    exchange: Exchange,
  ): Promise<Pick<AssetAccess, 'watchRules'> & { readonly isRestricted: boolean }> {
    const isOriginal = target.address.kind === 'asset-original';
    const { token } = target;
    const isTrashToken =
      token !== undefined &&
      target.address.kind === 'asset-poster' &&
      this.#verdictOf(token, target.address, trashTokenNameOf(id)) === 'ok';
    if (token !== undefined && !isTrashToken) {
      this.#checkToken(token, target, isOriginal ? originalTokenNameOf(id) : tokenNameOf(id), false);
    }
    const asset = await this.#options.deps.assets.access(id);
    const resource = { ...asset, isOriginal };
    const isOpen = asset !== undefined && may(anonymous, 'watchAsset', resource);
    if (!asset || !(isOpen || token !== undefined || may(this.#bearerOf(exchange), 'watchAsset', resource))) {
      throw new OxbowError('asset-unknown', `There is no asset ${id.slice(0, 80)}.`);
    }
    if (asset.isDeleted && !isTrashToken) throw new OxbowError('asset-deleted', 'The asset was deleted.');
    return { isRestricted: !isOpen || isTrashToken, watchRules: asset.watchRules };
  }

  /**
   * The clip's own visibility decides, not that of its stream; where it needs a token, one of the stream is
   * enough.
   */
  #checkClip(id: string, target: MediaTarget, exchange: Exchange, signal: AbortSignal): Awaitable<boolean> {
    const { auth, clips } = this.#options.deps;
    const { token, address } = target;
    const clip = clips.facts(id);
    const isOpen = clip !== undefined && may(anonymous, 'watchClip', clip);
    const refused = () => new OxbowError('clip-unknown', `There is no clip ${id.slice(0, 40)}.`);
    const verify = (presented: string, name: string) => this.#verdictOf(presented, address, name);
    const isOwnToken = token !== undefined && verify(token, clipTokenNameOf(id)) === 'ok';
    if (auth && clip && !isOpen && !isOwnToken) {
      return this.#askServer(auth, clip.stream, target, exchange, signal).catch((error) => {
        throw error instanceof OxbowError && error.code === 'stream-unknown' ? refused() : error;
      });
    }
    if (token !== undefined && !isOwnToken) checkClipToken(token, id, clip?.stream, verify);
    if (!clip || !(isOpen || token !== undefined || may(this.#bearerOf(exchange), 'watchClip', clip))) throw refused();
    if (clip.isLost) throw new OxbowError('clip-lost', `The media of the clip ${id} had to be deleted.`);
    return !isOpen;
  }

  /** The server decides about everyone but administrators. */
  async #askServer(
    server: AuthServer,
    name: string,
    target: MediaTarget,
    exchange: Exchange,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { headers } = exchange;
    const bearer = BEARER.exec(headers.authorization ?? '')?.[1];
    const secret = target.token ?? bearer;
    const question: AuthQuestion = {
      action: 'read',
      protocol: 'http',
      stream: name,
      secret,
      address: this.#options.addressOf(exchange),
      userAgent: headers['user-agent'],
    };
    let verdict = server.known(question)?.verdict;
    if (!verdict) {
      const client = { address: question.address, isLocal: isLocalRequest(exchange) };
      const accepted = this.#tries.begin(secret ?? `no token for ${name}`, client);
      if (target.token !== undefined) this.#checkToken(target.token, target, name, true);
      else if (this.#hasCredentials(name, exchange)) {
        accepted();
        return true;
      }
      verdict = await server.ask(question, { signal });
      if (verdict.isAllowed) accepted();
    }
    if (verdict.isAllowed) return true;
    if (secret === undefined) throw streamUnknown(target.address.stream);
    checkVerdict('refused');
    return true;
  }

  #checkToken(token: string, { address }: MediaTarget, name: string, mayBeOther: boolean): void {
    const verdict = this.#verdictOf(token, address, name);
    if (verdict !== 'refused' || !mayBeOther) checkVerdict(verdict);
  }

  #verdictOf(token: string, address: MediaAddress, name: string): WatchVerdict {
    const { access, clock } = this.#options.deps;
    return access.watch.verify(token, name, signedClassOf(address), clock.nowMs());
  }

  #hasCredentials(name: string, exchange: Exchange): boolean {
    if (exchange.headers.authorization === undefined) return false;
    return maySee(this.#principalOf(exchange), name, this.#options.deps.streams);
  }

  /** The sender of a bearer token; anonymous without one. */
  #bearerOf(exchange: Exchange): Principal {
    const { headers, remoteAddress, sender } = exchange;
    if (headers.authorization === undefined) return anonymous;
    this.#options.authenticator.tryToken({ headers, remoteAddress, sender, secure: false });
    return this.#principalOf(exchange);
  }

  /** By its field `Authorization`: cookies are not read. */
  #principalOf({ headers: { authorization }, remoteAddress, sender }: Exchange): Principal {
    const { authenticator } = this.#options;
    return authenticator.principalOf({ headers: { authorization }, remoteAddress, sender, secure: false });
  }
}
