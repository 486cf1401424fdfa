/**
 * The listening side: answers handshakes, and passes packets to the connections of all callers on one port.
 * In: datagrams with their source, a tick every 10 ms. Out: datagrams; connections for the owner.
 * draft-sharabayko-srt-01 4.3.1. It knows no socket and no timer.
 *
 * Nothing is kept about a caller before it returned the cookie, and no answer before that is larger than its
 * request.
 */
import { randomInt } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import { ProtocolConnection } from '../connection/connection.ts';
import { SrtEncryption } from '../encryption/encryption.ts';
import {
  HANDSHAKE_BYTES,
  type Handshake,
  handshakeType,
  parseHandshake,
  printHandshake,
  printVersion,
  SRT_MAGIC,
} from '../packet/handshake.ts';
import {
  control,
  controlType,
  destinationOf,
  HEADER_BYTES,
  isControl,
  readU32,
  timestampOf,
  writeControlHeader,
} from '../packet/header.ts';
import { keyState } from '../packet/key-material.ts';
import { type SrtRejectReason, srtRejections } from '../rejection.ts';
import type {
  SrtAnswer,
  SrtChannel,
  SrtForwarding,
  SrtKeyLength,
  SrtListenerOptions,
  SrtListenerStats,
  SrtSource,
} from '../srt.ts';
import { Cookies } from './cookie.ts';
import { ForwardedCallers } from './forwarded-callers.ts';
import { agree, defaults, MTU, ownParameters, printPeerAddress, refuseConclusion } from './negotiate.ts';
import { SecretLimiter } from './secret-limiter.ts';

/** How a listener reaches the network and the time. */
interface ListenerNetwork {
  /** µs of a clock that never steps, above 0. */
  now(): number;
  /** Sends a datagram. */
  transmit(packet: Uint8Array, address: string, port: number): void;
}

/** Answers to inductions in 10 ms: 10,000 a second. */
const INDUCTIONS_PER_TICK = 100;
/** Callers that `accept` decides about at a time. */
const MAX_PENDING = 64;
/** Offset of the handshake type in the packet. */
const TYPE_OFFSET = HEADER_BYTES + 20;
const PENDING_US = 5_000_000;
/** Rejections that are remembered, so that a repeated handshake gets the same one without a new decision. */
const MAX_REJECTED = 1024;
const REJECTED_US = 3_000_000;

interface Caller {
  readonly address: string;
  readonly port: number;
  readonly remote: string;
  readonly handshake: Handshake;
  readonly arrivedUs: number;
  readonly timestampUs: number;
  /** Another process has passed it on, after it returned a cookie there. */
  readonly isForwarded: boolean;
  readonly channel: SrtChannel | undefined;
}

/** How a datagram came, if not from the listener's socket. */
interface Arrival {
  /** By another process. */
  readonly isForwarded?: boolean;
  readonly channel?: SrtChannel;
}

const DIRECT: Arrival = {};

interface Pending {
  readonly controller: AbortController;
  readonly untilUs: number;
}

interface Entry {
  readonly connection: ProtocolConnection;
  readonly address: string;
  readonly port: number;
  readonly channel: SrtChannel | undefined;
}

/** The answer to the conclusion of an accepted caller, which may not get the first one. */
interface ConclusionAnswer {
  readonly packet: Uint8Array;
  /** When the clock of its connection began, µs. */
  readonly startUs: number;
}

type AcceptedAnswer = Extract<SrtAnswer, { onConnection: unknown }>;

/** A listener without its socket. */
export class ListenerProtocol {
  readonly stats: SrtListenerStats = {
    connections: 0,
    pending: 0,
    accepted: 0,
    rejected: 0,
    forwarded: 0,
    inductions: 0,
    ignoredHandshakes: 0,
    ignoredPackets: 0,
  };
  readonly #options: SrtListenerOptions;
  readonly #network: ListenerNetwork;
  readonly #cookies: Cookies;
  readonly #secrets = new SecretLimiter();
  readonly #connections = new Map<number, Entry>();
  readonly #forwarded = new ForwardedCallers();
  /** Answers to callers, pending callers and rejections by address, port and socket id of the caller. */
  readonly #answers = new Map<string, ConclusionAnswer>();
  readonly #pending = new Map<string, Pending>();
  readonly #rejected = new Map<string, { readonly reason: SrtRejectReason; readonly untilUs: number }>();
  #inductionsLeft = INDUCTIONS_PER_TICK;
  #isClosed = false;

  constructor(options: SrtListenerOptions, network: ListenerNetwork) {
    this.#options = options;
    this.#network = network;
    this.#cookies = new Cookies(network.now());
  }

  /** Takes a datagram from the network. Never throws. */
  receive(packet: Uint8Array, address: string, port: number, arrival = DIRECT): void {
    if (this.#isClosed) return;
    if (packet.length < HEADER_BYTES) {
      this.stats.ignoredPackets++;
      return;
    }
    const destination = destinationOf(packet);
    const entry = this.#connections.get(destination);
    const { isForwarded = false, channel } = arrival;
    const isOfPeer = entry?.port === port && entry.address === address && entry.channel === channel;
    const mayPass = !isOfPeer && !isForwarded && !channel && this.#forwarded.size > 0;
    if (mayPass && this.#forwarded.send(packet, address, port, this.#network.now())) return;
    try {
      if (entry) {
        if (isOfPeer) entry.connection.receive(packet, this.#network.now());
        else this.stats.ignoredPackets++;
      } else if (destination === 0 && isControl(packet) && controlType(packet) === control.handshake) {
        this.#receiveHandshake(packet, address, port, arrival);
      } else {
        this.stats.ignoredPackets++;
      }
    } catch (error) {
      if (!(error instanceof FormatError)) this.#fail(error, entry?.connection);
      else if (destination === 0) this.stats.ignoredHandshakes++;
      else this.stats.ignoredPackets++;
    }
  }

  /**
   * Serves all connections. Called every 10 ms.
   *
   * @returns false if there is nothing to do until the next datagram
   */
  tick(): boolean {
    const nowUs = this.#network.now();
    this.#inductionsLeft = INDUCTIONS_PER_TICK;
    for (const { connection } of this.#connections.values()) {
      try {
        connection.tick(nowUs);
      } catch (error) {
        this.#fail(error, connection);
      }
    }
    for (const [key, { controller, untilUs }] of this.#pending) {
      if (untilUs > nowUs) continue;
      this.#pending.delete(key);
      controller.abort(new DOMException('The SRT caller gave up waiting', 'TimeoutError'));
    }
    for (const [key, { untilUs }] of this.#rejected) {
      if (untilUs > nowUs) break;
      this.#rejected.delete(key);
    }
    this.stats.pending = this.#pending.size;
    this.#forwarded.tick(nowUs);
    this.stats.forwarded = this.#forwarded.size;
    return this.#connections.size + this.#pending.size + this.#rejected.size + this.#forwarded.size > 0;
  }

  /** Shuts the connections of a channel down. */
  closeThrough(channel: SrtChannel): void {
    for (const entry of [...this.#connections.values()]) if (entry.channel === channel) entry.connection.close();
  }

  /** Ends all connections and pending callers. */
  close(): void {
    if (this.#isClosed) return;
    for (const { connection } of [...this.#connections.values()]) connection.close();
    for (const { controller } of this.#pending.values()) controller.abort(new Error('The SRT listener closes'));
    this.#pending.clear();
    this.#forwarded.close();
    this.#isClosed = true;
  }

  /** A bug ends the connection in which it shows, not the others. */
  #fail(error: unknown, connection: ProtocolConnection | undefined): void {
    connection?.end('an internal error', true);
    this.#options.onError?.(error);
  }

  #receiveHandshake(packet: Uint8Array, address: string, port: number, arrival: Arrival): void {
    // Beyond the limit of inductions a packet costs as little as possible.
    if (isStateless(packet) && !this.#takesInduction()) return;
    const handshake = parseHandshake(packet);
    const remote = printRemote(address, port);
    const arrivedUs = this.#network.now();
    const { isForwarded = false, channel } = arrival;
    const timestampUs = timestampOf(packet);
    const caller = { address, port, remote, handshake, arrivedUs, timestampUs, isForwarded, channel };
    switch (handshake.type) {
      case handshakeType.induction:
        this.#answerInduction(caller);
        return;
      case handshakeType.conclusion:
        this.#receiveConclusion(caller);
        return;
      case handshakeType.waveAHand:
        // Rendezvous: the answer is as large as the request, and nothing is kept.
        this.#transmitRejection(caller, 'rendezvous-cookie');
        return;
      default:
        this.stats.ignoredHandshakes++;
    }
  }

  /** Inductions cost no memory; their number is limited so that a flood leaves time for the streams. */
  #takesInduction(): boolean {
    if (this.#inductionsLeft-- > 0) return true;
    this.stats.ignoredHandshakes++;
    return false;
  }

  #answerInduction(caller: Caller): void {
    this.stats.inductions++;
    this.#answer(caller, {
      ...caller.handshake,
      version: 5,
      encryption: 0,
      extensionField: SRT_MAGIC,
      cookie: this.#cookies.create(caller.remote, caller.arrivedUs),
      peerAddress: printPeerAddress(caller.address),
    });
  }

  #receiveConclusion(caller: Caller): void {
    const { handshake, remote, arrivedUs } = caller;
    const isVerified = caller.isForwarded || caller.channel !== undefined; // by the owner of the channel
    if (!isVerified && !this.#cookies.isValid(handshake.cookie, remote, arrivedUs)) {
      this.stats.ignoredHandshakes++;
      return;
    }
    const key = `${caller.channel?.name ?? remote}/${handshake.socketId}`;
    const answer = this.#answers.get(key);
    if (answer) {
      this.#transmitAnswer(answer, caller);
      return;
    }
    if (this.#pending.has(key)) return;
    const before = this.#rejected.get(key);
    if (before) {
      this.#transmitRejection(caller, before.reason);
      return;
    }
    const refused = refuseConclusion(handshake) ?? this.#refuseLoad(caller);
    if (refused) {
      this.#refuse(caller, key, refused);
      return;
    }
    const encrypted = (handshake.encryption * 8) as SrtKeyLength | 0;
    const keyLength = handshake.keyMaterial ? (encrypted === 24 || encrypted === 32 ? encrypted : 16) : 0;
    const controller = new AbortController();
    const pending = { controller, untilUs: arrivedUs + PENDING_US };
    this.#pending.set(key, pending);
    this.stats.pending = this.#pending.size;
    void this.#decide(caller, key, keyLength, pending);
  }

  #refuseLoad({ channel }: Caller): SrtRejectReason | undefined {
    if (channel?.mayOpen === false) return 'backlog';
    const most = this.#options.maxConnections ?? defaults.maxConnections;
    // Pending callers are counted, so that no more are accepted than there is room for.
    return this.#connections.size + this.#pending.size + this.#forwarded.size >= most ||
      this.#pending.size >= MAX_PENDING
      ? 'backlog'
      : undefined;
  }

  async #decide(caller: Caller, key: string, keyLength: SrtKeyLength | 0, pending: Pending): Promise<void> {
    const { handshake, remote } = caller;
    let answer: SrtAnswer;
    try {
      answer = await this.#options.accept({
        streamId: handshake.streamId ?? '',
        remote,
        peerVersion: printVersion(handshake.parameters!.version),
        encrypted: keyLength,
        isForwarded: caller.isForwarded,
        channel: caller.channel,
        signal: pending.controller.signal,
      });
    } catch (error) {
      if (!pending.controller.signal.aborted) this.#options.onError?.(error);
      answer = { reject: 'server-error' };
    }
    if (this.#pending.get(key) !== pending) return;
    this.#pending.delete(key);
    this.stats.pending = this.#pending.size;
    if ('reject' in answer) return this.#reject(caller, key, answer.reject);
    if ('forward' in answer) return this.#forward(caller, answer.forward);
    // Its channel may have ended meanwhile, or have got other connections.
    if (caller.channel?.mayOpen === false) return this.#refuse(caller, key, 'backlog');
    try {
      this.#open(caller, key, answer);
    } catch (error) {
      if (!(error instanceof FormatError)) this.#options.onError?.(error);
      this.#refuse(caller, key, error instanceof FormatError ? 'rogue' : 'server-error');
    }
  }

  #forward({ address, port, channel }: Caller, forward: (caller: SrtSource) => SrtForwarding): void {
    const forwarding = forward({ address, port });
    if (channel) forwarding.close();
    else this.#forwarded.add(address, port, forwarding, this.#network.now());
    this.stats.forwarded = this.#forwarded.size;
  }

  #open(caller: Caller, key: string, answer: AcceptedAnswer): void {
    const { handshake, remote, address, port, channel } = caller;
    const keys = this.#takeKeys(caller, answer.passphrase);
    if (typeof keys === 'string') {
      this.#refuse(caller, key, keys);
      return;
    }
    const options = this.#options;
    const agreed = agree(handshake.parameters!, answer.latencyMs ?? options.latencyMs ?? defaults.latencyMs);
    const socketId = this.#pickSocketId();
    const startUs = this.#network.now();
    const maxPackets = options.maxPackets ?? defaults.maxPackets;
    const connection = new ProtocolConnection(
      {
        remote,
        streamId: handshake.streamId ?? '',
        peerVersion: printVersion(handshake.parameters!.version),
        socketId,
        peerSocketId: handshake.socketId,
        initialSequence: handshake.sequence,
        startUs,
        peerHandshakeUs: caller.arrivedUs,
        peerTimestampUs: caller.timestampUs,
        ...agreed,
        flowWindow: handshake.flowWindow,
        maxPackets,
        maxBytes: options.maxBytes ?? defaults.maxBytes,
        maxBytesPerSecond: options.maxBytesPerSecond,
        idleMs: options.idleMs ?? defaults.idleMs,
        encryption: keys?.encryption,
        isReordered: channel !== undefined,
        transmit: (packet) => this.#transmit(packet, caller),
        onClosed: () => {
          channel?.closed(socketId);
          this.#connections.delete(socketId);
          this.#answers.delete(key);
          this.stats.connections = this.#connections.size;
        },
        onError: (error) => options.onError?.(error),
      },
      this.#network.now,
    );
    const packet = printHandshake({
      version: 5,
      encryption: keys ? keys.encryption.keyLength / 8 : 0,
      extensionField: 0,
      sequence: handshake.sequence,
      mtu: Math.min(handshake.mtu, MTU),
      flowWindow: maxPackets,
      type: handshakeType.conclusion,
      socketId,
      cookie: handshake.cookie,
      peerAddress: printPeerAddress(address),
      parameters: ownParameters(agreed.receiveLatencyMs, agreed.sendLatencyMs),
      isAnswer: true,
      keyMaterial: keys?.answer,
    });
    const conclusion = { packet, startUs };
    this.#connections.set(socketId, { connection, address, port, channel });
    channel?.opened(socketId);
    this.#answers.set(key, conclusion);
    this.stats.connections = this.#connections.size;
    this.stats.accepted++;
    // The owner sets `onData` before the peer knows that it may send.
    answer.onConnection(connection);
    if (!connection.isClosed) this.#transmitAnswer(conclusion, caller);
  }

  /** The keys of a caller; undefined without encryption, or a reason to reject. */
  #takeKeys(
    { handshake, address, arrivedUs }: Caller,
    passphrase: string | undefined,
  ): { readonly encryption: SrtEncryption; readonly answer: Uint8Array } | SrtRejectReason | undefined {
    const { keyMaterial } = handshake;
    if (!passphrase !== !keyMaterial) return 'unsecure';
    if (!passphrase || !keyMaterial) return undefined;
    if (!this.#secrets.allows(address, arrivedUs)) return 'bad-secret';
    const encryption = new SrtEncryption(passphrase, 16, this.#options.keyRefresh);
    const { answer, failed } = encryption.takeKeys(keyMaterial, true);
    if (failed === undefined) return { encryption, answer };
    if (failed === keyState.badCipher) return 'crypto';
    this.#secrets.fail(address, arrivedUs);
    return 'bad-secret';
  }

  #pickSocketId(): number {
    for (;;) {
      const id = randomInt(1, 0x4000_0000);
      if (!this.#connections.has(id)) return id;
    }
  }

  /** Rejects a caller for a reason that `accept` does not know. */
  #refuse(caller: Caller, key: string, reason: SrtRejectReason): void {
    this.#reject(caller, key, reason);
    const { handshake, remote } = caller;
    this.#options.onRejected?.({ streamId: handshake.streamId ?? '', remote, reason });
  }

  #reject(caller: Caller, key: string, reason: SrtRejectReason): void {
    this.stats.rejected++;
    if (this.#rejected.size >= MAX_REJECTED) this.#rejected.delete(this.#rejected.keys().next().value!);
    this.#rejected.set(key, { reason, untilUs: this.#network.now() + REJECTED_US });
    this.#transmitRejection(caller, reason);
  }

  #transmitRejection(caller: Caller, reason: SrtRejectReason): void {
    this.#answer(caller, { ...caller.handshake, version: 5, type: srtRejections[reason].code, extensionField: 0 });
  }

  /** Sends a handshake without extensions. */
  #answer(caller: Caller, handshake: Handshake): void {
    const { parameters: _, keyMaterial: _k, streamId: _s, congestion: _c, ...bare } = handshake;
    this.#transmitHandshake(printHandshake(bare), 0, caller);
  }

  /**
   * The same answer for the first and each repeated conclusion; its timestamp is of now, because the caller
   * derives our clock from it.
   */
  #transmitAnswer({ packet, startUs }: ConclusionAnswer, caller: Caller): void {
    this.#transmitHandshake(Uint8Array.from(packet), this.#network.now() - startUs, caller);
  }

  #transmitHandshake(packet: Uint8Array, timestampUs: number, caller: Caller): void {
    writeControlHeader(packet, control.handshake, 0, 0, timestampUs, caller.handshake.socketId);
    this.#transmit(packet, caller);
  }

  #transmit(packet: Uint8Array, { channel, address, port }: Pick<Caller, 'channel' | 'address' | 'port'>): void {
    if (channel) channel.transmit(packet);
    else this.#network.transmit(packet, address, port);
  }
}

/** Whether a handshake packet is answered without a cookie. */
function isStateless(packet: Uint8Array): boolean {
  if (packet.length < HANDSHAKE_BYTES) return false;
  const type = readU32(packet, TYPE_OFFSET);
  return type === handshakeType.induction || type === handshakeType.waveAHand;
}

/**
 * Address and port as text: `192.0.2.7:50123`, `[2001:db8::1]:50123`; IPv4 addresses of IPv6 sockets are
 * printed as IPv4.
 */
function printRemote(address: string, port: number): string {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
