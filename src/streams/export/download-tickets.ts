/**
 * Addresses of files that a browser may fetch without the admin token for a few minutes: a plain link cannot carry a header, and the
 * token belongs in no address.
 * In: ids of jobs. Out: tickets, signed with a key that lives as long as the process. HMAC, RFC 2104.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { OxbowError } from '../../lib/errors.ts';

/** How long a download may be begun, or gone on with after it broke off, ms. */
const VALID_MS = 15 * 60_000;

/** A ticket and its end. */
export interface Ticket {
  /** Letters, digits, `-`, `_` and `.`: fit for a path. */
  readonly text: string;
  /** Ms since 1970. */
  readonly expiresMs: number;
}

/** Signs and checks tickets. */
export class DownloadTickets {
  readonly #key: Uint8Array;
  readonly #nowMs: () => number;

  /**
   * @param nowMs ms since 1970
   * @param key whoever has the same one takes each other's tickets
   */
  constructor(nowMs: () => number, key: Uint8Array = randomBytes(32)) {
    this.#nowMs = nowMs;
    this.#key = key;
  }

  /** A ticket for the file of a job. */
  issue(jobId: string): Ticket {
    const expiresMs = Math.floor(this.#nowMs()) + VALID_MS; // clocks tell fractions, an address does not
    const claim = `${jobId}.${expiresMs}`;
    return { text: `${claim}.${this.#sign(claim)}`, expiresMs };
  }

  /**
   * The job that a ticket is for.
   *
   * @throws OxbowError `unauthorized` where it was not issued here, or its time is over
   */
  redeem(ticket: string): string {
    const [, claim, jobId, expires, signature] = /^((.+)\.(\d{1,16}))\.([\w-]+)$/.exec(ticket) ?? [];
    if (claim === undefined || !this.#isSigned(claim, signature!)) throw refusal('This is no ticket of this oxbow.');
    if (Number(expires) <= this.#nowMs()) throw refusal('The time of this ticket is over.');
    return jobId!;
  }

  #isSigned(claim: string, signature: string): boolean {
    const wanted = Buffer.from(this.#sign(claim));
    const given = Buffer.from(signature);
    return wanted.length === given.length && timingSafeEqual(wanted, given);
  }

  #sign(claim: string): string {
    return createHmac('sha256', this.#key).update(claim).digest('base64url');
  }
}

function refusal(detail: string): OxbowError {
  return new OxbowError('unauthorized', detail, {
    extra: { hint: 'Ask for another one: POST /api/v1/exports/{id}/tickets with the admin token.' },
  });
}
