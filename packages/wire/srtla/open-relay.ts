/**
 * Opens both ends of the relay of bonded senders: the port with the links, and each process that takes
 * groups.
 * In: where to listen; the port of the relay. Out: sockets, of which those between the ends are on the
 * loopback address and take datagrams only of each other.
 */
import type { SrtListener } from '../srt/srt.ts';
import { microseconds, openUdp } from '../udp.ts';
import type { SavedGroup, SrtlaStats } from './receiver.ts';
import { SrtlaRelay } from './relay.ts';
import { RelayedGroups } from './relayed-groups.ts';

/** Other programs may have the same ports at other addresses, and send from there. */
const LOOPBACK = '127.0.0.1';

interface OpenRelayOptions {
  /** Local IP address to bind. */
  readonly address: string;
  /** UDP port; 0 picks a free one. */
  readonly port: number;
  /** Groups with an SRT connection at a time, over all processes. */
  readonly maxGroups: number;
  /** Names of the processes, the first one first. */
  readonly names: readonly string[];
  /** Groups of the one that had the port a moment ago. */
  readonly restored: readonly SavedGroup[];
  /**
   * Called after datagrams and every 10 ms while there are groups. @returns whether to call it again without
   * either
   */
  onTick(stats: Readonly<SrtlaStats>): boolean;
  /** Called with errors of the sockets and with bugs; the relay continues. */
  onError(error: unknown): void;
}

export interface OpenRelay extends Pick<SrtlaRelay, 'attach' | 'detach' | 'move' | 'save'> {
  /** Of the links. */
  readonly port: number;
  /** From here processes get datagrams, and here they answer. */
  readonly relayPort: number;
  /** Closes the sockets. May be called twice. */
  close(): Promise<void>;
}

/**
 * Binds the port.
 *
 * @throws the error of the system when the port cannot be bound (`EADDRINUSE`, `EACCES`)
 */
export async function openRelay(options: OpenRelayOptions): Promise<OpenRelay> {
  const { address, port, restored, onTick, onError } = options;
  const relay = new SrtlaRelay(options, {
    now: microseconds,
    transmit: (packet, to, toPort) => links.transmit(packet, to, toPort),
    pass: (datagram, toPort) => processes.transmit(datagram, LOOPBACK, toPort),
  });
  /** A bug must not end what all processes depend on. */
  const guarded = <T>(run: () => T): T | undefined => {
    try {
      return run();
    } catch (error) {
      onError(error);
      return undefined;
    }
  };
  const processes = await openUdp({ address: LOOPBACK, port: 0 }, undefined, {
    receive: (datagram, from, fromPort) => from === LOOPBACK && guarded(() => relay.receiveAnswer(datagram, fromPort)),
    tick: () => false,
    onError,
  });
  let links: Awaited<ReturnType<typeof openUdp>>;
  try {
    links = await openUdp({ address, port }, undefined, {
      receive: (packet, from, fromPort) => guarded(() => relay.receive(packet, from, fromPort)),
      tick: () =>
        guarded(() => {
          const isBusy = relay.tick();
          return onTick(relay.stats) || isBusy;
        }) ?? true,
      onError,
    });
  } catch (error) {
    await processes.close();
    throw error;
  }
  relay.restore(restored);
  return {
    port: links.port,
    relayPort: processes.port,
    attach: (process, toPort) => relay.attach(process, toPort),
    detach: (process) => relay.detach(process),
    move: (from, group, to) => relay.move(from, group, to),
    save: () => relay.save(),
    async close() {
      await Promise.all([links.close(), processes.close()]);
    },
  };
}

interface OpenRelayedOptions {
  /** Where the relay is on the loopback address. */
  readonly relayPort: number;
  /** Groups with an SRT connection at a time. */
  readonly maxGroups: number;
  readonly listener: Pick<SrtListener, 'receiveThrough' | 'closeThrough'>;
  /** A group is to be moved to the process of that name. */
  move(group: number, process: string): void;
  onError(error: unknown): void;
}

/** The end of a process. */
interface OpenRelayed {
  /** Where it takes datagrams of the relay. */
  readonly port: number;
  /** Ends all groups with their connections, and closes the socket. May be called twice. */
  close(): Promise<void>;
}

/** Opens the end of a process, in front of its SRT listener. */
export async function openRelayedGroups(options: OpenRelayedOptions): Promise<OpenRelayed> {
  const { relayPort, maxGroups, listener, move, onError } = options;
  const groups = new RelayedGroups(
    {
      maxGroups,
      move,
      receive: (channel, packet) => listener.receiveThrough(channel, packet),
      dropped: (channel) => listener.closeThrough(channel),
    },
    { now: microseconds, answer: (datagram) => socket.transmit(datagram, LOOPBACK, relayPort) },
  );
  const socket = await openUdp({ address: LOOPBACK, port: 0 }, undefined, {
    receive: (datagram, from, port) => from === LOOPBACK && port === relayPort && groups.receive(datagram),
    tick: () => groups.tick(),
    onError,
  });
  return {
    port: socket.port,
    close() {
      groups.close();
      return socket.close();
    },
  };
}
