/**
 * Rate limits per client: a token bucket for each address and limit.
 * In: client addresses. Out: header fields, or a refusal with Retry-After. RFC 6585 4;
 * draft-ietf-httpapi-ratelimit-headers-10.
 */
import { isIPv6 } from 'node:net';
import { dropOldest } from '../lib/drop-oldest.ts';
import { OxbowError } from '../lib/errors.ts';

/** The limits. Each has its own buckets. */
export type LimitName =
  | 'sign-in'
  | 'names'
  | 'delayed-names'
  | 'passwords'
  | 'sign-up'
  | 'guests'
  | 'mails'
  | 'identity'
  | 'tokens'
  | 'keys'
  | 'refusals'
  | 'all-refusals'
  | 'auth'
  | 'writes'
  | 'workers'
  | 'uploads'
  | 'rooms'
  | 'room-passwords'
  | 'peers'
  | 'peer-offers'
  | 'probe'
  | 'clips'
  | 'previews'
  | 'segments'
  | 'windows'
  | 'addresses'
  | 'reports'
  | 'stills'
  | 'guides'
  | 'televisions'
  | 'pushes';

interface Policy {
  /** Size of a full bucket, requests. */
  readonly turns: number;
  /** Time in which an empty bucket fills, seconds. */
  readonly windowS: number;
  /** Also limits clients on this computer. */
  readonly everywhere?: boolean;
  /** The counted unit; default `requests`. */
  readonly unit?: string;
}

/** The limits in force. A pointer that moves over a timeline requests ten stills a second. */
export const policies: Readonly<Record<LimitName, Policy>> = {
  'sign-in': { turns: 5, windowS: 60, everywhere: true },
  /** Wrong passwords of one name, from addresses where it never signed in. */
  names: { turns: 10, windowS: 600, everywhere: true },
  /** Wrong passwords of one name from one address, each after a delay, when those of the name are used up. */
  'delayed-names': { turns: 3, windowS: 600, everywhere: true },
  /** Passwords of a user who is signed in already. */
  passwords: { turns: 10, windowS: 600, everywhere: true },
  /** A class or a family behind one address. */
  'sign-up': { turns: 30, windowS: 3600 },
  guests: { turns: 60, windowS: 3600 },
  /** Both halves of a sign-in by another service. */
  identity: { turns: 60, windowS: 60 },
  /** Messages to one e-mail address, or requested from one IP address. */
  mails: { turns: 10, windowS: 3600, everywhere: true },
  tokens: { turns: 10, windowS: 60, everywhere: true },
  /** Keys and tokens of publishers and viewers over RTMP, SRT and other protocols. */
  keys: { turns: 10, windowS: 60, everywhere: true },
  /** Events about clients that were refused without a valid key. */
  refusals: { turns: 5, windowS: 60, everywhere: true },
  /** Clients that the authorization server has to decide about. */
  auth: { turns: 100, windowS: 60, everywhere: true },
  'all-refusals': { turns: 60, windowS: 60, everywhere: true },
  writes: { turns: 300, windowS: 60 },
  /** Requests of workers behind one address. */
  workers: { turns: 6000, windowS: 60 },
  /** Chunks and stretches of uploads: 1 Gbps in the smallest chunks. */
  uploads: { turns: 120_000, windowS: 60 },
  /** Connections to rooms: an audience behind one address comes at once. */
  rooms: { turns: 2000, windowS: 60 },
  /** Connections of viewers who give each other segments: an audience behind one address comes at once. */
  peers: { turns: 600, windowS: 60 },
  /**
   * Offers that are passed to other viewers, each for an answer with an address: five of each of 60 viewers.
   */
  'peer-offers': { turns: 300, windowS: 60, unit: 'offers' },
  /** Wrong passwords of rooms. */
  'room-passwords': { turns: 10, windowS: 60, everywhere: true },
  probe: { turns: 30, windowS: 60 },
  clips: { turns: 120, windowS: 60 },
  /**
   * Clips of a few seconds, which cards of live streams play: six a minute of each of a thousand viewers
   * behind one address.
   */
  previews: { turns: 6000, windowS: 60 },
  /**
   * Segments that clips and time-lapses read of the index: five days of 2 s in a minute, about half a second
   * of a core; with evidence, which counts too, a day and a second.
   */
  segments: { turns: 240_000, windowS: 60, unit: 'segments' },
  /** Hours of windows that are longer than one: sixty days in a minute, about five seconds of a core. */
  windows: { turns: 1440, windowS: 60, unit: 'hours' },
  /**
   * Addresses of playlists and manifests that the media proxy of rooms rewrites: thirteen lists of a day with
   * segments of 2 s in a minute, about ten seconds of a core.
   */
  addresses: { turns: 600_000, windowS: 60, unit: 'addresses' },
  /**
   * Reports of players that the fast path does not take: five a minute of each of a thousand players behind
   * one address. The bucket is small, so that what comes at once is a quarter of a second of a core.
   */
  reports: { turns: 500, windowS: 6 },
  stills: { turns: 1200, windowS: 60 },
  /** Channel lists and programme guides of IPTV players. */
  guides: { turns: 60, windowS: 60 },
  /** Each television that waits asks 20 times a minute. */
  televisions: { turns: 120, windowS: 60 },
  /** Subscriptions of browsers to messages, and messages to try. */
  pushes: { turns: 30, windowS: 60 },
};

/** A client as rate limits see it. */
export interface LimitedClient {
  readonly address: string;
  /** Connects directly from this computer (local-request.ts). False for every forwarded request. */
  readonly isLocal: boolean;
}

/**
 * Most buckets of one limit in memory; the least recently used is dropped. No limit drops those of another: a
 * flood of cheap requests from many addresses must not refill the bucket of a name.
 */
const MAX_BUCKETS = 10_000;

interface Bucket {
  turns: number;
  atMs: number;
}

/** The buckets of every client. */
export class RateLimits {
  readonly #nowMs: () => number;
  /** By limit and client; of each limit the least recently used first. */
  readonly #buckets = new Map<LimitName, Map<string, Bucket>>();

  /** @param nowMs a clock that never steps, ms */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Number of buckets in memory. */
  get size(): number {
    return [...this.#buckets.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Takes one request from the bucket.
   *
   * @param count its cost, if not 1
   * @returns header fields that report the rest of the bucket
   * @throws OxbowError `too-many-requests`
   */
  take(name: LimitName, client: LimitedClient, count = 1): Readonly<Record<string, string>> {
    const bucket = this.check(name, client, count);
    if (!bucket) return {};
    bucket.turns -= count;
    return fieldsOf(name, bucket);
  }

  /**
   * Refuses a client whose bucket has less than `count`, and takes nothing: `charge` does when the cost is
   * known.
   *
   * @returns the bucket; undefined for a client that is not limited
   * @throws OxbowError `too-many-requests`
   */
  check(name: LimitName, client: LimitedClient, count = 1): Bucket | undefined {
    const { turns, windowS, everywhere, unit = 'requests' } = policies[name];
    if (!everywhere && client.isLocal) return undefined;
    const bucket = this.#bucketOf(name, client);
    if (bucket.turns >= count) return bucket;
    const retryAfterSeconds = Math.ceil(((count - bucket.turns) * windowS) / turns);
    throw new OxbowError(
      'too-many-requests',
      `The limit "${name}" allows ${turns} ${unit} in ${windowS} s per address.`,
      { extra: { retryAfterSeconds, headers: fieldsOf(name, bucket) } },
    );
  }

  /** Whether the bucket has less than one request. Nothing is taken. */
  isUsedUp(name: LimitName, client: LimitedClient): boolean {
    return (policies[name].everywhere || !client.isLocal) && this.#bucketOf(name, client).turns < 1;
  }

  /** Takes the cost of a request; the bucket may become negative. */
  charge(name: LimitName, client: LimitedClient, count: number): void {
    if (policies[name].everywhere || !client.isLocal) this.#bucketOf(name, client).turns -= count;
  }

  /** Returns one request to the bucket. */
  giveBack(name: LimitName, client: LimitedClient): void {
    const bucket = this.#bucketOf(name, client);
    bucket.turns = Math.min(policies[name].turns, bucket.turns + 1);
  }

  #bucketOf(name: LimitName, client: LimitedClient): Bucket {
    const key = bucketOwner(client);
    const buckets = this.#buckets.get(name) ?? new Map<string, Bucket>();
    this.#buckets.set(name, buckets);
    const nowMs = this.#nowMs();
    const { turns, windowS } = policies[name];
    const bucket = buckets.get(key) ?? { turns, atMs: nowMs };
    bucket.turns = Math.min(turns, bucket.turns + ((nowMs - bucket.atMs) / 1000) * (turns / windowS));
    bucket.atMs = nowMs;
    buckets.delete(key);
    buckets.set(key, bucket);
    dropOldest(buckets, MAX_BUCKETS);
    return bucket;
  }
}

/**
 * The key of a client's buckets: its address, or `local` for this computer; forwarded requests never use the
 * latter.
 */
export function bucketOwner({ address, isLocal }: LimitedClient): string {
  return isLocal ? 'local' : networkOf(address);
}

function fieldsOf(name: LimitName, bucket: Bucket): Readonly<Record<string, string>> {
  const { turns, windowS } = policies[name];
  const left = Math.max(0, Math.floor(bucket.turns));
  const fullInS = Math.ceil(((turns - bucket.turns) * windowS) / turns);
  return {
    'ratelimit-policy': `"${name}";q=${turns};w=${windowS}`,
    ratelimit: `"${name}";r=${left};t=${fullInS}`,
  };
}

/** The address, or the /64 of an IPv6 address: one client usually has all of it. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().replace(/%.*$/, '').split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':');
    // The last 32 bits may be written as IPv4.
    const count = last.length + (tail.includes('.') ? 1 : 0);
    groups.push(...Array.from({ length: Math.max(0, 8 - groups.length - count) }, () => '0'), ...last);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
