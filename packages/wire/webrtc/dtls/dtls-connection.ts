/**
 * A DTLS 1.2 connection that agrees on the keys of SRTP, as client or server.
 * In: datagrams of an address that ICE has checked, and a tick. Out: datagrams; the keys, or why there are
 * none. RFC 6347, RFC 5764. Application data (data channels) is ignored.
 */
import { concatBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import { ClientHandshake } from './client-handshake.ts';
import { alertNumber, type Handshake, HandshakeFailure, type HandshakeOptions, type SrtpSecrets } from './handshake.ts';
import { type HandshakeMessage, handshakeType, printFragments } from './handshake-message.ts';
import { MessageReader } from './message-reader.ts';
import { contentType, type DtlsRecord, openRecord, parseRecords, printRecord, sealRecord } from './record.ts';
import { ServerHandshake } from './server-handshake.ts';

/** Bytes of a datagram: fits into every path that WebRTC uses. */
const MAX_DATAGRAM_BYTES = 1200;
const MAX_FRAGMENT_BYTES = 1100;
/**
 * A flight is sent again after this, then after twice the time, ms; RFC 9147 5.8.2 advises less than the
 * second of RFC 6347.
 */
const FIRST_RETRANSMIT_MS = 200;
const MAX_RETRANSMIT_MS = 1000;
/**
 * Work between two ticks: a record costs 1, a message that is not from the peer costs more, because its key
 * or signature may have been computed. A flight has about ten records. What exceeds this is ignored, and
 * comes again if it is from the peer.
 */
const MAX_WORK = 64;
const REJECTED_WORK = 16;
const WARNING = 1;
const FATAL = 2;

/** Options of a connection. */
export interface DtlsOptions extends HandshakeOptions {
  readonly role: 'client' | 'server';
  readonly send: (datagram: Uint8Array) => void;
  readonly onConnected: (secrets: SrtpSecrets) => void;
  /** The connection has ended. @param reason undefined: the peer closed it in order */
  readonly onClosed: (reason: string | undefined) => void;
}

/** Records of the current flight, as they are sent again. */
interface Outgoing {
  readonly type: number;
  readonly epoch: 0 | 1;
  /** Content of one record each. */
  readonly fragments: readonly Uint8Array[];
}

/** One connection. Nothing is sent before `start` (client) or the first ClientHello (server). */
export class DtlsConnection {
  readonly #options: DtlsOptions;
  readonly #handshake: Handshake;
  readonly #reader = new MessageReader();
  readonly #recordSequence: [number, number] = [0, 0];
  #flight: readonly Outgoing[] = [];
  #retransmitMs = FIRST_RETRANSMIT_MS;
  /** When the flight is sent again, monotonic ms; undefined: the next tick sets it. */
  #dueMs: number | undefined;
  /** The peer has not answered the flight. */
  #isFlying = false;
  #isClosed = false;
  /** The peer has sent its flight again, so that of this side may be lost: it is sent with the next tick. */
  #isRepeatDue = false;
  #work = 0;
  /** Of the last alert that was not protected, and so decides nothing. */
  #alert: number | undefined;
  /** Why the last message was rejected. */
  #rejected: string | undefined;

  constructor(options: DtlsOptions) {
    this.#options = options;
    this.#handshake = options.role === 'client' ? new ClientHandshake(options) : new ServerHandshake(options);
  }

  /** Why it is not connected yet, for a person. */
  get pending(): string {
    const alert = this.#alert === undefined ? '' : `; the peer sent the alert ${this.#alert}`;
    const rejected = this.#rejected === undefined ? '' : `; rejected: ${this.#rejected}`;
    return `the DTLS handshake waits for ${this.#handshake.awaits}${alert}${rejected}`;
  }

  /** Sends the first ClientHello, as client. */
  start(): void {
    if (this.#flight.length === 0 && !this.#isClosed) this.#send(this.#handshake.start());
  }

  /**
   * Takes a datagram. A malformed or forged record is ignored.
   *
   * @returns whether it may be from the peer: after the handshake, whether a part of it was protected with
   *   its keys
   */
  receive(datagram: Uint8Array): boolean {
    let isOfPeer = false;
    try {
      for (const record of parseRecords(datagram)) {
        if (this.#isClosed || this.#work >= MAX_WORK) break;
        this.#work++;
        if (this.#receiveRecord(record)) isOfPeer = true;
      }
    } catch (error) {
      if (error instanceof HandshakeFailure) this.#fail(error);
      else if (!(error instanceof FormatError)) throw error;
    }
    return isOfPeer;
  }

  /** Sends the flight again when its time has come. @param nowMs monotonic */
  tick(nowMs: number): void {
    this.#work = 0;
    if (this.#isClosed) return;
    let isDue = this.#isRepeatDue;
    this.#isRepeatDue = false;
    if (this.#isFlying && this.#dueMs === undefined) this.#dueMs = nowMs + this.#retransmitMs;
    else if (this.#isFlying && nowMs >= this.#dueMs!) {
      this.#retransmitMs = Math.min(2 * this.#retransmitMs, MAX_RETRANSMIT_MS);
      this.#dueMs = nowMs + this.#retransmitMs;
      isDue = true;
    }
    if (isDue) this.#transmit(this.#flight);
  }

  /** Sends close_notify if there are keys. */
  close(): void {
    if (this.#isClosed) return;
    if (this.#handshake.recordKeys) this.#sendAlert(WARNING, alertNumber.closeNotify);
    this.#isClosed = true;
  }

  #receiveRecord(record: DtlsRecord): boolean {
    const { type, epoch } = record;
    const isProtected = epoch === 1;
    const keys = this.#handshake.recordKeys;
    if (epoch > 1 || (isProtected && !keys)) return false;
    const content = isProtected ? openRecord(keys!.remote, record) : record.fragment;
    if (!content) return false;
    if (type === contentType.alert) this.#receiveAlert(content, isProtected);
    else if (type === contentType.handshake) this.#receiveHandshake(content, isProtected);
    return isProtected || this.#handshake.awaits !== undefined;
  }

  #receiveHandshake(content: Uint8Array, isProtected: boolean): void {
    const isOver = this.#handshake.awaits === undefined;
    // There is no other handshake after this one.
    if (isOver && !isProtected) return;
    const isRepeated = this.#reader.add(content, isProtected);
    // The last flight is that of the server. A client that answered it again would begin a loop.
    if (isRepeated && (isOver ? this.#options.role === 'server' : this.#isFlying)) this.#isRepeatDue = true;
    for (let next = this.#reader.peek(); next && this.#handshake.awaits; next = this.#reader.peek()) this.#take(next);
  }

  #take(message: HandshakeMessage): void {
    let answer: readonly HandshakeMessage[];
    try {
      answer = this.#handshake.take(message);
    } catch (error) {
      if (error instanceof FormatError) {
        this.#work += REJECTED_WORK;
        this.#rejected = error.message;
        this.#reader.reject();
      }
      throw error;
    }
    this.#reader.accept();
    this.#isFlying = false;
    this.#isRepeatDue = false;
    if (answer.length > 0) this.#send(answer);
    if (this.#handshake.awaits) return;
    this.#isFlying = false; // the peer requests the last flight by repeating its flight
    this.#options.onConnected(this.#handshake.secrets());
  }

  #receiveAlert(content: Uint8Array, isProtected: boolean): void {
    const [level, number] = content;
    this.#alert = number;
    const isClosing = number === alertNumber.closeNotify;
    if (!isProtected || (level !== FATAL && !isClosing)) return;
    this.#isClosed = true;
    this.#options.onClosed(isClosing ? undefined : `the peer sent the DTLS alert ${number}`);
  }

  #fail({ alert, message }: HandshakeFailure): void {
    this.#sendAlert(FATAL, alert);
    this.#isClosed = true;
    this.#options.onClosed(message);
  }

  #sendAlert(level: number, number: number): void {
    const epoch = this.#handshake.recordKeys ? 1 : 0;
    this.#transmit([{ type: contentType.alert, epoch, fragments: [Uint8Array.of(level, number)] }]);
  }

  #send(messages: readonly HandshakeMessage[]): void {
    this.#flight = messages.flatMap((message) => {
      const isFinished = message.type === handshakeType.finished;
      const fragments = printFragments(message, MAX_FRAGMENT_BYTES);
      const record: Outgoing = { type: contentType.handshake, epoch: isFinished ? 1 : 0, fragments };
      const change: Outgoing = { type: contentType.changeCipherSpec, epoch: 0, fragments: [Uint8Array.of(1)] };
      return isFinished ? [change, record] : [record];
    });
    this.#isFlying = messages.length > 0;
    this.#retransmitMs = FIRST_RETRANSMIT_MS;
    this.#dueMs = undefined;
    this.#transmit(this.#flight);
  }

  /** Sends records, several in a datagram. */
  #transmit(flight: readonly Outgoing[]): void {
    let datagram: Uint8Array[] = [];
    let bytes = 0;
    const flush = () => {
      if (datagram.length > 0) this.#options.send(concatBytes(datagram));
      datagram = [];
      bytes = 0;
    };
    for (const { type, epoch, fragments } of flight) {
      for (const fragment of fragments) {
        const printed = this.#print({ type, epoch, sequence: this.#recordSequence[epoch]++, fragment });
        if (bytes + printed.length > MAX_DATAGRAM_BYTES) flush();
        datagram.push(printed);
        bytes += printed.length;
      }
    }
    flush();
  }

  #print(record: DtlsRecord): Uint8Array {
    return printRecord(record.epoch === 0 ? record : sealRecord(this.#handshake.recordKeys!.local, record));
  }
}
