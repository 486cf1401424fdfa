/**
 * Messages over a connection, the same for server and client: handshake, chunks, acknowledgements, pings.
 * In: bytes of a socket. Out: messages other than those of the protocol itself; bytes. RTMP 1.0 specification
 * (Adobe, 2012), 5.4, 7.1.7.
 */
import { FormatError } from '@oxbow/media/errors';
import { readAggregate } from './aggregate.ts';
import { type ChunkLimits, ChunkReader } from './chunk-reader.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { ClientHandshake, type Handshake, ServerHandshake } from './handshake.ts';
import { messageType, type OnMessage, userControl } from './message.ts';

/** Chunk size of sent messages, bytes. */
const CHUNK_SIZE = 4096;
/** Window of acknowledgements that this side announces, and uses until the peer announces another, bytes. */
const WINDOW_BYTES = 2_500_000;
/** A smaller window would mean an acknowledgement for each read. */
const MIN_WINDOW_BYTES = 16_384;

/** What a link needs. */
interface LinkSetup {
  readonly side: 'server' | 'client';
  /** May be changed while the link reads. */
  readonly limits: ChunkLimits;
  /** Sends bytes. */
  readonly send: (bytes: Uint8Array) => void;
  /** The handshake is complete. */
  readonly onReady: () => void;
  /** Media, data, commands and unknown types. */
  readonly onMessage: OnMessage;
  /** A user control message other than a ping of the peer. */
  readonly onUserControl?: ((event: number, value: number) => void) | undefined;
}

/** One side of a connection. */
export class RtmpLink {
  readonly #setup: LinkSetup;
  readonly #reader: ChunkReader;
  readonly #writer = new ChunkWriter();
  #handshake: Handshake | undefined;
  #windowBytes = WINDOW_BYTES;
  #acknowledgedBytes = 0;
  #handshakeBytes = 0;

  constructor(setup: LinkSetup) {
    this.#setup = setup;
    this.#reader = new ChunkReader(setup.limits, (type, timestampMs, streamId, body) =>
      this.#receive(type, timestampMs, streamId, body),
    );
    const send = (bytes: Uint8Array) => setup.send(bytes);
    this.#handshake = setup.side === 'server' ? new ServerHandshake(send) : new ClientHandshake(send);
  }

  /** Whether the handshake is complete. */
  get isReady(): boolean {
    return this.#handshake === undefined;
  }

  /** Bytes received. */
  get totalBytes(): number {
    return this.#handshakeBytes + this.#reader.totalBytes;
  }

  /**
   * Reads bytes of the peer.
   *
   * @param bytes a view whose memory is not used after the call
   * @throws FormatError if the peer breaks the protocol or a limit
   */
  push(bytes: Uint8Array): void {
    let rest = bytes;
    if (this.#handshake) {
      const used = this.#handshake.push(bytes);
      this.#handshakeBytes += used;
      if (!this.#handshake.isComplete) return;
      this.#handshake = undefined;
      this.#setup.onReady();
      rest = bytes.subarray(used);
    }
    this.#reader.push(rest);
    const total = this.#reader.totalBytes;
    if (total - this.#acknowledgedBytes >= this.#windowBytes) {
      this.#acknowledgedBytes = total;
      this.#sendNumber(messageType.acknowledgement, total % 2 ** 32);
    }
  }

  /** Announces the chunk size of this side; the server also the windows. */
  announce(): void {
    if (this.#setup.side === 'server') {
      this.#sendNumber(messageType.windowSize, WINDOW_BYTES);
      // Limit type 2, dynamic.
      const bandwidth = Buffer.allocUnsafe(5);
      bandwidth.writeUInt32BE(WINDOW_BYTES, 0);
      bandwidth[4] = 2;
      this.write(messageType.setPeerBandwidth, 0, 0, bandwidth);
    }
    this.#sendNumber(messageType.setChunkSize, CHUNK_SIZE);
    this.#writer.chunkSize = CHUNK_SIZE;
  }

  /** Sends a message. */
  write(type: number, timestampMs: number, streamId: number, body: Uint8Array): void {
    this.#setup.send(this.#writer.print(type, timestampMs, streamId, body));
  }

  /** Sends a user control message with one number of 32 bits. */
  writeUserControl(event: number, value: number): void {
    const body = Buffer.allocUnsafe(6);
    body.writeUInt16BE(event, 0);
    body.writeUInt32BE(value, 2);
    this.write(messageType.userControl, 0, 0, body);
  }

  #sendNumber(type: number, value: number): void {
    const body = Buffer.allocUnsafe(4);
    body.writeUInt32BE(value, 0);
    this.write(type, 0, 0, body);
  }

  #receive(type: number, timestampMs: number, streamId: number, body: Uint8Array): void {
    switch (type) {
      case messageType.acknowledgement:
        return;
      case messageType.windowSize:
        this.#windowBytes = Math.max(MIN_WINDOW_BYTES, readNumber(body, 0));
        return;
      case messageType.setPeerBandwidth:
        // The peer wants to know when this many bytes have arrived; the answer is the window of this side.
        if (this.#setup.side === 'client') this.#sendNumber(messageType.windowSize, readNumber(body, 0));
        return;
      case messageType.userControl:
        this.#control(body);
        return;
      case messageType.aggregate:
        readAggregate(body, timestampMs, (innerType, innerMs, innerBody) => {
          if (innerType === messageType.aggregate) throw new FormatError('an aggregate within an aggregate', 0);
          this.#setup.onMessage(innerType, innerMs, streamId, innerBody);
        });
        return;
      default:
        this.#setup.onMessage(type, timestampMs, streamId, body);
    }
  }

  #control(body: Uint8Array): void {
    if (body.length < 6) return;
    const event = (body[0]! << 8) | body[1]!;
    const value = readNumber(body, 2);
    if (event === userControl.pingRequest) this.writeUserControl(userControl.pingResponse, value);
    else this.#setup.onUserControl?.(event, value);
  }
}

function readNumber(body: Uint8Array, at: number): number {
  if (body.length < at + 4) throw new FormatError('a control message of RTMP ends early', at);
  return new DataView(body.buffer, body.byteOffset).getUint32(at);
}
