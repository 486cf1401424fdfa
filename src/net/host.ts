/**
 * Addresses of hosts for connections other than HTTP: relays, SRT.
 * In: a host name or address of a URL, a port. Out: checked addresses, to which the caller connects; the name
 * is not resolved again. docs/architecture.md, Outgoing requests.
 */
import { waitFor } from '../lib/abort.ts';
import { messageOf } from '../lib/errors.ts';
import { parseIp } from './address.ts';
import { netFailure } from './failure.ts';
import type { Guard, ResolvedAddress } from './guard.ts';

const MAX_HOST = 255;

/** Options of `resolveHost`. */
export interface HostRequest {
  readonly signal: AbortSignal;
  /** An administrator configured the host: it is allowed even if private. */
  readonly trusted: boolean;
}

/** A host that may be connected to. */
export interface CheckedHost {
  /** As configured, without brackets: for the name of TLS and for messages. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** All checked addresses in the order of the resolver, one or more; none is a name. */
  readonly addresses: readonly ResolvedAddress[];
}

/**
 * Resolves a host once and checks every address.
 *
 * @param host as in a URL: a name, an IPv4 address in any spelling, an IPv6 address with or without brackets
 * @throws OxbowError `address-refused` for an address that is not allowed, `source-failed` where the name has
 *   none; the signal's reason
 */
export async function resolveHost(
  guard: Guard,
  host: string,
  port: number,
  { signal, trusted }: HostRequest,
): Promise<CheckedHost> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw netFailure('url', `${port} is not a port.`);
  const name = normalized(host);
  const literal = parseIp(name);
  if (literal) {
    guard.checkLiteral(name, literal, trusted);
    return { host: name, port, addresses: [{ address: name, family: literal.length === 4 ? 4 : 6 }] };
  }
  const addresses = await waitFor(resolved(guard, name, trusted), { signal });
  return { host: name, port, addresses };
}

function resolved(guard: Guard, name: string, trusted: boolean): Promise<readonly ResolvedAddress[]> {
  return new Promise((resolve, reject) => {
    guard.lookup(trusted)(name, { all: true }, (error, addresses) => {
      const code = (error as { code?: unknown } | null)?.code;
      if (!error) resolve(addresses as ResolvedAddress[]);
      else if (code === 'address-refused') reject(error);
      else reject(netFailure('resolve', `The name ${name} cannot be resolved (${code ?? messageOf(error)}).`, error));
    });
  });
}

/**
 * The host as HTTP spells it: addresses like 0x7f.1 become 127.0.0.1, so that they count as addresses, not as
 * names.
 *
 * @throws OxbowError `address-refused` for text that is no host
 */
function normalized(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const bracketed = bare.includes(':') ? `[${bare.replace(/%.*$/, '')}]` : bare;
  const isHost = bare !== '' && bare.length <= MAX_HOST && !/[\s/?#@\\]/.test(bare);
  const url = isHost ? URL.parse(`http://${bracketed}/`) : null;
  if (!url || url.hostname === '' || url.port !== '') throw netFailure('url', 'This is not a host name.');
  return url.hostname.replace(/^\[|\]$/g, '');
}
