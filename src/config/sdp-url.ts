/**
 * Parses the address of media that an SDP file on this computer describes:
 * `sdp:///etc/oxbow/studio.sdp?sender=10.0.0.5`.
 * In: text of settings and the API. Out: the file, the accepted senders, the network interface.
 * docs/3-publish/rtp.md.
 */
import { FormatError } from '@oxbow/media/errors';
import { networks } from './option.ts';
import { interfaceOf } from './udp-url.ts';

const SCHEME = 'sdp://';
const EXAMPLE = 'sdp:///etc/oxbow/studio.sdp';
const readNetworks = networks('');

/** Where the description is, and the sender of its media. */
export interface SdpAddress {
  /** Path of the file. */
  readonly path: string;
  /** Networks of accepted senders; empty: the first sender. */
  readonly senders: readonly string[];
  /** Name or address of the network interface that joins a multicast group; undefined: the system chooses. */
  readonly networkInterface: string | undefined;
}

/** Whether a text is such an address. */
export function isSdpUrl(text: string): boolean {
  return text.trim().toLowerCase().startsWith(SCHEME);
}

/**
 * Parses the address.
 *
 * @throws FormatError without a file, or with an unknown parameter
 */
export function parseSdpUrl(text: string): SdpAddress {
  const [path = '', query = ''] = text.trim().slice(SCHEME.length).split('?', 2);
  if (path === '' || path.includes('\0')) throw new FormatError(`an SDP source needs a file; write ${EXAMPLE}`, 0);
  const senders: string[] = [];
  let networkInterface: string | undefined;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'sender') senders.push(...value.split(',').filter((item) => item !== ''));
    else if (name === 'interface') networkInterface = interfaceOf(value);
    else throw new FormatError(`unknown parameter "${name.slice(0, 40)}"; SDP sources have sender and interface`, 0);
  }
  return { path, senders: readNetworks.parse(senders), networkInterface };
}
