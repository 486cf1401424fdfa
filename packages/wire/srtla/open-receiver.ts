/**
 * Opens an SRTLA receiver: bonded senders on one UDP port, in front of an SRT listener of the same process.
 * In: where to listen, the listener. Out: its channels; counters.
 */
import type { SrtListener } from '../srt/srt.ts';
import { microseconds, openUdp } from '../udp.ts';
import { type SavedGroup, SrtlaReceiver, type SrtlaStats } from './receiver.ts';

interface OpenReceiverOptions {
  /** Local IP address to bind. */
  readonly address: string;
  /** UDP port; 0 picks a free one. */
  readonly port: number;
  /** Groups with an SRT connection at a time. */
  readonly maxGroups: number;
  /** Groups of the one that had the port a moment ago. */
  readonly restored?: readonly SavedGroup[];
  readonly listener: Pick<SrtListener, 'receiveThrough' | 'closeThrough'>;
  /** Called with errors of the socket; the receiver continues. */
  onError?(error: unknown): void;
}

interface OpenReceiver {
  readonly port: number;
  /** Counters. The object is updated in place. */
  readonly stats: Readonly<SrtlaStats>;
  /** The groups now, for the one that follows. */
  save(): SavedGroup[];
  /** Ends all groups with their connections, and closes the socket. May be called twice. */
  close(): Promise<void>;
}

/**
 * Binds the port.
 *
 * @throws the error of the system when the port cannot be bound (`EADDRINUSE`, `EACCES`)
 */
export async function openSrtlaReceiver(options: OpenReceiverOptions): Promise<OpenReceiver> {
  const { address, port, maxGroups, restored = [], listener } = options;
  const receiver = new SrtlaReceiver(
    {
      maxGroups,
      receive(link, packet) {
        link.group.note(link, packet);
        listener.receiveThrough(link.group, packet);
      },
      dropped: (group) => listener.closeThrough(group),
    },
    { now: microseconds, transmit: (packet, to, toPort) => socket.transmit(packet, to, toPort) },
  );
  const socket = await openUdp({ address, port }, undefined, {
    receive: (packet, from, fromPort) => receiver.receive(packet, from, fromPort),
    tick: () => receiver.tick(),
    onError: (error) => options.onError?.(error),
  });
  receiver.restore(restored);
  return {
    port: socket.port,
    save: () => receiver.save(),
    stats: receiver.stats,
    close() {
      receiver.close();
      return socket.close();
    },
  };
}
