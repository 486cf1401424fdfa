/**
 * Access of publishers and of viewers over protocols other than HTTP: keys decide who publishes, playback
 * tokens who watches.
 * In: requests of protocol servers. Out: sessions and live streams; events and metrics of refused publishers.
 */
import type { Access } from '../../accounts/access.ts';
import type { AuthQuestion, AuthUrl } from '../../accounts/auth/auth-url.ts';
import { may } from '../../accounts/permissions.ts';
import type { PublishKey } from '../../accounts/publish-keys.ts';
import { digestOf } from '../../accounts/random-secret.ts';
import type { RateLimits } from '../../accounts/rate-limit.ts';
import { TokenTries } from '../../accounts/token-tries.ts';
import { assertAllowed, rulesOfLists } from '../../accounts/watch-rules/watch-rules.ts';
import { visiblePast } from '../../api/past/past-rules.ts';
import { isStreamName } from '../../api/stream/stream-name.ts';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import { addressOf } from '../../ingest/client/remote-address.ts';
import {
  type LiveSource,
  type PublishAccess,
  type PublishRequest,
  type ReadRequest,
  StreamElsewhere,
  type StreamSettings,
} from '../../ingest/publish-access.ts';
import type { Publisher } from '../../ingest/publisher.ts';
import { printDuration } from '../../lib/duration.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Countries } from '../../net/countries/countries.ts';
import type { StreamControl } from '../catalog/stream-control.ts';
import type { Catalog } from '../catalog.ts';
import { pastRulesInForce, rulesInForce } from '../definition.ts';
import type { ManagedStream } from '../managed-stream.ts';
import type { StreamDeps } from '../stream-deps.ts';
import {
  badName,
  denied,
  deniedAddress,
  deniedByServer,
  deniedStream,
  mayBeKey,
  refusedToken,
  withoutName,
} from './denial.ts';
import { RefusalReporter } from './refusal-reporter.ts';

/** The streams of other nodes of a cluster. */
export interface PublishElsewhere {
  /** The name of a stream by its id; undefined if there is none. */
  nameOf(streamId: string): Promise<string | undefined>;
  /** The id of a stream by its name; undefined if there is none. */
  idOf(name: string): Promise<string | undefined>;
  /** Reads the keys that other nodes have created a moment ago. */
  readKeys(): Promise<void>;
  /**
   * Moves a stream to this node if another one has it. Resolves when it is open here.
   *
   * @param onWait called if its publisher there was led away and has not left: it has six seconds
   * @throws OxbowError `publisher-active` if it has a publisher there; `not-ready`
   */
  bring(name: string, onWait?: () => void): Promise<void>;
  /**
   * Name of the living process of this server that has a stream; undefined: this one has it, or none. Absent
   * where nodes are servers.
   */
  processOf?: ((name: string) => Promise<string | undefined>) | undefined;
  /** Whether anything of a stream is recorded. */
  isRecorded?: ((name: string) => Promise<boolean>) | undefined;
}

/** Dependencies of the access. */
export interface PublishAccessDeps extends Pick<StreamDeps, 'settings' | 'clock' | 'log' | 'metrics' | 'events'> {
  readonly control: Pick<StreamControl, 'create' | 'update'>;
  readonly catalog: Catalog;
  readonly access: Pick<Access, 'publishKeys' | 'watch' | 'ofToken'>;
  readonly limits: RateLimits;
  /** Decides besides the keys; undefined: only keys and playback tokens. */
  readonly auth: Pick<AuthUrl, 'ask'> | undefined;
  /** Of viewers whose country no proxy reports; undefined: none is known. */
  readonly countries?: Countries | undefined;
  /** Undefined: all streams are in the catalog. */
  readonly elsewhere?: PublishElsewhere | undefined;
}

/** A publisher that was admitted. */
interface Admitted {
  readonly stream: ManagedStream;
  /** Undefined: admitted by the authorization server without a key of oxbow. */
  readonly key: PublishKey | undefined;
}

/** A key as clients send it where they have no separate field for it. */
const KEY_ALONE = /^ok_[A-Za-z0-9_-]{20,80}$/;
/** How the ids of keys of the settings begin. */
const CONFIGURED = 'settings:';
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
    let admitted: Admitted;
    try {
      admitted = await this.#admit(request);
      request.onStream?.(settingsOf(admitted.stream));
    } catch (error) {
      if (!(error instanceof OxbowError)) throw error;
      const shown = this.#withoutKey(error, request.name);
      this.#refusals.report(this.#isHidden(request.name) ? { ...request, name: undefined } : request, shown);
      throw shown;
    }
    const { stream, key } = admitted;
    const { key: _, onStream: _s, onMoving: _m, canPass: _p, ...claim } = request;
    const publisher = await stream.publishers.claim(claim);
    if (key) this.#began(publisher, key.id);
    return publisher;
  }

  async read(request: ReadRequest): Promise<LiveSource> {
    try {
      return await this.#read(request);
    } catch (error) {
      throw error instanceof OxbowError ? this.#withoutKey(error, request.name) : error;
    }
  }

  /** A text that was sent as a name, is none of a stream, and may be a key. */
  #isHidden(name: string | undefined): name is string {
    if (name === undefined || name === '' || this.#deps.catalog.find(name)) return false;
    return mayBeKey(name, this.#deps.auth !== undefined);
  }

  #withoutKey(error: OxbowError, name: string | undefined): OxbowError {
    return this.#isHidden(name) ? withoutName(error, name) : error;
  }

  async #read(request: ReadRequest): Promise<LiveSource> {
    const { catalog, access, auth } = this.#deps;
    const { name, token, remote } = request;
    if (!isStreamName(name)) throw badName(name.slice(0, MAX_LENGTH));
    const address = addressOf(remote);
    const stream = catalog.lookUp(name);
    if (!stream && request.canPass) await this.#assertHere(name);
    const visibility = stream?.definition.visibility;
    const isRestricted = visibility === 'signed' || visibility === 'private';
    if (stream && !isRestricted && (auth || token === undefined)) return this.#sourceOf(stream, request);
    const accepted = this.#tries.begin(token ?? `no token for ${name}`, { address, isLocal: false });
    const sees = token !== undefined && may(access.ofToken(token), 'watch', { visibility: visibility ?? 'private' });
    const mayAsk = auth !== undefined && stream !== undefined && !sees;
    // Also checked for unknown streams: a wrong token gets the same refusal and reveals no names.
    if (token !== undefined && !sees) {
      await access.watch.admit(token, this.#deps.clock.nowMs());
      this.#checkToken(token, name, mayAsk);
    }
    if (!stream || (token === undefined && !mayAsk)) throw streamUnknown(name);
    if (mayAsk) {
      const question = { ...questionOf(request, address), action: 'read', stream: name, secret: token } as const;
      const { isAllowed } = await auth.ask(question, request);
      if (!isAllowed) throw token === undefined ? streamUnknown(name) : refusedToken('watch-refused');
    }
    accepted();
    return this.#sourceOf(stream, request);
  }

  /** The sinks of the stream of an authorized viewer, if its network may watch. */
  #sourceOf(stream: ManagedStream, { remote, country, token, onStream }: ReadRequest): LiveSource {
    const lists = rulesInForce(stream.definition, this.#deps.settings.now.watchRules);
    if (lists) {
      const address = addressOf(remote);
      const countryOrFile = country ?? this.#deps.countries?.find(address);
      assertAllowed(rulesOfLists(lists), { address, country: countryOrFile });
    }
    this.#assertPast(stream, token);
    onStream?.(settingsOf(stream));
    return stream.stream.sinks;
  }

  /** These protocols send what comes in, at once. @throws OxbowError `not-started`, `past-limited` */
  #assertPast({ definition, name }: ManagedStream, token: string | undefined): void {
    const rules = pastRulesInForce(definition);
    if (!rules || this.#isExempt(name, token)) return;
    const { isStarted } = visiblePast(rules, this.#deps.clock.nowMs());
    if (!isStarted) throw new OxbowError('not-started', `The stream ${name} has not started for viewers.`);
    if (rules.delayMs === undefined) return;
    const later = `Viewers see ${name} ${printDuration(rules.delayMs)} later, which this protocol cannot do.`;
    throw new OxbowError('past-limited', `${later} Use HLS or DASH.`);
  }

  /** Whether the rules for the past do not concern the client. */
  #isExempt(name: string, token: string | undefined): boolean {
    if (token === undefined) return false;
    const { access, clock } = this.#deps;
    if (access.ofToken(token).seesAll) return true;
    return access.watch.isExempt(token, name) && access.watch.verify(token, name, 'playlist', clock.nowMs()) === 'ok';
  }

  /**
   * Whether a publisher may be passed on. What SRT sends passes through the process that the caller reached,
   * and ends with it; a stream of which there is nothing to continue moves there instead.
   */
  async #mayPass({ canPass, protocol }: PublishRequest, name: string): Promise<boolean> {
    if (!canPass) return false;
    return protocol !== 'srt' || ((await this.#deps.elsewhere?.isRecorded?.(name)) ?? false);
  }

  /** @throws StreamElsewhere */
  async #assertHere(name: string): Promise<void> {
    const process = await this.#deps.elsewhere?.processOf?.(name);
    if (process !== undefined) throw new StreamElsewhere(process);
  }

  /** @param mayBeOther a token that oxbow has not created may be one of the authorization server */
  #checkToken(token: string, name: string, mayBeOther: boolean): void {
    const verdict = this.#deps.access.watch.verify(token, name, 'playlist', this.#deps.clock.nowMs());
    if (verdict === 'ok' || (verdict === 'refused' && mayBeOther)) return;
    throw refusedToken(verdict === 'expired' ? 'watch-expired' : 'watch-refused');
  }

  /** The stream that the publisher may publish to, and its key. */
  async #admit(request: PublishRequest): Promise<Admitted> {
    const { catalog, auth } = this.#deps;
    catalog.assertOpen();
    const { name, key: secret } = credentialsOf(request);
    if (name !== undefined && !isStreamName(name)) throw badName(name);
    if (secret === undefined && !auth) throw denied('missing');
    const address = addressOf(request.remote);
    const accepted = this.#tries.begin(secret ?? `no key for ${name ?? ''}`, { address, isLocal: false });
    const key = secret === undefined ? undefined : await this.#checkKey(secret, address, accepted);
    const named = key ? await this.#nameFor(key, name) : name;
    // Before the authorization server is asked: the other process asks it.
    if (named !== undefined && (await this.#mayPass(request, named))) await this.#assertHere(named);
    if (!auth) return { stream: await this.#find(named, key, request), key };
    const question = { ...questionOf(request, address), action: 'publish', stream: named ?? null, secret } as const;
    const verdict = await auth.ask({ ...question, keyId: key?.id }, request);
    if (!verdict.isAllowed) throw deniedByServer(verdict.detail);
    accepted();
    const stream = await this.#find(verdict.stream ?? named, key, request);
    if (verdict.record !== undefined) await this.#setRecord(stream, verdict.record);
    return { stream, key };
  }

  /** The key; undefined if it is none of oxbow's, but the authorization server may know it. */
  async #checkKey(secret: string, address: string, accepted: () => void): Promise<PublishKey | undefined> {
    const { access, elsewhere } = this.#deps;
    let key = access.publishKeys.check(secret, address);
    if (key === 'unknown' && elsewhere) {
      await elsewhere.readKeys();
      key = access.publishKeys.check(secret, address);
    }
    if (key === 'unknown') {
      const configured = await this.#configured(secret);
      if (configured) {
        accepted();
        return configured;
      }
      if (this.#deps.auth) return undefined;
      throw denied('unknown');
    }
    accepted(); // the secret was no guess
    if (key === 'expired') throw denied('expired');
    if (key === 'address') throw deniedAddress(address);
    return key;
  }

  /** The key of a stream's settings; undefined if there is none. */
  async #configured(secret: string): Promise<PublishKey | undefined> {
    const { settings, catalog, elsewhere } = this.#deps;
    const digest = digestOf(secret);
    const entry = Object.entries(settings.now.streams).find(([, { keys }]) => keys?.includes(digest));
    const streamId = entry && (catalog.find(entry[0])?.definition.id ?? (await elsewhere?.idOf(entry[0])));
    if (streamId === undefined) return undefined;
    const scope = { type: 'stream', streamId } as const;
    const never = { expiresMs: undefined, usedMs: undefined };
    return { id: `${CONFIGURED}${entry![0]}`, digest, scope, label: '', allow: [], createdMs: 0, ...never };
  }

  /** The name of the stream that a key is for; undefined if it is for several and none is named. */
  async #nameFor({ scope }: PublishKey, name: string | undefined): Promise<string | undefined> {
    if (scope.type === 'prefix') {
      if (name !== undefined && !name.startsWith(scope.prefix)) throw deniedStream(name, scope.prefix);
      return name;
    }
    const stream = this.#deps.catalog.all.find(({ definition }) => definition.id === scope.streamId);
    const streamName = stream?.name ?? (await this.#deps.elsewhere?.nameOf(scope.streamId));
    if (name !== undefined && name !== streamName) throw deniedStream(name);
    if (streamName === undefined) throw streamUnknown('of this key');
    return streamName;
  }

  /** The stream of that name, created where the settings and the key allow it. */
  async #find(
    name: string | undefined,
    key: PublishKey | undefined,
    { onMoving }: PublishRequest,
  ): Promise<ManagedStream> {
    const { catalog, settings, auth } = this.#deps;
    if (name === undefined) throw denied('needs-name');
    await this.#deps.elsewhere?.bring(name, onMoving);
    const stream = catalog.find(name);
    if (stream) return stream;
    const { create, maxStreams } = settings.now.publish;
    if (create !== 'off' && key?.scope.type === 'prefix') return this.#create(name, key.scope);
    if (create === 'auth' && auth) return this.#create(name, { prefix: '', maxStreams });
    throw streamUnknown(name);
  }

  /** The authorization server decides whether a stream is recorded, unless its settings are in a file. */
  async #setRecord({ name, definition }: ManagedStream, record: boolean): Promise<void> {
    if (definition.origin === 'api' && definition.record !== record) await this.#deps.control.update(name, { record });
  }

  /** Creates a stream on first publish. */
  #create(name: string, limit: { readonly prefix: string; readonly maxStreams: number }): Promise<ManagedStream> {
    const { control, catalog } = this.#deps;
    const creation = this.#creating.then(async () => {
      const existing = catalog.find(name);
      if (existing) return existing;
      const count = catalog.all.filter((each) => each.name.startsWith(limit.prefix)).length;
      if (count >= limit.maxStreams) {
        const which = limit.prefix === '' ? '' : ` with names that begin with "${limit.prefix}"`;
        throw new OxbowError('limit-reached', `There are ${count} streams${which}, as many as may be created.`, {
          extra: {
            hint: 'Remove streams that are no longer needed, or raise the limit of the key or `publish.maxStreams`.',
          },
        });
      }
      return control.create(name, { source: { type: 'push' } });
    });
    this.#creating = creation.catch(() => undefined); // the caller handles it
    return creation;
  }

  /** Remembers the session of a key. */
  #began(publisher: Publisher, keyId: string): void {
    const { access, log } = this.#deps;
    if (!access.publishKeys.get(keyId)) {
      if (!keyId.startsWith(CONFIGURED)) endRevoked(publisher); // while the name was claimed
      return;
    }
    const sessions = this.#sessions.get(keyId) ?? new Set();
    this.#sessions.set(keyId, sessions.add(publisher));
    const forget = () => {
      sessions.delete(publisher);
      if (sessions.size === 0 && this.#sessions.get(keyId) === sessions) this.#sessions.delete(keyId);
    };
    publisher.signal.addEventListener('abort', forget, { once: true });
    if (publisher.signal.aborted) forget();
    access.publishKeys.used(keyId).catch((error: unknown) => {
      log.error({ error: messageOf(error) }, 'the last use of a stream key was not stored');
    });
  }

  #revoked(keyId: string): void {
    for (const publisher of [...(this.#sessions.get(keyId) ?? [])]) endRevoked(publisher);
  }
}

/** Settings of a push stream for its connections; none of another stream. */
function settingsOf({ definition: { source } }: ManagedStream): StreamSettings {
  if (source.type !== 'push') return {};
  const { latencyMs, passphrase, quality, qualities } = source;
  return { latencyMs, passphrase, quality, qualities };
}

function endRevoked(publisher: Publisher): void {
  publisher.close('the stream key was revoked', new OxbowError('publish-denied', 'The stream key was revoked.'));
}

/** Name and key of a request; a key in the place of the name is the key. */
function credentialsOf({ name, key }: PublishRequest): { name: string | undefined; key: string | undefined } {
  const [streamName, secret] = [name?.slice(0, MAX_LENGTH) || undefined, key?.slice(0, MAX_LENGTH) || undefined];
  return secret === undefined && streamName !== undefined && KEY_ALONE.test(streamName)
    ? { name: undefined, key: streamName }
    : { name: streamName, key: secret };
}

function questionOf({ protocol, userAgent }: PublishRequest | ReadRequest, address: string) {
  return { protocol, userAgent, address } satisfies Partial<AuthQuestion>;
}
