/**
 * The copies of an edge: found in memory, else read from the disk or requested from the origin, once for all
 * clients that wait.
 * In: targets of clients. Out: copies and flights. RFC 9111; RFC 5861; docs/decisions/0051.
 */
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { NetResponse } from '../../net/net.ts';
import { BY_ADDRESS } from '../../serve/exchange/representation.ts';
import type { EdgeCounts } from '../edge-counts.ts';
import { type EdgeTarget, edgeTargetOf, originTarget } from '../edge-target.ts';
import type { Origin, OriginReason } from '../origin.ts';
import { OriginRefusal, PassOn } from '../refusal.ts';
import type { TokenGate } from '../token-gate.ts';
import { type Copy, confirmed, fieldsOf, replyOf, weightOf } from './copy.ts';
import type { DiskCache } from './disk-cache.ts';
import { Flight, type FlightAccess, isAboutAccess, type Outcome } from './flight.ts';
import { freshnessOf, isFailure, keptRefusalMs } from './freshness.ts';
import { Growth } from './growth.ts';
import { PlaylistMemory } from './playlist-memory.ts';
import { S3Fifo } from './s3-fifo.ts';

/** Refusals that are remembered. */
const MAX_REFUSALS = 10_000;
/** Names of streams and assets whose visibility is remembered. */
const MAX_NAMES = 100_000;
/** Objects that are too large to keep. */
const MAX_LARGE = 10_000;
/** How long it is believed that an origin decides by the address of the client, ms. */
const BY_ADDRESS_MS = 60_000;
/** Prefetches at once. */
const MAX_PREFETCHES = 256;
/**
 * A client whose request the origin cannot answer now gets the last playlist after this long, so that it does
 * not repeat the request in a loop, ms.
 */
const PACE_MS = 1000;
/** Most bytes of a refusal that are passed on. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** The client of a request. */
interface EdgeClient {
  /** IP address; '' for an edge itself. */
  readonly address: string;
  /** As a trusted proxy says; undefined: unknown. */
  readonly country?: string | undefined;
  /** `Via` of the request. */
  readonly via?: string | undefined;
}

/** The result of a look-up. `copy` may be sent at once; a flight is waited for. */
type EdgeFinding =
  | { readonly copy: Copy; readonly isPrivate: boolean }
  | { readonly flight: Flight; readonly hasToken: boolean };

interface EdgeCacheOptions {
  readonly origin: Origin;
  readonly gate: TokenGate;
  readonly counts: EdgeCounts;
  readonly clock: Clock;
  /**
   * Copies in memory, or the most bytes of this cache: caches of several origins, whose keys differ, may
   * share one memory.
   */
  readonly memory: S3Fifo<Copy> | number;
  readonly disk?: DiskCache | undefined;
  /** How long a copy may answer after it has expired, while the origin does not, ms. */
  readonly staleMs: number;
  readonly prefetches: boolean;
}

/** How a flight is made. */
interface FlightPlan {
  readonly target: EdgeTarget;
  readonly client: EdgeClient;
  /** Of the client's token. */
  readonly tokenClass: string | undefined;
  readonly reason: OriginReason;
  /** An older copy that the client may have if the origin fails. */
  readonly copy: Copy | undefined;
}

/** The copies. */
export class EdgeCache implements AsyncDisposable {
  readonly #options: EdgeCacheOptions;
  readonly #memory: S3Fifo<Copy>;
  /** Those that clients may join. */
  readonly #flights = new Map<string, Flight>();
  /** All whose request is under way. */
  readonly #flying = new Set<Flight>();
  readonly #refusals = new Map<
    string,
    { readonly error: OriginRefusal; readonly untilMs: number; readonly name: string }
  >();
  /** Whether anyone may watch, as the origin said last. */
  readonly #isPublic = new Map<string, boolean>();
  readonly #large = new Set<string>();
  /** Names whose origin decides by the address of each client, and until when that is believed. */
  readonly #byAddressMs = new Map<string, number>();
  readonly #playlists = new PlaylistMemory();
  readonly #closing = new AbortController();
  #prefetching = 0;

  constructor(options: EdgeCacheOptions) {
    this.#options = options;
    const { memory, counts } = options;
    this.#memory = typeof memory === 'number' ? createMemory(memory, counts) : memory;
  }

  /** Bytes and number of the copies in memory. */
  get memory(): { readonly bytes: number; readonly objects: number } {
    return { bytes: this.#memory.bytes, objects: this.#memory.size };
  }

  /** Requests to the origin that are under way. */
  get flights(): number {
    return this.#flights.size;
  }

  /**
   * Finds an object for a client.
   *
   * @throws OxbowError `watch-refused`, `watch-expired`; OriginRefusal that the origin gave a moment ago;
   *   PassOn for an object that is not cached
   */
  find(target: EdgeTarget, client: EdgeClient): EdgeFinding {
    const { counts, gate, origin, clock } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs < (this.#byAddressMs.get(target.name) ?? 0)) throw new PassOn();
    const tokenClass = gate.classOf(target, client.address);
    const isOriginDown = origin.isDown;
    const candidate =
      this.#memory.get(target.key) ?? (target.isHeld ? this.#playlists.covering(target, nowMs) : undefined);
    const copy = candidate && this.#mayHave(candidate, tokenClass, isOriginDown) ? candidate : undefined;
    if (copy) {
      const { isImmutable, freshUntilMs } = copy.freshness;
      const isFresh = isImmutable || nowMs < freshUntilMs;
      if (isFresh || (isOriginDown && this.#isUsable(copy, nowMs))) {
        counts.requests[isFresh ? 'hit' : 'stale']++;
        this.#prefetchNext(target, tokenClass);
        return { copy, isPrivate: this.#isRestricted(copy) };
      }
    }
    if (this.#large.has(target.key)) throw new PassOn();
    const access = this.#accessFor(target.name, tokenClass);
    const key = flightKey(target.key, access, tokenClass);
    const refusal = this.#refusals.get(key);
    if (refusal && nowMs < refusal.untilMs) throw refusal.error;
    const flying = this.#flights.get(key);
    counts.requests[flying ? 'joined' : this.#options.disk?.has(target.key) ? 'disk' : 'miss']++;
    const reason = candidate && !copy ? 'check' : copy ? 'revalidate' : 'miss';
    // The playlist that covers a reload has another key.
    const older = candidate?.key === target.key ? candidate : undefined;
    const flight = flying ?? this.#start(key, access, { target, client, tokenClass, reason, copy: older });
    this.#prefetchNext(target, tokenClass);
    return { flight, hasToken: tokenClass !== undefined };
  }

  /** Loads objects before a client requests them. Resolves with the outcome. */
  async warm(target: EdgeTarget): Promise<Outcome> {
    const tokenClass = this.#options.gate.classOf(target, '');
    const copy = this.#memory.peek(target.key);
    if (copy?.freshness.isImmutable) return outcomeOf(copy, this.#isRestricted(copy));
    const access = this.#accessFor(target.name, tokenClass);
    const key = flightKey(target.key, access, tokenClass);
    const plan: FlightPlan = { target, client: { address: '' }, tokenClass, reason: 'warm', copy };
    const flight = this.#flights.get(key) ?? this.#start(key, access, plan);
    await flight.ended;
    return flight.outcome!;
  }

  /**
   * Deletes copies, and keeps no answer to a request that is under way for one of them.
   *
   * @returns number of deleted copies, each counted once
   */
  async purge(isMeant: (object: { readonly key: string; readonly name: string }) => boolean): Promise<number> {
    const keys = new Set<string>();
    for (const [key, copy] of this.#memory.entries()) if (isMeant(copy)) keys.add(key);
    for (const key of keys) this.#memory.delete(key);
    for (const [key, { name }] of this.#refusals) if (isMeant({ key, name })) this.#refusals.delete(key);
    for (const [key, flight] of this.#flights) {
      if (!isMeant(flight.object)) continue;
      flight.isDoomed = true;
      this.#flights.delete(key);
    }
    this.#playlists.forget(isMeant);
    this.#large.clear();
    for (const key of (await this.#options.disk?.purge(isMeant)) ?? []) keys.add(key);
    return keys.size;
  }

  /**
   * Answers those that wait for the origin with its `unanswered`: it is gone, or has these objects no more.
   */
  giveUp(isMeant: (object: { readonly key: string; readonly name: string }) => boolean): void {
    for (const [key, flight] of this.#flights) {
      if (!isMeant(flight.object) || flight.outcome) continue;
      flight.isDoomed = true;
      this.#flights.delete(key);
      flight.end({ error: this.#options.origin.unanswered() });
      flight.leaving.abort(ending());
    }
  }

  /** Ends all requests to the origin. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(ending());
    for (const flight of this.#flying) flight.leaving.abort(ending());
    await Promise.all([...this.#flights.values()].map((flight) => flight.ended));
  }

  #isUsable({ freshness }: Copy, nowMs: number): boolean {
    const { isImmutable, mustRevalidate, freshUntilMs } = freshness;
    return isImmutable || nowMs < freshUntilMs + (mustRevalidate ? 0 : this.#options.staleMs);
  }

  #isRestricted({ name, freshness }: Copy): boolean {
    return freshness.isPrivate || this.#isPublic.get(name) === false;
  }

  #mayHave(copy: Copy, tokenClass: string | undefined, isOriginDown: boolean): boolean {
    if (!this.#isRestricted(copy)) return true;
    return tokenClass !== undefined && this.#options.gate.isAccepted(tokenClass, { isOriginDown });
  }

  /** Copies from before that rule must not answer when it is no longer believed. */
  #learnByAddress(name: string, nowMs: number): void {
    const isNew = !this.#byAddressMs.has(name);
    this.#byAddressMs.delete(name);
    this.#byAddressMs.set(name, nowMs + BY_ADDRESS_MS);
    dropOldest(this.#byAddressMs, MAX_NAMES);
    if (isNew) void this.purge((object) => object.name === name);
  }

  #learnVisibility(name: string, isPublic: boolean): void {
    this.#isPublic.delete(name);
    this.#isPublic.set(name, isPublic);
    dropOldest(this.#isPublic, MAX_NAMES);
  }

  #accessFor(name: string, tokenClass: string | undefined): FlightAccess {
    if (tokenClass === undefined || this.#isPublic.get(name) === true) return 'anyone';
    return this.#options.gate.isAccepted(tokenClass, { isOriginDown: false }) ? 'accepted' : 'unknown';
  }

  #start(key: string, access: FlightAccess, plan: FlightPlan): Flight {
    const flight = new Flight(key, access, { key: plan.target.key, name: plan.target.name });
    this.#flights.set(key, flight);
    this.#flying.add(flight);
    const forget = () => {
      this.#flying.delete(flight);
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    void this.#fly(flight, plan).then((outcome) => {
      // Who comes while a segment grows joins it.
      if ('reply' in outcome && outcome.reply.grows) void flight.growth?.then(forget);
      else forget();
      flight.end(outcome);
    });
    return flight;
  }

  /** Never rejects. */
  async #fly(flight: Flight, plan: FlightPlan): Promise<Outcome> {
    const startedMs = this.#options.clock.monotonicMs();
    const { target, tokenClass } = plan;
    let { copy } = plan;
    try {
      copy ??= await this.#options.disk?.read(target.key);
      // Without an answer of the origin for this name, the file does not say who may have it.
      const isSure = this.#isPublic.has(target.name) && copy !== undefined && this.#mayHave(copy, tokenClass, false);
      if (isSure && copy !== plan.copy && !flight.isDoomed) {
        this.#memory.set(target.key, copy!, weightOf(copy!));
        return outcomeOf(copy!, this.#isRestricted(copy!));
      }
      return await this.#ask(flight, { ...plan, copy });
    } catch (error) {
      if (error instanceof PassOn) return { error };
      this.#options.counts.originFailures++;
      const last = this.#lastUsable(plan, copy);
      if (last && target.isHeld) {
        const restMs = startedMs + PACE_MS - this.#options.clock.monotonicMs();
        await sleep(Math.max(0, restMs), { signal: this.#closing.signal }).catch(() => {});
      }
      if (last) return outcomeOf(last, this.#isRestricted(last));
      return {
        error: error instanceof OriginRefusal || isNotReady(error) ? error : this.#options.origin.unanswered(error),
      };
    }
  }

  /** The copy that may answer in place of the origin. */
  #lastUsable({ target, tokenClass }: FlightPlan, copy: Copy | undefined): Copy | undefined {
    const nowMs = this.#options.clock.nowMs();
    return [copy, this.#playlists.last(target)].find(
      (candidate) =>
        candidate !== undefined && this.#isUsable(candidate, nowMs) && this.#mayHave(candidate, tokenClass, true),
    );
  }

  async #ask(flight: Flight, { target, client, tokenClass, reason, copy }: FlightPlan): Promise<Outcome> {
    const { origin, gate, counts, clock } = this.#options;
    const token = flight.access === 'anyone' ? undefined : target.token;
    counts.origin[copy && reason === 'miss' ? 'revalidate' : reason]++;
    const response = await origin.ask(
      {
        target: originTarget(target, token),
        mayHold: target.isHeld || HELD.has(target.address.kind),
        etag: copy?.reply.etag,
        clientAddress: client.address,
        clientCountry: client.country,
        via: client.via,
      },
      { signal: flight.leaving.signal },
    );
    const nowMs = clock.nowMs();
    if (isByAddress(response.headers)) {
      // Each client gets its own answer of the origin: one who joined this request is at another address.
      response[Symbol.dispose]();
      this.#learnByAddress(target.name, nowMs);
      throw new PassOn();
    }
    // What is kept from now on is dropped when the origin has rules again.
    this.#byAddressMs.delete(target.name);
    if (token === undefined && response.status < 400 && freshnessOf(response.headers, nowMs).isPrivate) {
      // The origin has admitted this client, by its address perhaps: it must see every other one too.
      response[Symbol.dispose]();
      this.#learnVisibility(target.name, false);
      throw new PassOn();
    }
    if (response.status === 304 && copy) {
      response[Symbol.dispose]();
      const again = confirmed(copy, response.headers, nowMs);
      if (tokenClass !== undefined && token !== undefined) gate.learn(tokenClass, true);
      // Without the field the answer says nothing about who may watch.
      if (response.headers['cache-control'] !== undefined)
        this.#learnVisibility(target.name, !again.freshness.isPrivate);
      return this.#keep(flight, target, again);
    }
    if (response.status !== 200) return { error: await this.#refused(flight, target, { response, tokenClass, token }) };
    if (tokenClass !== undefined && token !== undefined) gate.learn(tokenClass, true);
    const fields = fieldsOf(response.headers);
    const freshness = freshnessOf(response.headers, nowMs);
    const length = response.headers['content-length'];
    if (!freshness.isStorable && length === undefined && response.headers['content-encoding'] === undefined) {
      const growth = new Growth(fields);
      flight.growth = growth.fill(response.stream());
      return { reply: growth.reply, isPrivate: freshness.isPrivate, bornMs: freshness.bornMs };
    }
    const bytes = await this.#read(target, response);
    counts.originBytes += bytes.length;
    const { key, name } = target;
    const made: Copy = { key, name, reply: replyOf(fields, bytes), freshness, confirmedMs: nowMs };
    if (!freshness.isStorable) return outcomeOf(made, freshness.isPrivate);
    this.#learnVisibility(name, !freshness.isPrivate);
    return this.#keep(flight, target, made, { tokenClass });
  }

  async #read(target: EdgeTarget, response: NetResponse): Promise<Uint8Array> {
    try {
      return await response.body();
    } catch (error) {
      if ((error as OxbowError).extra?.reason !== 'too-large') throw error;
      this.#large.add(target.key);
      dropOldest(this.#large, MAX_LARGE);
      throw new PassOn();
    }
  }

  #keep(flight: Flight, target: EdgeTarget, copy: Copy, asked?: { readonly tokenClass: string | undefined }): Outcome {
    const { isPrivate } = copy.freshness;
    if (flight.isDoomed) return outcomeOf(copy, isPrivate);
    this.#memory.set(copy.key, copy, weightOf(copy));
    if (asked && copy.freshness.isImmutable && target.address.kind !== 'part') this.#options.disk?.write(copy);
    if (this.#playlists.take(target, copy)) this.#prefetchHints(target, copy, asked);
    return outcomeOf(copy, isPrivate);
  }

  async #refused(
    flight: Flight,
    { key, name }: EdgeTarget,
    {
      response,
      tokenClass,
      token,
    }: { response: NetResponse; tokenClass: string | undefined; token: string | undefined },
  ): Promise<OriginRefusal> {
    const { gate, clock } = this.#options;
    const { status, headers } = response;
    const body = await response.body();
    const error = new OriginRefusal(status, headers, body.subarray(0, MAX_REFUSAL_BYTES));
    if (isFailure(status) && error.code !== 'part-timeout') throw error;
    if (isAboutAccess(error)) {
      if (token === undefined) this.#learnVisibility(name, false);
      else if (tokenClass !== undefined && status !== 404) gate.learn(tokenClass, false);
    }
    const keptMs = flight.isDoomed ? 0 : keptRefusalMs(status, headers);
    if (keptMs > 0) {
      this.#refusals.delete(flight.key);
      this.#refusals.set(flight.key, { error, untilMs: clock.nowMs() + keptMs, name });
      dropOldest(this.#refusals, MAX_REFUSALS);
    }
    const isForOthers = token === undefined && isAboutAccess(error);
    if ((status === 404 || status === 410) && !isForOthers) {
      // It was here and is no more.
      this.#memory.delete(key);
      this.#options.disk?.delete(key);
    }
    return error;
  }

  /** The parts that a playlist announces are requested before the players do: the origin holds the answer. */
  #prefetchHints(target: EdgeTarget, copy: Copy, asked: { readonly tokenClass: string | undefined } | undefined): void {
    if (!this.#options.prefetches || !asked) return;
    for (const path of this.#playlists.hints(target, copy)) this.#prefetch(path, target, asked.tokenClass);
  }

  /** A player that requests a segment will probably request the next one. */
  #prefetchNext(target: EdgeTarget, tokenClass: string | undefined): void {
    if (!this.#options.prefetches || !SEGMENTS.has(target.address.kind)) return;
    const next = this.#playlists.nextOf(target.path);
    if (next !== undefined) this.#prefetch(next, target, tokenClass);
  }

  #prefetch(path: string, { token }: EdgeTarget, tokenClass: string | undefined): void {
    const target = edgeTargetOf(originTarget({ key: path }, token));
    if (!target || this.#memory.peek(target.key) || this.#options.disk?.has(target.key)) return;
    const { counts, origin } = this.#options;
    const access = this.#accessFor(target.name, tokenClass);
    const key = flightKey(target.key, access, tokenClass);
    if (this.#flights.has(key) || this.#refusals.has(key) || origin.isDown) return;
    if (this.#prefetching >= MAX_PREFETCHES) {
      counts.prefetchesDropped++;
      return;
    }
    this.#prefetching++;
    const client = { address: '' };
    const flight = this.#start(key, access, { target, client, tokenClass, reason: 'prefetch', copy: undefined });
    void flight.ended.then(() => this.#prefetching--);
  }
}

/** The memory of one cache or of several. @param maxBytes of the copies in it */
export function createMemory(maxBytes: number, counts: Pick<EdgeCounts, 'evicted'>): S3Fifo<Copy> {
  return new S3Fifo({ maxBytes, evicted: () => void counts.evicted++ });
}

/**
 * The origin may hold the answer to these: announced parts, segments in progress, streams that are starting.
 */
const HELD: ReadonlySet<string> = new Set(['part', 'segment', 'index']);
/** Segments that a player requests in turn. */
const SEGMENTS: ReadonlySet<string> = new Set(['segment', 'ts-segment', 'asset-segment']);

function flightKey(key: string, access: FlightAccess, tokenClass: string | undefined): string {
  return access === 'unknown' ? `${key}#${tokenClass}` : access === 'accepted' ? `${key}#` : key;
}

function outcomeOf({ reply, freshness }: Copy, isPrivate: boolean): Outcome {
  return { reply, isPrivate, bornMs: freshness.bornMs };
}

function ending(): DOMException {
  return new DOMException('the request to the origin ends', 'AbortError');
}

function isByAddress({ vary = '' }: NetResponse['headers']): boolean {
  return vary.split(',').some((field) => field.trim().toLowerCase() === BY_ADDRESS.toLowerCase());
}

function isNotReady(error: unknown): boolean {
  return error instanceof OxbowError && error.code === 'not-ready';
}
