/**
 * Whose request it is, where proxies stand in between: the first address, from our end, that no trusted proxy has.
 * In: the address of the connection, X-Forwarded-For. Out: an address. Forged entries stand left of it and are never reached.
 */
import { BlockList, isIP } from 'node:net';

/** Proxies on this computer; a forged header from here can only come from here. */
const loopback = ['127.0.0.0/8', '::1'];

/** Tells the client's address from that of the connection and the value of X-Forwarded-For, or what forwarded.ts reads. */
export type ClientAddress = (remoteAddress: string, forwardedFor: string | readonly string[] | undefined) => string;

/**
 * Whether an address is that of a proxy which is believed.
 *
 * @param trusted networks (`10.0.0.0/8`) and addresses; those of this computer always are
 */
export function createProxyCheck(trusted: readonly string[]): (address: string) => boolean {
  const proxies = new BlockList();
  for (const network of [...loopback, ...trusted]) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(bits), family);
  }
  return (given) => {
    const address = plain(given);
    return proxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  };
}

/** @param trusted networks (`10.0.0.0/8`) and addresses of proxies whose header is believed; those of this computer always are */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const isProxy = createProxyCheck(trusted);
  return (remoteAddress, forwardedFor) => {
    let client = plain(remoteAddress);
    if (forwardedFor === undefined || !isProxy(client)) return client;
    for (const given of String(forwardedFor).split(',').reverse()) {
      const address = plain(given);
      if (isIP(address) === 0) return client;
      client = address;
      if (!isProxy(client)) return client;
    }
    return client;
  };
}

/** Without a port, brackets, and the form that IPv4 has on IPv6 sockets. */
function plain(given: string): string {
  const address = given.trim().replace(/^::ffff:(?=\d+\.)/i, '');
  return /^\[([^\]]+)\](?::\d+)?$/.exec(address)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(address)?.[1] ?? address;
}
