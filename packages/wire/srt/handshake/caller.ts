/**
 * The calling side: induction, conclusion, then one connection.
 * In: datagrams of the listener, a tick every 10 ms. Out: datagrams; the connection, or an error.
 * draft-sharabayko-srt-01 4.3.1. It knows no socket and no timer.
 */
import { randomInt } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import { ProtocolConnection } from '../connection/connection.ts';
import { SrtEncryption } from '../encryption/encryption.ts';
import {
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
  timestampOf,
  writeControlHeader,
} from '../packet/header.ts';
import { keyState } from '../packet/key-material.ts';
import { isRejection, SrtRejectedError, srtRejections } from '../rejection.ts';
import type { SrtCallerOptions } from '../srt.ts';
import { agree, defaults, MTU, ownParameters, printPeerAddress } from './negotiate.ts';

/** How a caller reaches the network and the time. */
interface CallerNetwork {
  /** µs of a clock that never steps, above 0. */
  now(): number;
  /** Sends a datagram to the listener. */
  transmit(packet: Uint8Array): void;
  /** Called once when the connection has ended after it was open. */
  onClosed(): void;
  /** Called with errors of the connection's owner. */
  onError(error: unknown): void;
}

const REPEAT_US = 250_000;

/** A caller without its socket. */
export class CallerProtocol {
  /** Resolves when the connection is open; rejects with `SrtRejectedError`, or Error after the time limit. */
  readonly opened: Promise<ProtocolConnection>;
  readonly #options: Omit<SrtCallerOptions, 'signal'>;
  readonly #network: CallerNetwork;
  readonly #startUs: number;
  readonly #socketId = randomInt(1, 0x4000_0000);
  readonly #sequence: number;
  readonly #encryption: SrtEncryption | undefined;
  readonly #keyMaterial: Uint8Array | undefined;
  #resolve!: (connection: ProtocolConnection) => void;
  #reject!: (error: Error) => void;
  #phase: 'induction' | 'conclusion' | 'open' | 'failed' = 'induction';
  #request: Uint8Array;
  #requestUs = Number.NEGATIVE_INFINITY;
  #connection: ProtocolConnection | undefined;
  #failure: string | undefined;

  /**
   * @param sequence initial sequence number, 31 bits
   * @throws RangeError if the stream id is too long
   */
  constructor(
    options: Omit<SrtCallerOptions, 'signal'>,
    network: CallerNetwork,
    sequence: number = randomInt(0, 0x8000_0000),
  ) {
    this.#options = options;
    this.#sequence = sequence;
    this.#network = network;
    this.#startUs = network.now();
    this.opened = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (options.passphrase) {
      this.#encryption = new SrtEncryption(options.passphrase, options.keyLength ?? 16, options.keyRefresh);
      this.#keyMaterial = this.#encryption.createFirstKey();
    }
    this.#conclusion(0); // Validates the stream id before anything is sent.
    this.#request = printHandshake({ ...this.#base(0), version: 4, extensionField: 2, type: handshakeType.induction });
  }

  /** Takes a datagram from the listener. Never throws. */
  receive(packet: Uint8Array): void {
    if (packet.length < HEADER_BYTES || destinationOf(packet) !== this.#socketId) return;
    try {
      if (isControl(packet) && controlType(packet) === control.handshake) this.#receiveHandshake(packet);
      else this.#connection?.receive(packet, this.#network.now());
    } catch (error) {
      if (!(error instanceof FormatError)) this.#end(error);
    }
  }

  /** Repeats requests, ends the attempt in time, serves the connection. Called every 10 ms. */
  tick(): void {
    const nowUs = this.#network.now();
    if (this.#connection) {
      try {
        this.#connection.tick(nowUs);
      } catch (error) {
        this.#end(error);
      }
      return;
    }
    if (this.#phase === 'failed') return;
    const connectMs = this.#options.connectMs ?? defaults.connectMs;
    if (nowUs - this.#startUs >= connectMs * 1000) {
      const { address, port } = this.#options;
      const why = this.#failure ?? `no answer within ${connectMs / 1000} s`;
      this.fail(new Error(`SRT connection to ${address} port ${port} failed: ${why}`));
      return;
    }
    if (nowUs - this.#requestUs >= REPEAT_US) this.#transmitRequest(nowUs);
  }

  /** Ends the attempt; after it is open, nothing happens. */
  fail(error: Error): void {
    if (this.#phase === 'open' || this.#phase === 'failed') return;
    this.#phase = 'failed';
    this.#reject(error);
  }

  /**
   * Notes why no answer may come, for the error at the end: the system refuses to send, or the port is
   * closed.
   */
  note(failure: string): void {
    this.#failure = failure;
  }

  /** A bug ends this connection only. */
  #end(error: unknown): void {
    this.#connection?.end('an internal error', true);
    this.#network.onError(error);
  }

  #receiveHandshake(packet: Uint8Array): void {
    const answer = parseHandshake(packet);
    if (this.#phase === 'open' || this.#phase === 'failed') return;
    if (isRejection(answer.type)) {
      this.fail(new SrtRejectedError(answer.type));
      return;
    }
    if (this.#phase === 'induction' && answer.type === handshakeType.induction) {
      if (answer.version !== 5 || answer.extensionField !== SRT_MAGIC) {
        this.fail(new SrtRejectedError(srtRejections.version.code));
        return;
      }
      this.#phase = 'conclusion';
      this.#request = this.#conclusion(answer.cookie);
      this.#transmitRequest(this.#network.now());
    } else if (this.#phase === 'conclusion' && answer.type === handshakeType.conclusion) {
      this.#conclude(answer, timestampOf(packet));
    }
  }

  #conclude(answer: Handshake, timestampUs: number): void {
    const refused = this.#refuse(answer);
    if (refused) {
      // The listener regards the connection as open.
      const packet = new Uint8Array(HEADER_BYTES + 4);
      writeControlHeader(packet, control.shutdown, 0, 0, this.#network.now() - this.#startUs, answer.socketId);
      this.#network.transmit(packet);
      this.fail(new SrtRejectedError(srtRejections[refused].code));
      return;
    }
    const options = this.#options;
    const parameters = answer.parameters!;
    const { address, port } = options;
    this.#connection = new ProtocolConnection(
      {
        remote: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
        streamId: options.streamId ?? '',
        peerVersion: printVersion(parameters.version),
        socketId: this.#socketId,
        peerSocketId: answer.socketId,
        initialSequence: this.#sequence,
        startUs: this.#startUs,
        peerHandshakeUs: this.#network.now(),
        peerTimestampUs: timestampUs,
        ...agree(parameters, options.latencyMs ?? defaults.latencyMs),
        flowWindow: answer.flowWindow,
        maxPackets: options.maxPackets ?? defaults.maxPackets,
        maxBytes: options.maxBytes ?? defaults.maxBytes,
        maxBytesPerSecond: options.maxBytesPerSecond,
        idleMs: options.idleMs ?? defaults.idleMs,
        encryption: this.#encryption,
        transmit: (packet) => this.#network.transmit(packet),
        onClosed: () => this.#network.onClosed(),
        onError: (error) => this.#network.onError(error),
      },
      this.#network.now,
    );
    this.#phase = 'open';
    this.#resolve(this.#connection);
  }

  #refuse(answer: Handshake): 'rogue' | 'bad-secret' | 'unsecure' | 'crypto' | undefined {
    if (!answer.parameters || !answer.isAnswer || answer.sequence !== this.#sequence) return 'rogue';
    if (!this.#encryption) return answer.keyMaterial ? 'unsecure' : undefined;
    if (!answer.keyMaterial) return 'unsecure';
    const state = this.#encryption.readAnswer(answer.keyMaterial);
    if (state === undefined) return undefined;
    if (state === keyState.badSecret) return 'bad-secret';
    return state === keyState.badCipher ? 'crypto' : 'unsecure';
  }

  #base(cookie: number): Handshake {
    return {
      version: 5,
      encryption: 0,
      extensionField: 0,
      sequence: this.#sequence,
      mtu: MTU,
      flowWindow: this.#options.maxPackets ?? defaults.maxPackets,
      type: handshakeType.conclusion,
      socketId: this.#socketId,
      cookie,
      peerAddress: printPeerAddress(this.#options.address),
    };
  }

  #conclusion(cookie: number): Uint8Array {
    const { streamId, latencyMs = defaults.latencyMs, keyLength = 16 } = this.#options;
    return printHandshake({
      ...this.#base(cookie),
      encryption: this.#encryption ? keyLength / 8 : 0,
      parameters: ownParameters(latencyMs, latencyMs),
      keyMaterial: this.#keyMaterial,
      streamId,
    });
  }

  #transmitRequest(nowUs: number): void {
    this.#requestUs = nowUs;
    const packet = Uint8Array.from(this.#request);
    writeControlHeader(packet, control.handshake, 0, 0, nowUs - this.#startUs, 0);
    this.#network.transmit(packet);
  }
}
