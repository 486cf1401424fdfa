/**
 * Decides whether oxbow may connect somewhere: before the request by the URL, and at the moment of connecting by the address.
 * In: URLs of every hop, answers of the resolver. Out: leave, or a refusal. docs/architecture.md, Outgoing requests.
 */
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { type Cidr, embeddedIpv4, type IpAddress, inCidr, isGlobal, isNeverByName, parseIp } from './address.ts';
import { netFailure } from './failure.ts';

/** An answer of a resolver. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** How the sentence about a refused address ends; a gap keeps the sentence, not the code of the error. */
export const NOT_PUBLIC = 'not a public address';

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
   * Checks what the URL alone tells: scheme, user name, literal address.
   *
   * @param trusted the host is the one an administrator named
   * @throws OxbowError `address-refused`
   */
  checkUrl(url: URL, trusted: boolean): void {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw netFailure('url', `oxbow speaks http and https, not ${url.protocol.slice(0, 20)}`);
    }
    if ((url.username !== '' || url.password !== '') && !trusted) {
      throw netFailure('url', `a user name or password in the address of ${url.host} is not accepted`);
    }
    const literal = parseIp(url.hostname);
    if (literal && !trusted && !this.#mayReach(literal)) {
      throw netFailure('address', `${url.hostname} is ${NOT_PUBLIC}`);
    }
  }

  /**
   * A `lookup` for node:net that gives only addresses that may be reached: what was checked is what is connected to, so a name
   * that changes its answer between two questions gains nothing. One refused answer refuses the name.
   */
  lookup(trusted: boolean): LookupFunction {
    return (hostname, options, callback) => {
      this.#resolve(hostname).then(
        (all) => {
          const wanted =
            options.family === 4 || options.family === 6 ? all.filter((a) => a.family === options.family) : all;
          const refused = wanted.find(({ address }) => {
            const ip = parseIp(address);
            return !ip || (trusted ? isNeverByName(ip) && !this.#mayReach(ip) : !this.#mayReach(ip));
          });
          if (refused) {
            const error = netFailure('address', `${hostname} leads to ${refused.address}, which is ${NOT_PUBLIC}`);
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
