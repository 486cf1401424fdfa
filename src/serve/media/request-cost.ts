/**
 * Bounds what one client can cost where work and memory grow with the range of a request: it counts segments
 * read, hours of windows, and the bytes that open answers hold.
 * In: requests for media with their client. Out: a budget for delivery, refusals (RFC 6585 4), metrics.
 */
import { bucketOwner, type LimitedClient } from '../../accounts/rate-limit.ts';
import type { MediaAddress } from '../../api/media-address.ts';
import { parseRange } from '../../delivery/address-time.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { WorkBudget } from '../../delivery/work-budget.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Authenticator } from '../client/authenticate.ts';
import type { ServeDeps } from '../deps.ts';
import type { AnswerBody, Exchange } from '../exchange/exchange.ts';

/** Most memory that open answers hold. */
interface OpenLimits {
  /** Of one client, bytes. */
  readonly perAddress: number;
  /** Of all, bytes. */
  readonly total: number;
}

/** The limits in force: 16 downloads of 8 Mbps at an address, 128 in all. */
const openLimits: OpenLimits = { perAddress: 32 * 1024 * 1024, total: 256 * 1024 * 1024 };

/** Lighter answers are not counted, bytes. */
const LIGHT_BYTES = 64 * 1024;
/** Windows up to this length are free: players share those of ten minutes, and load an hour at a glance. */
const FREE_HOURS = 1;
/** Longest clip that counts as a preview, µs; those of the home page have ten seconds. */
const PREVIEW_US = 15_000_000;

/** Counts the memory that answers hold while their clients take them. */
export class OpenAnswers {
  readonly #limits: OpenLimits;
  readonly #metrics: Pick<ServeDeps['metrics'], 'openAnswerBytes' | 'rangeRefusals'>;
  readonly #byClient = new Map<string, number>();
  /** Open answers that hold the same memory: of all, and by client. */
  readonly #shared = new Map<object, Map<string, number>>();
  #held = 0;

  constructor(
    metrics: Pick<ServeDeps['metrics'], 'openAnswerBytes' | 'rangeRefusals'>,
    limits: OpenLimits = openLimits,
  ) {
    this.#metrics = metrics;
    this.#limits = limits;
  }

  /** Bytes that are held. */
  get held(): number {
    return this.#held;
  }

  /**
   * Counts an answer until its body is closed. The only open answer is always sent, however large it is.
   *
   * @param weight bytes
   * @param shared memory that is counted once for all answers that hold it, and once for each client
   * @throws OxbowError `too-many-requests` if its client holds too much, `busy` if all do
   */
  hold(client: LimitedClient, weight: number, body: AnswerBody, shared?: Reply['shared']): void {
    const bytes = shared?.bytes ?? 0;
    if (weight + bytes <= LIGHT_BYTES || body.destroyed) return;
    const key = bucketOwner(client);
    const holders = shared && this.#shared.get(shared.of);
    const clientBytes = this.#byClient.get(key) ?? 0;
    const { perAddress, total } = this.#limits;
    const ofClient = weight + (holders?.has(key) ? 0 : bytes);
    if (clientBytes > 0 && !client.isLocal && clientBytes + ofClient > perAddress) {
      this.#metrics.rangeRefusals.inc({ reason: 'address' });
      throw new OxbowError('too-many-requests', 'Too many downloads of this address are open.', {
        extra: { retryAfterSeconds: 10 },
      });
    }
    if (this.#held > 0 && this.#held + weight + (holders ? 0 : bytes) > total) {
      this.#metrics.rangeRefusals.inc({ reason: 'total' });
      throw new OxbowError('busy', 'Too many downloads are open.', { extra: { retryAfterSeconds: 10 } });
    }
    if (shared) this.#share(key, shared);
    this.#add(key, weight, weight);
    body.once('close', () => {
      this.#add(key, -weight, -weight);
      if (shared) this.#unshare(key, shared);
    });
  }

  #share(key: string, { of, bytes }: NonNullable<Reply['shared']>): void {
    const known = this.#shared.get(of);
    const holders = known ?? new Map<string, number>();
    this.#shared.set(of, holders);
    const count = holders.get(key) ?? 0;
    holders.set(key, count + 1);
    this.#add(key, count === 0 ? bytes : 0, known ? 0 : bytes);
  }

  #unshare(key: string, { of, bytes }: NonNullable<Reply['shared']>): void {
    const holders = this.#shared.get(of)!;
    const count = holders.get(key)! - 1;
    if (count > 0) {
      holders.set(key, count);
      return;
    }
    holders.delete(key);
    if (holders.size === 0) this.#shared.delete(of);
    this.#add(key, -bytes, holders.size === 0 ? -bytes : 0);
  }

  #add(key: string, weight: number, total: number): void {
    const clientBytes = (this.#byClient.get(key) ?? 0) + weight;
    if (clientBytes > 0) this.#byClient.set(key, clientBytes);
    else this.#byClient.delete(key);
    this.#held += total;
    this.#metrics.openAnswerBytes.set(this.#held);
  }
}

/**
 * Bytes that a reply holds only for its client: what it says of itself, or the text of a window, which each
 * request prints again.
 */
export function weightOf(reply: Reply, sent: Reply['body'], address: MediaAddress): number {
  if (reply.weight !== undefined) return reply.weight;
  if (!address.kind.startsWith('window-')) return 0;
  return sent.reduce((sum, part) => sum + (part instanceof Uint8Array ? part.length : 0), 0);
}

/** Hours of a recording that a window's lists name, as far as they count; 0 for any other address. */
export function hoursOf(address: MediaAddress): number {
  if (address.kind !== 'window-index' && address.kind !== 'window-manifest' && address.kind !== 'window-playlist')
    return 0;
  try {
    const { fromUs, toUs } = parseRange(address.from, address.to);
    const hours = Math.ceil((toUs - fromUs) / 3_600_000_000);
    return hours > FREE_HOURS ? Math.min(hours, 24) : 0;
  } catch {
    return 0; // delivery refuses it
  }
}

/**
 * Whether an address is a few seconds as MP4, as cards of live streams play them: a player reads more in that
 * time.
 */
export function isPreview(address: MediaAddress): boolean {
  if (address.kind !== 'clip' || address.format !== 'mp4') return false;
  try {
    const { fromUs, toUs } = parseRange(address.from, address.to);
    return toUs - fromUs <= PREVIEW_US;
  } catch {
    return false; // delivery refuses it
  }
}

/**
 * The budget of one request.
 *
 * @param isAuthorized whether the client may watch restricted media
 */
export function createBudget(
  exchange: Exchange,
  isAuthorized: boolean,
  client: LimitedClient,
  { deps, authenticator }: { readonly deps: ServeDeps; readonly authenticator: Authenticator },
): WorkBudget {
  const { limits, metrics } = deps;
  return {
    begin() {
      try {
        limits.check('segments', client);
      } catch (error) {
        metrics.rangeRefusals.inc({ reason: 'segments' });
        throw error;
      }
    },
    spend(segments) {
      metrics.plannedSegments.inc(segments);
      limits.charge('segments', client, segments);
    },
    isKnown() {
      if (isAuthorized || client.isLocal) return true;
      const { headers, remoteAddress, sender } = exchange;
      authenticator.tryToken({ headers, remoteAddress, sender, secure: false });
      // The name of the session cookie says whether the page was loaded over TLS. A guest has only said a
      // name.
      return [false, true].some((secure) => {
        const { name, user } = authenticator.principalOf({ headers, remoteAddress, sender, secure });
        return name !== '' && user?.role !== 'guest';
      });
    },
  };
}
