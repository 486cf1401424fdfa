/**
 * SHA-256 of segments of live lists, which viewers compare with what other viewers send them. Calculated at
 * the first request of a segment and remembered: streams without such requests cost nothing.
 * In: segments in memory, as their addresses return them. Out: checksums. RFC 6234.
 */
import { createHash } from 'node:crypto';
import { MOST_DIGESTS, type PeerDigestsView } from '../../api/peers/peer-shapes.ts';
import type { LiveLookup } from '../../delivery/live/live-lookup.ts';
import { isPending } from '../../delivery/live/pending-reply.ts';
import type { Reply } from '../../delivery/reply.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Checksums in memory, about 200 bytes each. */
const MOST_KEPT = 5000;

/** An answer ends after so many bytes that were not known: 16 MiB are about 30 ms of a core. */
const MOST_HASHED = 16 * 1024 * 1024;

/** One checksum, without the number of its segment. */
type Digest = Omit<PeerDigestsView['items'][number], 'msn'>;

/** Names the segments of a request. */
interface DigestRange {
  readonly stream: string;
  readonly rendition: string;
  /** First and last Media Sequence Number. */
  readonly from: number;
  readonly to: number;
}

const NO_QUERY = new URLSearchParams();

/** The checksums of all streams. */
export class Digests {
  readonly #lookup: Pick<LiveLookup, 'find'>;
  readonly #calculated: (stream: string) => void;
  /** By stream and validator. */
  readonly #known = new Map<string, Digest>();

  /** @param calculated called once for each segment */
  constructor(lookup: Pick<LiveLookup, 'find'>, calculated: (stream: string) => void) {
    this.#lookup = lookup;
    this.#calculated = calculated;
  }

  /**
   * The checksums of the segments that are in the live list, up to a bound on the work.
   *
   * @throws OxbowError `bad-request` for too many; `not-found` for an unknown rendition
   */
  read({ stream, rendition, from, to }: DigestRange): PeerDigestsView {
    if (to < from || to - from >= MOST_DIGESTS) {
      throw new OxbowError('bad-request', `\`from\` (${from}) to \`to\` (${to}) is not 1 to ${MOST_DIGESTS} segments.`);
    }
    const items: PeerDigestsView['items'] = [];
    let hashed = 0;
    for (let msn = from; msn <= to && hashed < MOST_HASHED; msn++) {
      const reply = this.#lookup.find({ kind: 'segment', stream, rendition, msn }, NO_QUERY);
      if (!reply || isPending(reply) || reply.grows || reply.etag === undefined) continue;
      if (!this.#known.has(keyOf(stream, reply.etag))) hashed += reply.length;
      const digest = this.#digestOf(stream, reply.etag, reply);
      if (digest) items.push({ msn, ...digest });
    }
    return { items };
  }

  /** Undefined if some of the bytes are not in memory. */
  #digestOf(stream: string, etag: string, { body, length }: Reply): Digest | undefined {
    const key = keyOf(stream, etag);
    const known = this.#known.get(key);
    if (known) return known;
    const hash = createHash('sha256');
    for (const part of body) {
      if (!(part instanceof Uint8Array)) return undefined;
      hash.update(part);
    }
    const digest = { length, sha256: hash.digest('base64') };
    this.#known.set(key, digest);
    dropOldest(this.#known, MOST_KEPT);
    this.#calculated(stream);
    return digest;
  }
}

const keyOf = (stream: string, etag: string) => `${stream} ${etag}`;
