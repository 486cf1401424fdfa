/**
 * Addresses where viewers get stored bytes from a bucket, or from a CDN in front of it, without oxbow. They
 * are given out only while the bucket has lately answered such an address as a viewer would request it.
 * In: the index of objects, the targets of the settings, a probe. Out: signed addresses; whether each target
 * answers viewers. docs/decisions/0096.
 */
import { dropOldest } from '../../lib/drop-oldest.ts';
import { messageOf } from '../../lib/errors.ts';
import type { SegmentRange } from '../segment-store.ts';
import { isLoggedKey } from './logged/logged-file.ts';
import type { ObjectTargets } from './object-targets.ts';
import type { StoredObject, StoredObjects } from './stored-objects.ts';

/**
 * An address is signed for the start of a slot of this length, ms: viewers of the same minutes have the same
 * address, which caches can keep.
 */
const SLOT_MS = 300_000;
/** It is valid for this long from then on, seconds: five to ten minutes for a viewer. */
export const DIRECT_LIFE_S = 600;
/** What caches and browsers do with the answer. */
const CACHING = `public, max-age=${SLOT_MS / 1000}`;
/** While viewers request addresses, the bucket is probed this often, ms. */
const PROBE_EVERY_MS = 5_000;
/** A success counts for this long, ms. */
const PROVEN_MS = 15_000;
/** A viewer without success has it probed at most this often, ms. */
const DOUBT_EVERY_MS = 1_000;
/** Signed addresses in memory, about 700 bytes each. */
const MAX_SIGNED = 5_000;

/** What addresses are made of. */
export interface DirectAddressesOptions {
  readonly index: Pick<StoredObjects, 'find'>;
  readonly targets: Pick<ObjectTargets, 'find' | 'client'>;
  /** ms since 1970. */
  readonly nowMs: () => number;
  /** ms, never set back. */
  readonly monotonicMs: () => number;
  /**
   * Requests an address as a viewer does. Rejects if a viewer had no success; takes a few seconds at most.
   */
  probe(url: string): Promise<void>;
  /** @param problem undefined: the target answers viewers again */
  changed(target: string, problem: string | undefined): void;
}

/** Whether a target answers viewers. */
interface TargetState {
  /** Of the last probe; undefined: none has ended. */
  isUp: boolean | undefined;
  problem: string | undefined;
  /** Start of the last probe and of the last that succeeded, monotonic ms. */
  probedMs: number;
  provenMs: number;
  probing: Promise<void> | undefined;
}

/** Signs addresses, and probes targets while they are used. */
export class DirectAddresses {
  readonly #options: DirectAddressesOptions;
  readonly #origins = new Set<string>();
  readonly #states = new Map<string, TargetState>();
  /** Of the current slot, by target and key. */
  readonly #signed = new Map<string, Promise<string>>();
  #slotMs = 0;

  constructor(options: DirectAddressesOptions) {
    this.#options = options;
  }

  /**
   * The address of an object that has a range; undefined where no bucket has it, where its target is not
   * `direct`, and while that does not answer viewers. Waits for the first probe of a target, not for that of
   * one that failed.
   */
  async find({ location, offset, length }: SegmentRange): Promise<string | undefined> {
    const object = await this.#options.index.find(location);
    if (!object || object.size < offset + length) return undefined;
    // No address is that of the whole file: viewers get it from oxbow.
    if (isLoggedKey(object.key)) return undefined;
    if (this.#options.targets.find(object.target)?.direct !== 'redirect') return undefined;
    const url = await this.#sign(object);
    return (await this.#answers(object.target, url)) ? url : undefined;
  }

  /** The servers of all addresses so far. */
  origins(): readonly string[] {
    return [...this.#origins];
  }

  /** Finds the server of a target before the first address is needed. Rejects if the target cannot sign. */
  async prepare(target: string): Promise<void> {
    await this.#signKey(target, 'any', Math.floor(this.#options.nowMs()));
  }

  /** Probes the target of a range soon: a viewer had no success there. */
  async doubt({ location }: SegmentRange): Promise<void> {
    const object = await this.#options.index.find(location);
    if (!object || isLoggedKey(object.key)) return;
    if (this.#options.targets.find(object.target)?.direct !== 'redirect') return;
    const state = this.#stateOf(object.target);
    if (this.#options.monotonicMs() - state.probedMs < DOUBT_EVERY_MS) return;
    await this.#probe(object.target, state, await this.#sign(object));
  }

  async #answers(target: string, url: string): Promise<boolean> {
    const state = this.#stateOf(target);
    const { monotonicMs } = this.#options;
    if (monotonicMs() - state.probedMs >= PROBE_EVERY_MS) void this.#probe(target, state, url);
    const isProven = () => state.isUp === true && monotonicMs() - state.provenMs < PROVEN_MS;
    if (!isProven() && state.isUp !== false) await state.probing;
    return isProven();
  }

  /** Never rejects; one at a time for each target. */
  #probe(target: string, state: TargetState, url: string): Promise<void> {
    if (state.probing) return state.probing;
    const { probe, changed, monotonicMs } = this.#options;
    state.probedMs = monotonicMs();
    const settle = (problem: string | undefined) => {
      const isUp = problem === undefined;
      const isChanged = isUp ? state.isUp === false : state.isUp !== false;
      state.isUp = isUp;
      state.problem = problem;
      if (isUp) state.provenMs = state.probedMs;
      state.probing = undefined;
      if (isChanged) changed(target, problem);
    };
    state.probing = probe(url).then(
      () => settle(undefined),
      (error: unknown) => settle(messageOf(error)),
    );
    return state.probing;
  }

  #stateOf(target: string): TargetState {
    const before = Number.NEGATIVE_INFINITY;
    const state = this.#states.get(target) ?? {
      isUp: undefined,
      problem: undefined,
      probedMs: before,
      provenMs: before,
      probing: undefined,
    };
    this.#states.set(target, state);
    return state;
  }

  #sign({ target, key }: StoredObject): Promise<string> {
    const { nowMs } = this.#options;
    const slotMs = Math.floor(nowMs() / SLOT_MS) * SLOT_MS;
    if (slotMs !== this.#slotMs) this.#signed.clear();
    this.#slotMs = slotMs;
    const name = `${target} ${key}`;
    const signed = this.#signed.get(name);
    if (signed) return signed;
    const signing = this.#signKey(target, key, slotMs);
    this.#signed.set(name, signing);
    dropOldest(this.#signed, MAX_SIGNED);
    signing.catch(() => this.#signed.delete(name));
    return signing;
  }

  async #signKey(target: string, key: string, signedAtMs: number): Promise<string> {
    const { targets } = this.#options;
    const client = await targets.client(target);
    const options = { expiresS: DIRECT_LIFE_S, signedAtMs, contentType: 'video/mp4', cacheControl: CACHING };
    const url = throughCdn(await client.presign(key, options), targets.find(target)!.directUrl);
    this.#origins.add(new URL(url).origin);
    return url;
  }
}

/**
 * An address of the bucket at a CDN, which passes path and query on to the bucket. @param base '' for none
 */
export function throughCdn(signed: string, base: string): string {
  if (base === '') return signed;
  const { pathname, search } = new URL(signed);
  return `${base.replace(/\/$/, '')}${pathname}${search}`;
}
