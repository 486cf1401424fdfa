/**
 * Recognizes relays that would feed a stream to itself.
 * In: the ports on which oxbow accepts publishers, addresses of targets. Out: an error for a loop.
 */
import { networkInterfaces } from 'node:os';
import type { PublishPorts } from '../../api/publish/publish-address.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { RelayTarget } from './target.ts';

/** Loopback and unspecified addresses; IPv4 within IPv6 too. */
const LOCAL = /^(?:::ffff:)?(?:127\.|0\.0\.0\.0$)|^::1?$|^localhost$/i;

/** How stream keys begin. */
const KEY_PREFIX = 'ok_';

/** The addresses of this computer. */
export class OwnAddresses {
  readonly #ports: PublishPorts;
  readonly #addresses: () => ReadonlySet<string>;

  /** @param addresses of this computer; those of its interfaces by default */
  constructor(ports: PublishPorts, addresses: () => ReadonlySet<string> = ownAddresses) {
    this.#ports = ports;
    this.#addresses = addresses;
  }

  /**
   * @param stream name of the stream that is relayed
   * @param address of the target, as it is connected to
   * @throws OxbowError `relay-loop` if the target is the same stream of this process
   */
  refuseLoop(stream: string, { protocol, port, names }: RelayTarget, address: string): void {
    if (port !== this.#ports[protocol === 'whip' ? 'http' : protocol]) return;
    if (!LOCAL.test(address) && !this.#addresses().has(address)) return;
    // A key alone does not say which stream it is for: it could be this one.
    const isSame = names.some((name) => name === stream || name.startsWith(KEY_PREFIX)) && !isOther(names, stream);
    if (!isSame) return;
    throw new OxbowError('relay-loop', `The target is this oxbow: ${stream} would be its own source.`);
  }
}

/** Whether the first part is the name of another stream, and the key follows it. */
function isOther([first = '', second]: readonly string[], stream: string): boolean {
  const name = first === 'publish' ? second : first;
  return name !== undefined && name !== stream && !name.startsWith(KEY_PREFIX);
}

function ownAddresses(): ReadonlySet<string> {
  return new Set(
    Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address)),
  );
}
