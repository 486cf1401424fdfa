/**
 * SYN cookies: a listener keeps nothing about a caller until the caller returns one.
 * In: address of a caller, time. Out: cookies, and whether one is valid. draft-sharabayko-srt-01 4.3.1.1.
 */
import { createHmac, randomBytes } from 'node:crypto';

/** Life of a secret; a cookie is valid for one to two of them, µs. */
const SECRET_US = 30_000_000;

/** Cookies of one listener. */
export class Cookies {
  #secret = randomBytes(32);
  #previous = randomBytes(32);
  #changeUs: number;

  constructor(nowUs: number) {
    this.#changeUs = nowUs + SECRET_US;
  }

  /** The cookie of an address, 32 bits, never 0. */
  create(remote: string, nowUs: number): number {
    this.#rotate(nowUs);
    return cookieOf(this.#secret, remote);
  }

  /** Whether a cookie was created for this address, at most a minute ago. */
  isValid(cookie: number, remote: string, nowUs: number): boolean {
    this.#rotate(nowUs);
    return cookie === cookieOf(this.#secret, remote) || cookie === cookieOf(this.#previous, remote);
  }

  #rotate(nowUs: number): void {
    if (nowUs < this.#changeUs) return;
    this.#previous = nowUs < this.#changeUs + SECRET_US ? this.#secret : randomBytes(32);
    this.#secret = randomBytes(32);
    this.#changeUs = nowUs + SECRET_US;
  }
}

function cookieOf(secret: Uint8Array, remote: string): number {
  return createHmac('sha256', secret).update(remote).digest().readUInt32BE(0) || 1;
}
