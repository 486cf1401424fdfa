/**
 * E-mail addresses that users enter: one plain address, nothing that a header could be made of.
 * In: text. Out: the address, or undefined. RFC 5321 4.1.2 (Dot-string), 4.5.3.1; RFC 5891 for names of
 * hosts.
 */
import { domainToASCII } from 'node:url';

/** RFC 5321 4.5.3.1.3: a path has 256 octets with its brackets. */
const MAX_LENGTH = 254;
const MAX_LOCAL = 64;
const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const HOST = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/;

/** Reads an address: in ASCII, the host in lower case and as it is in DNS; undefined for anything else. */
export function readEmail(text: string): string | undefined {
  const input = text.trim();
  const at = input.lastIndexOf('@');
  const local = input.slice(0, Math.max(0, at));
  if (input.length > MAX_LENGTH || local.length > MAX_LOCAL || !LOCAL.test(local)) return undefined;
  const name = input.slice(at + 1);
  if (/[^\p{L}\p{N}\p{M}.-]/u.test(name)) return undefined;
  const host = domainToASCII(name).toLowerCase();
  const address = `${local}@${host}`;
  return HOST.test(host) && address.length <= MAX_LENGTH ? address : undefined;
}
