/**
 * Tickets in addresses of files, for downloads without the admin token: a link cannot have a header, and a
 * token in an address would be logged.
 * In: ids of jobs. Out: tickets, signed with a key of this process. HMAC, RFC 2104.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { OxbowError } from '../../lib/errors.ts';

/** Validity for starting or resuming a download, ms. */
const VALID_MS = 15 * 60_000;

interface Ticket {
  /** Letters, digits, `-`, `_` and `.`: valid in a path. */
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
   * @param key signs the tickets; instances with the same key accept each other's tickets
   */
  constructor(nowMs: () => number, key: Uint8Array | undefined = randomBytes(32)) {
    this.#nowMs = nowMs;
    this.#key = key;
  }

  /** A ticket for the file of a job. */
  issue(jobId: string): Ticket {
    const expiresMs = Math.floor(this.#nowMs()) + VALID_MS; // the clock has fractions
    const claim = `${jobId}.${expiresMs}`;
    return { text: `${claim}.${this.#sign(claim)}`, expiresMs };
  }

  /**
   * The job that a ticket is for.
   *
   * @throws OxbowError `unauthorized` for a ticket that is forged or expired
   */
  redeem(ticket: string): string {
    const [, claim, jobId, expires, signature] = /^((.+)\.(\d{1,16}))\.([\w-]+)$/.exec(ticket) ?? [];
    if (claim === undefined || !this.#isSigned(claim, signature!)) throw refusal('The ticket is not valid.');
    if (Number(expires) <= this.#nowMs()) throw refusal('The ticket has expired.');
    return jobId!;
  }

  #isSigned(claim: string, signature: string): boolean {
    const expected = Buffer.from(this.#sign(claim));
    const bytes = Buffer.from(signature);
    return expected.length === bytes.length && timingSafeEqual(expected, bytes);
  }

  #sign(claim: string): string {
    return createHmac('sha256', this.#key).update(claim).digest('base64url');
  }
}

function refusal(detail: string): OxbowError {
  return new OxbowError('unauthorized', detail, {
    extra: { hint: 'Request another one: POST /api/v1/exports/{id}/tickets with the admin token.' },
  });
}
