/**
 * Decides whether oxbow may connect to a server: by the URL before the request, and by the address when it
 * connects.
 * In: URLs of every hop, addresses of the resolver. Out: permission, or an error. docs/architecture.md,
 * Outgoing requests.
 */
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { dropOldest } from '../lib/drop-oldest.ts';
import { type Cidr, embeddedIpv4, type IpAddress, inCidr, isGlobal, isNeverByName, parseIp } from './address.ts';
import { netFailure } from './failure.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** End of the detail of a refused address; a gap stores this text, not the code of the error. */
export const NOT_PUBLIC = 'not a public address';

const MAX_LITERALS = 256;

/** Resolves a name to all of its addresses. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** The system's resolver. */
export const systemResolve: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true, order: 'verbatim' }, (error, addresses) =>
      error ? reject(error) : resolve(addresses),
    );
  });

/** The rules of one `Net`. */
export class Guard {
  readonly #allow: readonly Cidr[];
  readonly #resolve: Resolve;
  /** Hosts of the last URLs as addresses; undefined: names. A source requests from the same few. */
  readonly #literals = new Map<string, IpAddress | undefined>();

  constructor(allow: readonly Cidr[], resolve: Resolve) {
    this.#allow = allow;
    this.#resolve = resolve;
  }

  #mayReach(address: IpAddress): boolean {
    if (isGlobal(address)) return true;
    const inner = embeddedIpv4(address);
    return this.#allow.some((range) => inCidr(address, range) || (inner !== undefined && inCidr(inner, range)));
  }

  /**
   * Checks the URL: scheme, user name, literal address.
   *
   * @param trusted whether an administrator configured the host
   * @throws OxbowError `address-refused`
   */
  checkUrl(url: URL, trusted: boolean): void {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw netFailure('url', `oxbow speaks http and https, not ${url.protocol.slice(0, 20)}.`);
    }
    if ((url.username !== '' || url.password !== '') && !trusted) {
      throw netFailure('url', `A user name or password in the address of ${url.host} is not accepted.`);
    }
    const { hostname } = url;
    if (!this.#literals.has(hostname)) {
      this.#literals.set(hostname, parseIp(hostname));
      dropOldest(this.#literals, MAX_LITERALS);
    }
    const literal = this.#literals.get(hostname);
    if (literal) this.checkLiteral(hostname, literal, trusted);
  }

  /**
   * Checks an address that is written as one.
   *
   * @param text the address, for the message
   * @param trusted whether an administrator configured it
   * @throws OxbowError `address-refused`
   */
  checkLiteral(text: string, address: IpAddress, trusted: boolean): void {
    if (!trusted && !this.#mayReach(address)) throw netFailure('address', `${text} is ${NOT_PUBLIC}.`);
  }

  /**
   * A `lookup` for node:net that returns only allowed addresses. The checked address is the one connected to,
   * so a name that changes its address between two lookups gains nothing. One refused address refuses the
   * name.
   */
  lookup(trusted: boolean): LookupFunction {
    return (hostname, options, callback) => {
      this.#resolve(hostname).then(
        (addresses) => {
          const wanted =
            options.family === 4 || options.family === 6
              ? addresses.filter((a) => a.family === options.family)
              : addresses;
          const refused = wanted.find(({ address }) => {
            const ip = parseIp(address);
            return !ip || (trusted ? isNeverByName(ip) && !this.#mayReach(ip) : !this.#mayReach(ip));
          });
          if (refused) {
            const error = netFailure('address', `${hostname} leads to ${refused.address}, which is ${NOT_PUBLIC}.`);
            callback(error, '', 0);
            return;
          }
          const first = wanted[0];
          if (!first) {
            callback(Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' }), '', 0);
          } else if (options.all) {
            callback(
              null,
              wanted.map(({ address, family }) => ({ address, family })),
            );
          } else {
            callback(null, first.address, first.family);
          }
        },
        (error) => callback(error, '', 0),
      );
    };
  }
}
