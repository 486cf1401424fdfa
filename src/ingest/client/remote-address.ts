/**
 * The IP address of a client that a protocol server reports.
 * In: `address:port`. Out: the address. Pure.
 */

/**
 * The address of `192.0.2.1:5000`, `[2001:db8::1]:5000` or `2001:db8::1:5000`; an IPv4 address in its IPv6
 * form is returned as IPv4.
 */
export function addressOf(remote: string): string {
  const address = remote.replace(/:\d{1,5}$/, '').replace(/^\[|\]$/g, '');
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
