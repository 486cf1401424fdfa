/**
 * Types of SRT connections, listeners and callers in live mode.
 * In: used by wire/srt, by ingest/srt and by relay. Out: types only.
 * draft-sharabayko-srt-01.
 */
import type { SrtRejectReason } from './rejection.ts';

/** Length of an AES key, bytes. */
export type SrtKeyLength = 16 | 24 | 32;

/**
 * The way of one caller's datagrams where it is not the listener's socket: several network links that are
 * bonded.
 */
export interface SrtChannel {
  /** Unique among the channels of a listener. */
  readonly name: string;
  /** Address and port that are shown for the caller, verified by the owner of the channel. */
  readonly address: string;
  readonly port: number;
  /** Whether it may have another connection. */
  readonly mayOpen: boolean;
  /** Sends a datagram to the caller. */
  transmit(packet: Uint8Array): void;
  /**
   * Takes the channel with its next packets to another process of this server. Undefined: there is none, or
   * it has come from one a moment ago.
   */
  readonly move?: ((process: string) => void) | undefined;
  /** A caller was accepted; its data packets have this destination. */
  opened(socketId: number): void;
  /** Its connection has ended. */
  closed(socketId: number): void;
  /** Figures of its links now. */
  links(): readonly SrtLink[];
}

/** Figures of one link of a channel. Counters only grow. */
export interface SrtLink {
  /** 1 and above; keeps its meaning while the channel exists. */
  readonly number: number;
  /** Whether it was heard in the last seconds. */
  readonly isUp: boolean;
  /** Round trip time, ms; undefined before the first measurement. */
  readonly rttMs: number | undefined;
  /** Bytes of SRT packets. */
  readonly bytes: number;
  /** Data packets that came over it, without those sent again. */
  readonly packets: number;
  /**
   * Data packets that were lost on it, repaired or not; an estimate with fractions, because a lost packet
   * does not say which link it took.
   */
  readonly lost: number;
}

/** What a caller sent in its handshake; its source address is verified by then. */
export interface SrtRequest {
  /** Stream id as the caller sent it, up to 512 bytes of UTF-8; empty if it sent none. Not validated. */
  readonly streamId: string;
  /** Address and port of the caller: `192.0.2.7:50123`, `[2001:db8::1]:50123`. */
  readonly remote: string;
  /** SRT version of the caller: `1.5.3`. */
  readonly peerVersion: string;
  /** Length of the AES key that the caller offers, bytes; 0 without encryption. */
  readonly encrypted: SrtKeyLength | 0;
  /** Another process of this computer has passed the caller on: it is not passed on again. */
  readonly isForwarded: boolean;
  /** The way of its datagrams, if it is not the listener's socket. */
  readonly channel: SrtChannel | undefined;
  /** Fires when the caller gave up waiting, or the listener closes. */
  readonly signal: AbortSignal;
}

/** A source of datagrams, as the socket names it. */
export interface SrtSource {
  readonly address: string;
  readonly port: number;
}

/** The way of one caller's datagrams to another process, which answers the caller from the same port. */
export interface SrtForwarding {
  /** Passes a datagram on; it may be lost, as in a network. */
  send(packet: Uint8Array): void;
  /** Nothing follows. */
  close(): void;
}

/** A caller that was rejected. */
export interface SrtRejection extends Pick<SrtRequest, 'streamId' | 'remote'> {
  readonly reason: SrtRejectReason;
}

/** The answer to a request. */
export type SrtAnswer =
  | { readonly reject: SrtRejectReason }
  /**
   * Everything that the caller sends from now on is passed on; its handshake too, when it repeats it. A
   * channel passes itself on: the result is closed at once.
   */
  | { readonly forward: (caller: SrtSource) => SrtForwarding }
  | {
      /**
       * Passphrase of the connection, 10 to 80 bytes of UTF-8. With a passphrase, callers without encryption
       * or with another passphrase are rejected; without one, callers with encryption are rejected.
       */
      readonly passphrase?: string | undefined;
      /**
       * Latency of this connection, ms, 0 to 65,535; the larger one of both sides applies. The listener's by
       * default.
       */
      readonly latencyMs?: number | undefined;
      /** Receives the connection, before its first packet; sets `onData`. */
      onConnection(connection: SrtConnection): void;
    };

/** When a sender changes its key, in packets. */
export interface SrtKeyRefresh {
  /** Packets sent with one key. 2^24 by default, as in libsrt. */
  readonly afterPackets: number;
  /**
   * How many packets before the change the next key is announced, and after it the old one is dropped; at
   * most half of `afterPackets`. 4,096 by default.
   */
  readonly announcePackets: number;
}

/** Options of both sides. */
interface SrtOptions {
  /** Latency, ms, 0 to 65,535: how long a lost packet may take to be repaired. 120 by default. */
  readonly latencyMs?: number | undefined;
  /** Bound of each connection's receive buffer and of its send buffer, packets. 8,192 by default. */
  readonly maxPackets?: number | undefined;
  /**
   * Bound of each connection's receive buffer and of its send buffer, bytes of payload. 12 MiB by default.
   */
  readonly maxBytes?: number | undefined;
  /** Sending rate limit, bytes per second; by default the rate of the input and a quarter more. */
  readonly maxBytesPerSecond?: number | undefined;
  /** A connection without packets from the peer ends after this time, ms. 5,000 by default. */
  readonly idleMs?: number | undefined;
  /** When this side changes the key that it sends with. */
  readonly keyRefresh?: SrtKeyRefresh | undefined;
}

export interface SrtListenerOptions extends SrtOptions {
  /** Local IP address to bind. */
  readonly address: string;
  /** UDP port; 0 picks a free one. */
  readonly port: number;
  /** File descriptor of a socket that is bound there already. */
  readonly fd?: number | undefined;
  /** Connections at a time; further callers are rejected with `backlog`. 25 by default. */
  readonly maxConnections?: number | undefined;
  /**
   * Decides about a caller. Called once for each caller with a valid cookie, not for its repeated handshakes.
   * An error it throws rejects the caller with `server-error`, and is passed to `onError`.
   */
  accept(request: SrtRequest): SrtAnswer | Promise<SrtAnswer>;
  /**
   * Called for each caller that the listener itself rejects: too many connections, a wrong passphrase, an
   * unsupported mode.
   */
  onRejected?(rejection: SrtRejection): void;
  /** Called with errors of `accept`, of owners of connections and of the socket; the listener continues. */
  onError?(error: unknown): void;
}

/** An open listener. */
export interface SrtListener extends AsyncDisposable {
  /** UDP port it is bound to. */
  readonly port: number;
  /** Counters of the listener. The object is updated in place. */
  readonly stats: Readonly<SrtListenerStats>;
  /**
   * Takes a datagram of a caller that another process has passed on. Its address is verified: it needs no
   * cookie of this listener.
   */
  receiveForwarded(packet: Uint8Array, caller: SrtSource): void;
  /** Takes a datagram that came through a channel; answers leave through it too. */
  receiveThrough(channel: SrtChannel, packet: Uint8Array): void;
  /** Shuts the connections of a channel down. */
  closeThrough(channel: SrtChannel): void;
  /** Shuts all connections down and closes the socket. May be called twice. */
  close(): Promise<void>;
}

/** Counters of a listener; all count from 0. */
export interface SrtListenerStats {
  /** Open connections, now. */
  connections: number;
  /** Callers that `accept` is deciding about, now. */
  pending: number;
  /** Connections opened. */
  accepted: number;
  /** Callers rejected. */
  rejected: number;
  /** Callers that are passed on to other processes, now. */
  forwarded: number;
  /** Handshakes answered without state (cookies sent). */
  inductions: number;
  /** Handshakes ignored: malformed, wrong cookie, too many at a time. */
  ignoredHandshakes: number;
  /** Other packets ignored: malformed, unknown connection, or not from its peer's address. */
  ignoredPackets: number;
}

export interface SrtCallerOptions extends SrtOptions {
  /** IP address of the listener; names are resolved by the caller of this function. */
  readonly address: string;
  /** UDP port of the listener. */
  readonly port: number;
  /** Stream id, at most 512 bytes of UTF-8. None by default. */
  readonly streamId?: string | undefined;
  /** Passphrase, 10 to 80 bytes of UTF-8; without it, the connection is not encrypted. */
  readonly passphrase?: string | undefined;
  /** Length of the AES key, bytes. 16 by default. */
  readonly keyLength?: SrtKeyLength | undefined;
  /** Limit of the handshake, ms. 3,000 by default. */
  readonly connectMs?: number | undefined;
  /** Ends the handshake; later it closes the connection. */
  readonly signal: AbortSignal;
}

/** An open connection; media flows in both directions. */
export interface SrtConnection {
  /** Address and port of the peer. */
  readonly remote: string;
  /** Stream id of the handshake; empty if there was none. */
  readonly streamId: string;
  /** SRT version of the peer: `1.5.3`. */
  readonly peerVersion: string;
  /** Latency in receiving direction that both sides agreed on, ms. */
  readonly latencyMs: number;
  /**
   * Set by the owner; called synchronously with each payload, in order. The bytes may be kept and are never
   * changed. If it throws, the connection closes.
   */
  onData: (payload: Uint8Array) => void;
  /** Set by the owner if it wants to know: `packets` were lost for good before the next payload. */
  onLoss: (packets: number) => void;
  /**
   * Queues one packet. The bytes are copied.
   *
   * @param payload 1 to 1,456 bytes, usually 7 MPEG-TS packets (1,316 bytes)
   * @returns false when the packet was dropped: the connection is closed, or its send buffer is full
   */
  send(payload: Uint8Array): boolean;
  /** Figures of this moment. */
  stats(): SrtStats;
  /** Sends a shutdown and closes; packets that are not sent yet are lost. May be called twice. */
  close(): void;
  /**
   * Resolves with the reason when the connection has ended: `closed`, `closed by the peer`, `no packets for 5
   * s`. Never rejects.
   */
  readonly closed: Promise<string>;
}

/** Figures of a connection. Counters count packets since its start unless stated otherwise. */
export interface SrtStats {
  /** Smoothed round-trip time, ms. */
  rttMs: number;
  /** Variance of the round-trip time, ms. */
  rttVarianceMs: number;
  /** Latency in receiving direction, ms. */
  latencyMs: number;
  /** Latency in sending direction, ms. */
  peerLatencyMs: number;
  /** Received packets, without duplicates. */
  received: number;
  /** Received payload, bytes. */
  receivedBytes: number;
  /** Payload received in the last second, bits per second. */
  receiveBitrate: number;
  /** Sequence numbers that were missing when a later one arrived, repaired or not. */
  lost: number;
  /** Of these: packets that arrived later. */
  recovered: number;
  /** Of these: packets that came only because they were sent again. The others were out of order. */
  repaired: number;
  /** Of the missing packets: packets given up at their deadline, and packets that the sender dropped. */
  dropped: number;
  /** Received packets that were retransmissions. */
  retransmittedReceived: number;
  /** Received packets that were there before, or came after their deadline. */
  duplicates: number;
  /** Received packets that could not be decrypted. */
  undecryptable: number;
  /** Packets dropped because the receive buffer was full. */
  overflowed: number;
  /** Packets in the receive buffer, which wait for an earlier one. */
  bufferedPackets: number;
  /** Age of the oldest of these by the sender's timestamps, against the newest, ms. */
  bufferMs: number;
  /** Packets sent the first time. */
  sent: number;
  /** Their payload, bytes. */
  sentBytes: number;
  /** Payload queued in the last second, bits per second. */
  sendBitrate: number;
  /** Packets that the peer reported as lost. */
  sendLost: number;
  /** Packets sent again. */
  retransmitted: number;
  /** Packets dropped by the sender: too late, or the send buffer was full. */
  sendDropped: number;
  /** Packets sent and not yet acknowledged. */
  flight: number;
  sendBufferPackets: number;
  /** Age of the oldest packet in the send buffer, ms. */
  sendBufferMs: number;
  /** Receiving rate that the peer reported last, bits per second; 0 if unknown. */
  bandwidth: number;
  /** Reports of the peer about packets that were never sent. */
  invalidReports: number;
}
