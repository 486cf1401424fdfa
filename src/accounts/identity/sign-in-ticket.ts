/**
 * State in the browser between the two halves of a sign-in by another service: a cookie that only this server
 * can write. It binds the answer of the service to the browser that began, and names the intention.
 * In: checks and intentions. Out: sealed text; from sealed text its content, until it expires. RFC 2104;
 * RFC 6749 10.12.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SignInChecks } from './provider.ts';

/** A sign-in that has begun. */
export interface SignInTicket {
  readonly provider: string;
  readonly checks: SignInChecks;
  /** Path of this site to return to. */
  readonly goal: string;
  /** Code of an invitation. */
  readonly invitation?: string | undefined;
  /** The session in which an account is to be linked: it has to exist at the end too. */
  readonly session?: string | undefined;
  /** The guest who gets an account. */
  readonly guest?: string | undefined;
}

/** A sign-in takes at most this long, ms. */
export const TICKET_MS = 10 * 60_000;
/** Browsers keep cookies up to 4,096 bytes. RFC 6265bis 5.6. */
const MAX_LENGTH = 3500;

/** Seals and opens tickets. */
export class SignInTickets {
  readonly #secret: Uint8Array;

  /** @param secret of the server; servers that share it open each other's tickets */
  constructor(secret: Uint8Array) {
    this.#secret = createHmac('sha256', secret).update('oxbow sign-in ticket').digest();
  }

  /** Text for a cookie. */
  seal(ticket: SignInTicket, nowMs: number): string {
    const content = Buffer.from(JSON.stringify({ ...ticket, expiresMs: nowMs + TICKET_MS })).toString('base64url');
    return `${content}.${this.#mac(content).toString('base64url')}`;
  }

  /** Undefined if another server or no one sealed it, or it has expired. */
  open(text: string, nowMs: number): SignInTicket | undefined {
    const [content = '', mac = '', more] = text.length > MAX_LENGTH ? [] : text.split('.');
    const received = Buffer.from(mac, 'base64url');
    const expected = this.#mac(content);
    if (more !== undefined || received.length !== expected.length || !timingSafeEqual(received, expected))
      return undefined;
    const { expiresMs, ...ticket } = JSON.parse(Buffer.from(content, 'base64url').toString()) as SignInTicket & {
      readonly expiresMs: number;
    };
    return nowMs < expiresMs ? ticket : undefined;
  }

  #mac(content: string): Buffer {
    return createHmac('sha256', this.#secret).update(content).digest();
  }
}

/** A path of this site, with its query; `/` for anything else. */
export function readGoal(text: string | undefined): string {
  const base = 'http://oxbow';
  if (text === undefined || text.length > 500 || !text.startsWith('/') || /[\\\p{Cc}]/u.test(text)) return '/';
  const url = URL.parse(text, base);
  return url?.origin === base && !url.pathname.startsWith('//') ? url.pathname + url.search : '/';
}
