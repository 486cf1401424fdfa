/**
 * Parses the address of an MPEG-TS feed over UDP, as ffmpeg and VLC write it:
 * `udp://@239.1.1.1:5000?interface=eth0&sender=10.0.0.5`.
 * In: text of settings and the API. Out: where oxbow receives, from which senders, and which program.
 */
import { isIP } from 'node:net';
import { FormatError } from '@oxbow/media/errors';
import { networks } from './option.ts';

const SCHEME = 'udp://';
const EXAMPLE = 'udp://0.0.0.0:5000 or udp://@239.1.1.1:5000';
/** Parameters of ffmpeg and VLC that have no meaning here. */
const IGNORED: ReadonlySet<string> = new Set([
  ...['buffer_size', 'fifo_size', 'overrun_nonfatal', 'pkt_size', 'reuse', 'timeout', 'ttl', 'connect', 'broadcast'],
]);
const MAX_PROGRAM = 0xffff;
const readNetworks = networks('');

/** Where a feed arrives. */
export interface UdpAddress {
  /** Local address or multicast group. */
  readonly address: string;
  readonly port: number;
  readonly isMulticast: boolean;
  /** Name or address of the network interface that joins the group; undefined: the system chooses. */
  readonly networkInterface: string | undefined;
  /** Networks of accepted senders; empty: the first sender. */
  readonly senders: readonly string[];
  /** Number of the program; undefined: the first with media. */
  readonly program: number | undefined;
}

/** Whether a text is the address of a feed over UDP. */
export function isUdpUrl(text: string): boolean {
  return text.trim().toLowerCase().startsWith(SCHEME);
}

/**
 * Parses the address.
 *
 * @throws FormatError for another form, a host name, or an unknown parameter
 */
export function parseUdpUrl(url: string): UdpAddress {
  const text = url.trim();
  const match = /^udp:\/\/(?:([^@/?#]*)@)?(\[[0-9A-Fa-f:.]+\]|[^:/?#[\]]*):(\d{1,5})\/?(?:\?([^#]*))?$/i.exec(text);
  if (!match) throw new FormatError(`"${text.slice(0, 200)}" is not an address for UDP; write ${EXAMPLE}`, 0);
  const [, source = '', host = '', portText = '', query = ''] = match;
  const address = host === '' ? '0.0.0.0' : host.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(address);
  if (family === 0) {
    const why = 'oxbow receives on a local address or a multicast group, not on a host name';
    throw new FormatError(`"${host.slice(0, 80)}" is not an IP address: ${why}; write ${EXAMPLE}`, 0);
  }
  const port = Number(portText);
  if (port < 1 || port > 65_535) throw new FormatError(`port ${portText} is not from 1 to 65535`, 0);
  const parameters = parameterMap(query);
  const senders = [...(source === '' ? [] : [source]), ...parameters.senders];
  return {
    address,
    port,
    isMulticast: isMulticast(address),
    networkInterface: parameters.networkInterface,
    senders: readNetworks.parse(senders),
    program: parameters.program,
  };
}

/** Whether an IP address is that of a multicast group (RFC 5771, RFC 4291 2.7). */
export function isMulticast(address: string): boolean {
  if (isIP(address) === 6) return /^ff/i.test(address);
  const first = Number(address.split('.')[0]);
  return first >= 224 && first <= 239;
}

interface Parameters {
  networkInterface: string | undefined;
  senders: string[];
  program: number | undefined;
}

function parameterMap(query: string): Parameters {
  const parameters: Parameters = { networkInterface: undefined, senders: [], program: undefined };
  for (const [name, value] of new URLSearchParams(query)) {
    switch (name) {
      case 'interface':
      case 'localaddr':
        parameters.networkInterface = interfaceOf(value);
        break;
      case 'sender':
      case 'sources':
        parameters.senders.push(...value.split(',').filter((item) => item !== ''));
        break;
      case 'program':
        parameters.program = programOf(value);
        break;
      default:
        if (IGNORED.has(name)) break;
        throw new FormatError(
          `unknown parameter "${name.slice(0, 40)}"; UDP sources have interface, sender and program`,
          0,
        );
    }
  }
  return parameters;
}

/**
 * Checks the name or the address of a network interface.
 *
 * @throws FormatError
 */
export function interfaceOf(text: string): string {
  if (isIP(text) !== 0 || /^[A-Za-z0-9_.:-]{1,64}$/.test(text)) return text;
  throw new FormatError(`"${text.slice(0, 64)}" is not a network interface; write its name or its address`, 0);
}

/**
 * Parses the number of a program, 1 to 65535.
 *
 * @throws FormatError
 */
export function programOf(text: string): number {
  const program = Number(text);
  if (/^\d{1,5}$/.test(text) && program >= 1 && program <= MAX_PROGRAM) return program;
  throw new FormatError(`"${text.slice(0, 40)}" is not a program number from 1 to ${MAX_PROGRAM}`, 0);
}
