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
import { clipTokenNameOf } from '../../api/clips/clips-api.ts';
import { originalTokenNameOf, tokenNameOf } from '../../api/library/assets-api.ts';
import { assetOf, clipOf, type MediaTarget } from '../../api/media-address.ts';
import { streamUnknown } from '../../api/stream-name.ts';
import { waitFor } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Authenticator } from '../client/authenticate.ts';
import { isLocalRequest } from '../client/local-request.ts';
import { maySee } from '../client/may-see.ts';
import type { Awaitable, ServeDeps } from '../deps.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { checkClipToken, checkVerdict, signedClassOf } from './watch-token-policy.ts';

/** What decides. */
export interface WatchAccessOptions {
  readonly deps: ServeDeps;
  readonly authenticator: Authenticator;
  /** IP address of the client. */
  readonly addressOf: (exchange: Exchange) => string;
}

/** Checks whether a client may watch. */
export interface WatchAccess {
  /**
   * Whether the stream is restricted to some clients. Synchronous unless the authorization server must be
   * asked, or a JWT is new.
   *
   * @throws OxbowError `watch-refused`, `watch-expired`; `stream-unknown` for a restricted stream without
   *   token, as if it did not exist; `auth-unavailable`; `too-many-requests`; of an asset `asset-unknown` in
   *   the same way, `asset-deleted`; of a clip `clip-unknown`, `clip-lost`
   * @param options.signal ends the wait for the authorization server
   */
  check(target: MediaTarget, exchange: Exchange, options: { readonly signal: AbortSignal }): Awaitable<boolean>;
}

const BEARER = /^Bearer +([^\s]+) *$/i;

/** Creates the check. */
export function createWatchAccess({ deps, authenticator, addressOf }: WatchAccessOptions): WatchAccess {
  const { access, auth, clock, streams } = deps;
  const tries = new TokenTries(deps.limits, () => clock.monotonicMs(), { limit: 'auth', repeatsAreFree: true });

  function checkToken(token: string, { address }: MediaTarget, name: string, mayBeOther: boolean): void {
    const verdict = access.watch.verify(token, name, signedClassOf(address), clock.nowMs());
    if (verdict !== 'refused' || !mayBeOther) checkVerdict(verdict);
  }

  function hasCredentials(name: string, { headers, remoteAddress, sender }: Exchange): boolean {
    const { authorization } = headers;
    if (authorization === undefined) return false;
    const principal = authenticator.principalOf({ headers: { authorization }, remoteAddress, sender, secure: false });
    return maySee(principal, name, streams);
  }

  /** The server decides about everyone but administrators. */
  async function askServer(
    ask: NonNullable<typeof auth>,
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
      address: addressOf(exchange),
      userAgent: headers['user-agent'],
    };
    let verdict = ask.known(question)?.verdict;
    if (!verdict) {
      const client = { address: question.address, isLocal: isLocalRequest(exchange) };
      const accepted = tries.begin(secret ?? `no token for ${name}`, client);
      if (target.token !== undefined) checkToken(target.token, target, name, true);
      else if (hasCredentials(name, exchange)) {
        accepted();
        return true;
      }
      verdict = await ask.ask(question, { signal });
      if (verdict.isAllowed) accepted();
    }
    if (verdict.isAllowed) return true;
    if (secret === undefined) throw streamUnknown(target.address.stream);
    checkVerdict('refused');
    return true;
  }

  /** Checked at each request: an asset may have become private, or moved to the trash. */
  async function checkAsset(id: string, target: MediaTarget, exchange: Exchange): Promise<boolean> {
    const isOriginal = target.address.kind === 'asset-original';
    const { token } = target;
    if (token !== undefined) checkToken(token, target, isOriginal ? originalTokenNameOf(id) : tokenNameOf(id), false);
    const asset = await deps.assets.access(id);
    const resource = { ...asset, isOriginal };
    const isOpen = asset !== undefined && may(anonymous, 'watchAsset', resource);
    if (!asset || !(isOpen || token !== undefined || may(bearerOf(exchange), 'watchAsset', resource))) {
      throw new OxbowError('asset-unknown', `There is no asset ${id.slice(0, 80)}.`);
    }
    if (asset.isDeleted) throw new OxbowError('asset-deleted', 'The asset was deleted.');
    return !isOpen;
  }

  /**
   * The clip's own visibility decides, not that of its stream; where it needs a token, one of the stream is
   * enough.
   */
  function checkClip(id: string, target: MediaTarget, exchange: Exchange, signal: AbortSignal): Awaitable<boolean> {
    const { token, address } = target;
    const clip = deps.clips.facts(id);
    const isOpen = clip !== undefined && may(anonymous, 'watchClip', clip);
    const refused = () => new OxbowError('clip-unknown', `There is no clip ${id.slice(0, 40)}.`);
    const verify = (given: string, name: string) =>
      access.watch.verify(given, name, signedClassOf(address), clock.nowMs());
    const isOwnToken = token !== undefined && verify(token, clipTokenNameOf(id)) === 'ok';
    if (auth && clip && !isOpen && !isOwnToken) {
      return askServer(auth, clip.stream, target, exchange, signal).catch((error) => {
        throw error instanceof OxbowError && error.code === 'stream-unknown' ? refused() : error;
      });
    }
    if (token !== undefined && !isOwnToken) checkClipToken(token, id, clip?.stream, verify);
    if (!clip || !(isOpen || token !== undefined || may(bearerOf(exchange), 'watchClip', clip))) throw refused();
    if (clip.isLost) throw new OxbowError('clip-lost', `The media of the clip ${id} had to be deleted.`);
    return !isOpen;
  }

  /** The sender of a bearer token; anonymous without one. */
  function bearerOf({ headers, remoteAddress, sender }: Exchange): Principal {
    if (headers.authorization === undefined) return anonymous;
    authenticator.tryToken({ headers, remoteAddress, sender, secure: false });
    const { authorization } = headers;
    return authenticator.principalOf({ headers: { authorization }, remoteAddress, sender, secure: false });
  }

  function check(target: MediaTarget, exchange: Exchange, signal: AbortSignal): Awaitable<boolean> {
    const { address, token } = target;
    const asset = assetOf(address);
    if (asset !== undefined) return checkAsset(asset, target, exchange);
    const clip = clipOf(address);
    if (clip !== undefined) return checkClip(clip, target, exchange, signal);
    const name = address.stream ?? deps.defaultStream?.() ?? '';
    const isPrivate = streams.isPrivate(name);
    if (auth && isPrivate) return askServer(auth, name, target, exchange, signal);
    if (token !== undefined) {
      // A token of the authorization server is accepted where none is needed.
      checkToken(token, target, name, auth !== undefined && streams.revision(name) !== undefined);
      return isPrivate;
    }
    if (!isPrivate) return false;
    if (exchange.headers.authorization !== undefined) {
      const { remoteAddress, headers, sender } = exchange;
      authenticator.tryToken({ headers, remoteAddress, sender, secure: false });
      if (hasCredentials(name, exchange)) return true;
    }
    throw streamUnknown(address.stream);
  }

  return {
    check(target, exchange, { signal }) {
      const admitted = access.watch.admit(target.token, clock.nowMs());
      if (!admitted) return check(target, exchange, signal);
      return waitFor(admitted, { signal }).then(() => check(target, exchange, signal));
    },
  };
}
