/**
 * What policies of a cache reach on the requests of `bench edge`, by simulation: LRU, S3-FIFO, prefetching,
 * and the best that is possible.
 * In: requests, the capacity in objects of one size. Out: hits and requests to the origin.
 */
import { S3Fifo } from '../../src/edge/cache/s3-fifo.ts';
import { SEGMENTS, type ViewRequest } from './viewing.ts';

/** A cache of objects of one size. */
interface Cache {
  /** Whether it is there; counts as a use. */
  get(key: number): boolean;
  has(key: number): boolean;
  add(key: number): void;
}

/** The result of a policy in the measured requests. */
interface PolicyResult {
  readonly hits: number;
  /** Requests to the origin, prefetches included, for each request of a viewer. */
  readonly origin: number;
}

function lru(capacity: number): Cache {
  const keys = new Set<number>();
  return {
    get(key) {
      if (!keys.delete(key)) return false;
      keys.add(key);
      return true;
    },
    has: (key) => keys.has(key),
    add(key) {
      keys.add(key);
      if (keys.size > capacity) keys.delete(keys.values().next().value!);
    },
  };
}

function s3Fifo(capacity: number): Cache {
  const index = new S3Fifo<true>({ maxBytes: capacity });
  return {
    get: (key) => index.get(String(key)) === true,
    has: (key) => index.peek(String(key)) === true,
    add: (key) => void index.set(String(key), true, 1),
  };
}

const caches = { LRU: lru, 'S3-FIFO': s3Fifo } as const;

/** Names of the policies. */
export type Policy = keyof typeof caches;

const keyOf = ({ asset, segment }: ViewRequest) => asset * SEGMENTS + segment;

/**
 * Simulates a policy.
 * @param prefetches the next segment is loaded with each request
 * @param fromS requests before only fill the cache
 */
export function simulate(
  requests: readonly ViewRequest[],
  capacity: number,
  { policy, prefetches, fromS }: { readonly policy: Policy; readonly prefetches: boolean; readonly fromS: number },
): PolicyResult {
  const cache = caches[policy](capacity);
  let [total, hits, origin] = [0, 0, 0];
  for (const request of requests) {
    const isCounted = request.atS >= fromS;
    const key = keyOf(request);
    const isHit = cache.get(key);
    if (!isHit) cache.add(key);
    const isPrefetch = prefetches && request.segment + 1 < SEGMENTS && !cache.has(key + 1);
    if (isPrefetch) cache.add(key + 1);
    if (!isCounted) continue;
    total++;
    if (isHit) hits++;
    origin += (isHit ? 0 : 1) + (isPrefetch ? 1 : 0);
  }
  return { hits: hits / total, origin: origin / total };
}

/**
 * Belady: evicts what is needed last, and takes only what is needed sooner. No policy without prefetching has
 * more hits.
 */
export function best(requests: readonly ViewRequest[], capacity: number, fromS: number): PolicyResult {
  const nextUse = new Array<number>(requests.length);
  const last = new Map<number, number>();
  for (let i = requests.length - 1; i >= 0; i--) {
    const key = keyOf(requests[i]!);
    nextUse[i] = last.get(key) ?? Number.POSITIVE_INFINITY;
    last.set(key, i);
  }
  /** Next use by key. */
  const held = new Map<number, number>();
  let [total, hits] = [0, 0];
  requests.forEach((request, i) => {
    const key = keyOf(request);
    const isHit = held.has(key);
    if (request.atS >= fromS) {
      total++;
      if (isHit) hits++;
    }
    if (isHit || held.size < capacity) {
      held.set(key, nextUse[i]!);
      return;
    }
    let [latest, latestKey] = [-1, -1];
    for (const [candidate, use] of held) if (use > latest) [latest, latestKey] = [use, candidate];
    if (nextUse[i]! >= latest) return;
    held.delete(latestKey);
    held.set(key, nextUse[i]!);
  });
  return { hits: hits / total, origin: 1 - hits / total };
}

/** With room for everything: only first requests miss. */
export function unbounded(requests: readonly ViewRequest[], fromS: number): PolicyResult {
  const keys = new Set<number>();
  let [total, hits] = [0, 0];
  for (const request of requests) {
    const isHit = keys.has(keyOf(request));
    keys.add(keyOf(request));
    if (request.atS < fromS) continue;
    total++;
    if (isHit) hits++;
  }
  return { hits: hits / total, origin: 1 - hits / total };
}
