/**
 * Finds the user who owns the other end of a loopback connection, on systems that expose it.
 * In: the addresses of a connection, /proc/net/tcp and tcp6 (Linux, proc(5)). Out: a user id. Pure but for
 * reading these two files.
 */
import { readFile } from 'node:fs/promises';
import { isIPv4, type Socket } from 'node:net';
import { isLinux, ownUid } from '../../lib/platform.ts';

/** Both ends of a TCP connection, as this process sees them. */
export interface ConnectionEnds {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** The ends of a socket; empty addresses and port 0 after the connection is closed. */
export function endsOf(socket: Pick<Socket, keyof ConnectionEnds>): ConnectionEnds {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
  return { remoteAddress, remotePort, localAddress, localPort };
}

const ESTABLISHED = '01';

/**
 * The user who owns the peer's socket.
 *
 * @param table text of /proc/net/tcp or /proc/net/tcp6
 * @returns a user id; undefined if the table has no such connection
 */
export function findOwner(table: string, ends: ConnectionEnds): number | undefined {
  // The local end of the peer's socket is the remote end of this one.
  const forms = [false, true].map((mapped) => ({
    own: printEnd(ends.remoteAddress, ends.remotePort, mapped),
    other: printEnd(ends.localAddress, ends.localPort, mapped),
  }));
  for (const line of table.split('\n')) {
    const [, local, remote, state, , , , uid] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED || !forms.some((form) => form.own === local && form.other === remote)) continue;
    if (/^\d{1,10}$/.test(uid ?? '')) return Number(uid);
  }
  return undefined;
}

/**
 * Whether the other end of a loopback connection belongs to the user that this process runs as.
 *
 * @returns undefined if unknown: not Linux, or /proc cannot be read
 */
export async function isOwnConnection(ends: ConnectionEnds): Promise<boolean | undefined> {
  if (!isLinux) return undefined;
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readTable(`/proc/net/${name}`)));
  const owners = tables.map((table) => (table === undefined ? undefined : findOwner(table, ends)));
  const owner = owners.find((uid) => uid !== undefined);
  return owner === undefined ? undefined : owner === ownUid;
}

/** Undefined if the file does not exist: without IPv6 there is no second table. */
async function readTable(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** `0100007F:1F90`: 32-bit words in the byte order of the machine, the port in network order. */
function printEnd(address: string, port: number, mapped: boolean): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  const bytes = isIPv4(plain) ? plain.split('.').map(Number) : bytesOfIPv6(plain);
  const fullBytes = mapped && bytes.length === 4 ? [...new Array<number>(10).fill(0), 255, 255, ...bytes] : bytes;
  let hex = '';
  for (let word = 0; word < fullBytes.length; word += 4) {
    for (let i = 3; i >= 0; i--) hex += (fullBytes[word + i] ?? 0).toString(16).padStart(2, '0');
  }
  return `${hex}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

/** Bytes of `::1`. Other addresses give none, which matches no row. */
function bytesOfIPv6(address: string): number[] {
  return address === '::1' ? [...new Array<number>(15).fill(0), 1] : [];
}
