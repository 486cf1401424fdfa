/**
 * Links that open on the computer of the server only, because they name a loopback address.
 * In: links, or texts with one. Out: what Copy, Share and Invite say about them. Pure.
 */

/**
 * Whether an address accepts connections from the computer of the server only (RFC 6890 2.2; RFC 6761 6.3).
 */
export function isLoopback(address: string): boolean {
  const host = URL.parse(address.replace(/^\w+:/, 'http:'))?.hostname ?? '';
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\./.test(host);
}

/** Whether the first link of a text, such as the code of an `iframe`, opens on this computer only. */
export function opensHereOnly(text: string): boolean {
  const link = /https?:\/\/[^\s"'<>]+/.exec(text)?.[0];
  return link !== undefined && isLoopback(link);
}
