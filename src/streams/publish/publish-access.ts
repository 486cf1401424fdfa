/**
 * Access of publishers and of viewers over protocols other than HTTP: keys decide who publishes, playback tokens who watches.
 * In: requests of protocol servers. Out: sessions and live streams; events and metrics of refused publishers.
 */
import type { Access } from '../../accounts/access.ts';
import type { PublishKey } from '../../accounts/publish-keys.ts';
import type { RateLimits } from '../../accounts/rate-limit.ts';
import { TokenTries } from '../../accounts/token-tries.ts';
import { isStreamName, streamUnknown } from '../../api/stream-name.ts';
import type { LiveSource, PublishAccess, PublishRequest, ReadRequest } from '../../ingest/publish-access.ts';
import type { Publisher } from '../../ingest/publisher.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Catalog } from '../catalog.ts';
import type { ManagedStream } from '../managed-stream.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { badName, denied, deniedAddress, deniedStream } from './denial.ts';
import { RefusalReporter } from './refusal-reporter.ts';
import { addressOf } from './remote-address.ts';

/** Dependencies of the access. */
export interface PublishAccessDeps extends Pick<StreamDeps, 'settings' | 'clock' | 'log' | 'metrics' | 'events'> {
  readonly catalog: Catalog;
  readonly access: Pick<Access, 'publishKeys' | 'watch' | 'tokens'>;
  readonly limits: RateLimits;
}

/** A key as clients send it where they have no separate field for it. */
const KEY_ALONE = /^ok_[A-Za-z0-9_-]{20,80}$/;
/** Longest name or key that is looked at, characters. */
const MAX_LENGTH = 512;

/** Creates the access of protocol servers to the streams of a catalog. */
export function createPublishAccess(deps: PublishAccessDeps): PublishAccess {
  return new Protocols(deps);
}

class Protocols implements PublishAccess {
  readonly #deps: PublishAccessDeps;
  readonly #tries: TokenTries;
  readonly #refusals: RefusalReporter;
  /** Sessions by the id of their key, so that they end when it is revoked. */
  readonly #sessions = new Map<string, Set<Publisher>>();
  /** The last creation of a stream: they run one after the other, so that limits hold. */
  #creating: Promise<unknown> = Promise.resolve();

  constructor(deps: PublishAccessDeps) {
    this.#deps = deps;
    const nowMs = () => deps.clock.monotonicMs();
    this.#tries = new TokenTries(deps.limits, nowMs, { limit: 'keys', repeatsAreFree: true });
    this.#refusals = new RefusalReporter(deps);
    deps.access.publishKeys.revoked.subscribe((id) => this.#revoked(id));
  }

  async publish(request: PublishRequest): Promise<Publisher> {
    let admitted: { readonly stream: ManagedStream; readonly key: PublishKey };
    try {
      admitted = await this.#admit(request);
    } catch (error) {
      if (error instanceof OxbowError) this.#refusals.report(request, error);
      throw error;
    }
    const { stream, key } = admitted;
    const { key: _, ...claim } = request;
    const publisher = await stream.publishers.claim(claim);
    this.#began(publisher, key.id);
    return publisher;
  }

  async read(request: ReadRequest): Promise<LiveSource> {
    const { catalog, access, clock } = this.#deps;
    const { name, token, remote } = request;
    if (!isStreamName(name)) throw badName(name.slice(0, MAX_LENGTH));
    const stream = catalog.lookUp(name);
    if (token !== undefined) {
      const accepted = this.#tries.begin(token, { address: addressOf(remote), isLocal: false });
      // Also checked for unknown streams: a wrong token gets the same refusal and reveals no names.
      const verdict = access.tokens.find(token) ? 'ok' : access.watch.verify(token, name, 'playlist', clock.nowMs());
      if (verdict !== 'ok') {
        const code = verdict === 'expired' ? 'watch-expired' : 'watch-refused';
        throw new OxbowError(code, 'The playback token has expired, was revoked, or is for another stream.');
      }
      accepted();
    }
    const visibility = stream?.definition.visibility;
    const isRestricted = visibility === 'signed' || visibility === 'private';
    if (!stream || (isRestricted && token === undefined)) throw streamUnknown(name);
    return stream.stream;
  }

  /** The stream that the publisher may publish to, and its key. */
  async #admit(request: PublishRequest): Promise<{ readonly stream: ManagedStream; readonly key: PublishKey }> {
    const { catalog } = this.#deps;
    catalog.assertOpen();
    const { name, key: secret } = credentialsOf(request);
    if (name !== undefined && !isStreamName(name)) throw badName(name);
    if (secret === undefined) throw denied('missing');
    const key = this.#checkKey(secret, addressOf(request.remote));
    const { scope } = key;
    if (scope.type === 'stream') {
      const stream = catalog.all.find(({ definition }) => definition.id === scope.streamId);
      if (name !== undefined && name !== stream?.name) throw deniedStream(name);
      if (!stream) throw streamUnknown(name ?? 'of this key');
      return { stream, key };
    }
    if (name === undefined) throw denied('needs-name');
    if (!name.startsWith(scope.prefix)) throw deniedStream(name, scope.prefix);
    return { stream: catalog.find(name) ?? (await this.#create(name, scope)), key };
  }

  #checkKey(secret: string, address: string): PublishKey {
    const accepted = this.#tries.begin(secret, { address, isLocal: false });
    const key = this.#deps.access.publishKeys.check(secret, address);
    if (key === 'unknown') throw denied('unknown');
    accepted(); // the secret was no guess
    if (key === 'expired') throw denied('expired');
    if (key === 'address') throw deniedAddress(address);
    return key;
  }

  /** Creates a stream on first publish. */
  #create(name: string, limit: { readonly prefix: string; readonly maxStreams: number }): Promise<ManagedStream> {
    const { catalog, settings } = this.#deps;
    const creation = this.#creating.then(async () => {
      const existing = catalog.find(name);
      if (existing) return existing;
      if (settings.now.publish.create === 'off') throw streamUnknown(name);
      const count = catalog.all.filter((each) => each.name.startsWith(limit.prefix)).length;
      if (count >= limit.maxStreams) {
        const which = limit.prefix === '' ? '' : ` with names that begin with "${limit.prefix}"`;
        throw new OxbowError('limit-reached', `There are ${count} streams${which}, the limit of this stream key.`, {
          extra: { hint: 'Remove streams that are no longer needed, or create a key with a higher limit.' },
        });
      }
      return catalog.create(name, { source: { type: 'push' } });
    });
    this.#creating = creation.catch(() => undefined); // the caller handles it
    return creation;
  }

  /** Remembers the session of a key. */
  #began(publisher: Publisher, keyId: string): void {
    const { access, log } = this.#deps;
    const sessions = this.#sessions.get(keyId) ?? new Set();
    this.#sessions.set(keyId, sessions.add(publisher));
    const forget = () => {
      sessions.delete(publisher);
      if (sessions.size === 0 && this.#sessions.get(keyId) === sessions) this.#sessions.delete(keyId);
    };
    publisher.signal.addEventListener('abort', forget, { once: true });
    if (publisher.signal.aborted) forget();
    if (!access.publishKeys.get(keyId)) this.#revoked(keyId); // while the name was claimed
    access.publishKeys.used(keyId).catch((error: unknown) => {
      log.error({ error: messageOf(error) }, 'the last use of a stream key was not stored');
    });
  }

  #revoked(keyId: string): void {
    for (const publisher of [...(this.#sessions.get(keyId) ?? [])]) {
      const detail = 'the stream key was revoked';
      publisher.close(detail, new OxbowError('publish-denied', detail));
    }
  }
}

/** Name and key of a request; a key in the place of the name is the key. */
function credentialsOf({ name, key }: PublishRequest): { name: string | undefined; key: string | undefined } {
  const [given, secret] = [name?.slice(0, MAX_LENGTH) || undefined, key?.slice(0, MAX_LENGTH) || undefined];
  return secret === undefined && given !== undefined && KEY_ALONE.test(given)
    ? { name: undefined, key: given }
    : { name: given, key: secret };
}
