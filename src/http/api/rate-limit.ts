/**
 * How often one client may do what costs us something: a bucket of turns for each address, which fills again steadily.
 * In: addresses. Out: yes, or a refusal that says when. RFC 6585, 4; draft-ietf-httpapi-ratelimit-headers-10.
 */
import { isIPv6 } from 'node:net';
import { OxbowError } from '../../lib/errors.ts';

/** What is limited: each has buckets of its own. */
export type LimitName = 'sign-in' | 'tokens' | 'writes' | 'probe' | 'clips' | 'stills';

interface Policy {
  /** Turns of a full bucket. */
  readonly turns: number;
  /** An empty bucket is full again after this, seconds. */
  readonly windowS: number;
  /** This computer is limited too. */
  readonly everywhere?: boolean;
}

/** What oxbow allows. Whoever moves over a timeline asks for ten stills a second. */
export const policies: Readonly<Record<LimitName, Policy>> = {
  'sign-in': { turns: 5, windowS: 60, everywhere: true },
  tokens: { turns: 10, windowS: 60, everywhere: true },
  writes: { turns: 300, windowS: 60 },
  probe: { turns: 30, windowS: 60 },
  clips: { turns: 120, windowS: 60 },
  stills: { turns: 1200, windowS: 60 },
};

/** Who is limited. */
export interface LimitedClient {
  readonly address: string;
  /** Straight from this computer (local-request.ts). A forwarded request never is, whatever its address. */
  readonly isLocal: boolean;
}

/** More addresses are not remembered: the one that was heard of longest ago is forgotten. */
const MAX_BUCKETS = 10_000;

interface Bucket {
  turns: number;
  atMs: number;
}

/** The buckets of every client. */
export class RateLimits {
  readonly #nowMs: () => number;
  /** The one used last is the last. */
  readonly #buckets = new Map<string, Bucket>();

  /** @param nowMs a clock that never steps, ms */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** How many buckets are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Takes a turn.
   *
   * @returns fields of the answer that say how many turns are left
   * @throws OxbowError `too-many-requests`
   */
  take(name: LimitName, client: LimitedClient): Readonly<Record<string, string>> {
    const { turns, windowS, everywhere } = policies[name];
    if (!everywhere && client.isLocal) return {};
    const bucket = this.#bucketOf(name, client);
    if (bucket.turns < 1) {
      const retryAfterSeconds = Math.ceil(((1 - bucket.turns) * windowS) / turns);
      throw new OxbowError('too-many-requests', `This address may do so ${turns} times in ${windowS} s.`, {
        extra: { retryAfterSeconds, headers: fieldsOf(name, bucket) },
      });
    }
    bucket.turns--;
    return fieldsOf(name, bucket);
  }

  /** Gives a turn back that was taken for nothing. */
  giveBack(name: LimitName, client: LimitedClient): void {
    const bucket = this.#bucketOf(name, client);
    bucket.turns = Math.min(policies[name].turns, bucket.turns + 1);
  }

  #bucketOf(name: LimitName, client: LimitedClient): Bucket {
    const key = `${name} ${bucketOwner(client)}`;
    const nowMs = this.#nowMs();
    const { turns, windowS } = policies[name];
    const bucket = this.#buckets.get(key) ?? { turns, atMs: nowMs };
    bucket.turns = Math.min(turns, bucket.turns + ((nowMs - bucket.atMs) / 1000) * (turns / windowS));
    bucket.atMs = nowMs;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > MAX_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value!);
    return bucket;
  }
}

/** Whose buckets a client uses: those of its address, or of this computer; forwarded requests never empty the operator's. */
export function bucketOwner({ address, isLocal }: LimitedClient): string {
  return isLocal ? 'local' : clientOf(address);
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

/** Whoever has one IPv6 address has all of its /64. */
function clientOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().replace(/%.*$/, '').split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':');
    // The last 32 bits may be written as IPv4.
    const count = behind.length + (tail.includes('.') ? 1 : 0);
    groups.push(...Array.from({ length: Math.max(0, 8 - groups.length - count) }, () => '0'), ...behind);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
