/**
 * One SRT connection after its handshake: dispatches packets to its receiving and its sending half.
 * In: packets of the peer, a tick every 10 ms, payloads of the owner. Out: payloads to the owner, packets to
 * the peer. draft-sharabayko-srt-01 3.2, 4.4 to 4.8. It knows no socket and no timer, so that tests simulate
 * networks in virtual time.
 */
import { FormatError } from '@oxbow/media/errors';
import type { SrtEncryption } from '../encryption/encryption.ts';
import { LIGHT_ACK_BYTES, parseAck, parseDropRequest, readLossList } from '../packet/ack.ts';
import * as header from '../packet/header.ts';
import { indexOf, sequenceOf, unwrapTimestamp } from '../packet/sequence.ts';
import type { SrtConnection, SrtStats } from '../srt.ts';
import { Acknowledger } from './acknowledger.ts';
import { ByteRate } from './byte-rate.ts';
import { ControlWriter } from './control-writer.ts';
import { SenderClock } from './drift.ts';
import { LossReporter } from './loss-reporter.ts';
import { SrtReceiver } from './receiver.ts';
import { ReorderTolerance } from './reorder-tolerance.ts';
import { RoundTrip } from './round-trip.ts';
import { SrtSender } from './sender.ts';

/** What the handshake agreed on, and how packets leave. */
interface ConnectionOptions {
  readonly remote: string;
  readonly streamId: string;
  readonly peerVersion: string;
  /** Socket id of this side and of the peer. */
  readonly socketId: number;
  readonly peerSocketId: number;
  /** The same in both directions, as in libsrt. */
  readonly initialSequence: number;
  /** When this side's clock began, µs: timestamp 0 of its packets. */
  readonly startUs: number;
  /** Arrival and timestamp of the peer's handshake, µs. */
  readonly peerHandshakeUs: number;
  readonly peerTimestampUs: number;
  readonly receiveLatencyMs: number;
  readonly sendLatencyMs: number;
  readonly flowWindow: number;
  readonly hasPeriodicNak: boolean;
  readonly maxPackets: number;
  readonly maxBytes: number;
  readonly maxBytesPerSecond: number | undefined;
  readonly idleMs: number;
  readonly encryption: SrtEncryption | undefined;
  /** Packets take several ways and overtake each other: a missing one is reported a little later. */
  readonly isReordered?: boolean;
  /** Sends a packet to the peer. The bytes are not changed afterwards, except for the retransmission bit. */
  transmit(packet: Uint8Array): void;
  /** Called once at the end. */
  onClosed(): void;
  /** Called when the owner's `onData` or `onLoss` throws. */
  onError(error: unknown): void;
}

const KEEP_ALIVE_US = 1_000_000;
const MAX_LATE_DROP_US = 1_000_000;
/** Answers to one NAK about dropped packets; its repetition gets the others. */
const DROP_REQUESTS_PER_REPORT = 8;
/** A packet further ahead is not plausible: 50 Mbps for more than 3 minutes. */
const MAX_AHEAD = 1_000_000;
/** A tick that comes so late means that this process was busy, µs. */
const STALL_US = 30_000;
const MAX_HOLD_US = 1_000_000;
const REPEAT_KEYS_US = 250_000;
const KEYS_EVERY_US = 100_000;

const ignore = (): void => {};

/** A connection. All methods take the time as µs of one clock that never steps. */
export class ProtocolConnection implements SrtConnection {
  readonly remote: string;
  readonly streamId: string;
  readonly peerVersion: string;
  readonly latencyMs: number;
  readonly closed: Promise<string>;
  onData: (payload: Uint8Array) => void = ignore;
  onLoss: (packets: number) => void = ignore;
  readonly #options: ConnectionOptions;
  readonly #now: () => number;
  readonly #roundTrip = new RoundTrip();
  readonly #clock: SenderClock;
  readonly #receiver: SrtReceiver;
  readonly #sender: SrtSender;
  readonly #receiveRate = new ByteRate();
  readonly #sendRate = new ByteRate();
  readonly #writer: ControlWriter;
  readonly #acknowledger: Acknowledger;
  readonly #reporter: LossReporter;
  #resolve!: (reason: string) => void;
  #isClosed = false;
  #peerTimestampUs: number;
  #heardUs: number;
  #tickedUs: number;
  /**
   * Until then nothing is given up: this process was busy, and its socket may hold packets.
   */
  #holdUntilUs = 0;
  #sentUs: number;
  #undecryptable = 0;
  #invalidReports = 0;
  #bandwidth = 0;
  #dropRequests = 0;
  #keysSentUs = 0;
  #keysTakenUs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionOptions, now: () => number) {
    const nowUs = now();
    this.#options = options;
    this.#now = now;
    this.remote = options.remote;
    this.streamId = options.streamId;
    this.peerVersion = options.peerVersion;
    this.latencyMs = options.receiveLatencyMs;
    this.closed = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#heardUs = nowUs;
    this.#tickedUs = nowUs;
    this.#sentUs = nowUs;
    this.#peerTimestampUs = options.peerTimestampUs;
    this.#clock = new SenderClock(options.peerHandshakeUs, options.peerTimestampUs);
    const { maxPackets, maxBytes, initialSequence } = options;
    this.#writer = new ControlWriter({
      now,
      startUs: options.startUs,
      destination: options.peerSocketId,
      transmit: (packet) => this.#transmit(packet),
    });
    const latencyUs = options.receiveLatencyMs * 1000;
    const tolerance = options.isReordered ? new ReorderTolerance(latencyUs) : undefined;
    this.#reporter = new LossReporter(initialSequence, this.#roundTrip, this.#writer, tolerance !== undefined);
    this.#receiver = new SrtReceiver({ latencyUs, maxPackets, maxBytes, tolerance }, this.#clock, {
      deliver: (payload) => this.#deliver(payload),
      lose: (packets) => this.#lose(packets),
      report: (from, to) => this.#reporter.report(from, to),
    });
    this.#acknowledger = new Acknowledger(initialSequence, this.#receiver, this.#roundTrip, this.#writer);
    this.#sender = new SrtSender(
      {
        initialSequence: options.initialSequence,
        destination: options.peerSocketId,
        startUs: options.startUs,
        dropAfterUs: Math.max(options.sendLatencyMs * 1000, MAX_LATE_DROP_US) + 20_000,
        maxPackets,
        maxBytes,
        maxBytesPerSecond: options.maxBytesPerSecond,
        flowWindow: options.flowWindow,
        hasPeriodicNak: options.hasPeriodicNak,
        encryption: options.encryption,
      },
      this.#roundTrip,
      nowUs,
      { transmit: (packet) => this.#transmit(packet), dropped: (from, to) => this.#sendDropRequest(from, to) },
    );
  }

  send(payload: Uint8Array): boolean {
    if (this.#isClosed) return false;
    if (payload.length === 0 || payload.length > header.MAX_PAYLOAD_BYTES) {
      throw new RangeError(`An SRT packet has 1 to ${header.MAX_PAYLOAD_BYTES} bytes, not ${payload.length}.`);
    }
    return this.#sender.send(payload, this.#now());
  }

  close(): void {
    this.end('closed', true);
  }

  /** Whether the connection has ended. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Ends the connection.
   *
   * @param reason the value of `closed`
   * @param notify whether the peer gets a shutdown
   */
  end(reason: string, notify: boolean): void {
    if (this.#isClosed) return;
    if (notify) this.#writer.sendEmpty(header.control.shutdown, 0, 4);
    this.#isClosed = true;
    this.#receiver.close();
    this.#sender.close();
    this.#options.onClosed();
    this.#resolve(reason);
  }

  /**
   * Takes a packet whose sender's address was verified.
   *
   * @param packet at least 16 bytes; kept and decrypted in place
   * @throws FormatError if a control packet is malformed; the connection continues
   */
  receive(packet: Uint8Array, nowUs: number): void {
    if (this.#isClosed) return;
    this.#heardUs = nowUs;
    if (header.isControl(packet)) this.#receiveControl(packet, nowUs);
    else this.#receiveData(packet, nowUs);
  }

  /** Acknowledges, reports, skips, drops and sends what is due. Called every 10 ms. */
  tick(nowUs: number): void {
    if (this.#isClosed) return;
    const stalledUs = nowUs - this.#tickedUs;
    this.#tickedUs = nowUs;
    // Waiting packets are read in less time than they took to arrive.
    if (stalledUs > STALL_US) this.#holdUntilUs = nowUs + Math.min(stalledUs, MAX_HOLD_US);
    if (nowUs >= this.#holdUntilUs) this.#giveUp(nowUs);
    if (this.#isClosed) return;
    this.#receiveRate.count(this.#receiver.counters.receivedBytes, nowUs);
    this.#sendRate.count(this.#sender.counters.queuedBytes, nowUs);
    this.#acknowledger.tick(this.#receiveRate.bytesPerSecond, nowUs);
    this.#reporter.tick(this.#receiver, nowUs);
    this.#sender.tick(nowUs);
    this.#repeatKeys(nowUs);
    if (nowUs - this.#sentUs >= KEEP_ALIVE_US) this.#writer.sendEmpty(header.control.keepAlive, 0, 0);
  }

  stats(): SrtStats {
    const nowUs = this.#now();
    const { queuedBytes: _, ...sent } = this.#sender.counters;
    return {
      ...this.#receiver.counters,
      ...sent,
      invalidReports: sent.invalidReports + this.#invalidReports,
      rttMs: this.#roundTrip.rttUs / 1000,
      rttVarianceMs: this.#roundTrip.varianceUs / 1000,
      latencyMs: this.#options.receiveLatencyMs,
      peerLatencyMs: this.#options.sendLatencyMs,
      receiveBitrate: this.#receiveRate.bytesPerSecond * 8,
      sendBitrate: this.#sendRate.bytesPerSecond * 8,
      undecryptable: this.#undecryptable,
      bufferedPackets: this.#receiver.buffered,
      bufferMs: this.#receiver.bufferedUs / 1000,
      flight: this.#sender.flight,
      sendBufferPackets: this.#sender.buffered,
      sendBufferMs: this.#sender.ageUs(nowUs) / 1000,
      bandwidth: this.#bandwidth,
    };
  }

  /** Ends a connection whose peer is silent, and gives up packets that are too late. */
  #giveUp(nowUs: number): void {
    const { idleMs } = this.#options;
    if (nowUs - this.#heardUs > idleMs * 1000) this.end(`no packets for ${idleMs / 1000} s`, true);
    else this.#receiver.tick(nowUs);
  }

  #receiveData(packet: Uint8Array, nowUs: number): void {
    const receiver = this.#receiver;
    const sequence = header.dataSequence(packet);
    const index = indexOf(this.#options.initialSequence, sequence, receiver.end);
    if (index - receiver.end > MAX_AHEAD || packet.length === header.HEADER_BYTES) {
      receiver.counters.overflowed++;
      return;
    }
    const isRepeated = header.isRetransmitted(packet);
    if (isRepeated) receiver.counters.retransmittedReceived++;
    if (!receiver.wants(index, isRepeated)) return;
    const key = header.dataKey(packet);
    const { encryption } = this.#options;
    if (encryption ? !encryption.decrypt(key, sequence, packet, header.HEADER_BYTES) : key !== header.keyFlag.none) {
      this.#undecryptable++;
      return;
    }
    const timestampUs = unwrapTimestamp(header.timestampOf(packet), this.#peerTimestampUs);
    if (timestampUs > this.#peerTimestampUs) this.#peerTimestampUs = timestampUs;
    receiver.take(index, packet.subarray(header.HEADER_BYTES), timestampUs, nowUs, isRepeated);
    if (!this.#isClosed) this.#acknowledger.count();
  }

  #receiveControl(packet: Uint8Array, nowUs: number): void {
    const { control } = header;
    switch (header.controlType(packet)) {
      case control.ack:
        this.#receiveAck(packet, nowUs);
        return;
      case control.nak:
        this.#receiveNak(packet, nowUs);
        return;
      case control.ackAck:
        this.#receiveAckAck(packet, nowUs);
        return;
      case control.dropRequest:
        this.#receiveDropRequest(packet);
        return;
      case control.extension:
        this.#receiveKeys(packet, nowUs);
        return;
      case control.shutdown:
        this.end('closed by the peer', false);
        return;
      case control.peerError:
        this.end('the peer has an error', false);
        return;
      case control.keepAlive:
      case control.congestion:
      case control.handshake:
        return;
      default:
        throw new FormatError(`unknown control type ${header.controlType(packet)}`, 0);
    }
  }

  #receiveAck(packet: Uint8Array, nowUs: number): void {
    const ack = parseAck(packet);
    const sender = this.#sender;
    const index = indexOf(this.#options.initialSequence, ack.sequence, sender.next);
    const isLight = packet.length - header.HEADER_BYTES <= LIGHT_ACK_BYTES;
    // The confirmation comes first: it measures the round trip.
    if (!isLight) this.#writer.sendEmpty(header.control.ackAck, header.typeSpecific(packet), 4);
    if (ack.rttUs !== undefined && ack.rttVarianceUs !== undefined) {
      this.#roundTrip.report(ack.rttUs, ack.rttVarianceUs);
    }
    if (ack.byteRate !== undefined) this.#bandwidth = ack.byteRate * 8;
    sender.acknowledge(index, ack.availablePackets, nowUs);
  }

  #receiveNak(packet: Uint8Array, nowUs: number): void {
    const sender = this.#sender;
    const initial = this.#options.initialSequence;
    let after = Number.NEGATIVE_INFINITY;
    this.#dropRequests = 0;
    readLossList(packet, (first, last) => {
      const from = indexOf(initial, first, sender.next);
      const to = indexOf(initial, last, sender.next) + 1;
      // Lists are in order; without this check one packet could name the same range hundreds of times.
      if (from < after) this.#invalidReports++;
      else sender.reportLost(from, to, nowUs);
      after = Math.max(after, to);
    });
    sender.pump(nowUs);
  }

  #receiveAckAck(packet: Uint8Array, nowUs: number): void {
    const rttUs = this.#acknowledger.confirm(header.typeSpecific(packet), nowUs);
    if (rttUs === undefined) return;
    if (Number.isNaN(rttUs)) {
      this.#invalidReports++;
      return;
    }
    const timestampUs = unwrapTimestamp(header.timestampOf(packet), this.#peerTimestampUs);
    this.#clock.sample(nowUs, timestampUs, rttUs);
  }

  #receiveDropRequest(packet: Uint8Array): void {
    const { first, last } = parseDropRequest(packet);
    const initial = this.#options.initialSequence;
    const from = indexOf(initial, first, this.#receiver.end);
    const to = indexOf(initial, last, this.#receiver.end) + 1;
    if (from < to) this.#receiver.drop(from, Math.min(to, this.#receiver.end));
  }

  #receiveKeys(packet: Uint8Array, nowUs: number): void {
    const { encryption } = this.#options;
    if (!encryption) return;
    const message = packet.subarray(header.HEADER_BYTES);
    const subtype = header.controlSubtype(packet);
    if (subtype === header.keyMessage.response) {
      const refused = encryption.readAnswer(message);
      if (refused !== undefined) this.end('the peer refused the new encryption key', true);
    } else if (subtype === header.keyMessage.request && nowUs - this.#keysTakenUs >= KEYS_EVERY_US) {
      this.#keysTakenUs = nowUs;
      const { answer } = encryption.takeKeys(message, false);
      this.#writer.sendBody(header.control.extension, header.keyMessage.response, answer);
    }
  }

  #deliver(payload: Uint8Array): void {
    try {
      this.onData(payload);
    } catch (error) {
      this.#fail(error);
    }
  }

  #lose(packets: number): void {
    try {
      this.onLoss(packets);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.end('the owner failed', true);
    this.#options.onError(error);
  }

  #sendDropRequest(from: number, to: number): void {
    if (++this.#dropRequests > DROP_REQUESTS_PER_REPORT) return;
    const packet = Buffer.allocUnsafe(header.HEADER_BYTES + 8);
    const initial = this.#options.initialSequence;
    header.writeU32(packet, header.HEADER_BYTES, sequenceOf(initial, from));
    header.writeU32(packet, header.HEADER_BYTES + 4, sequenceOf(initial, to - 1));
    this.#writer.finish(packet, header.control.dropRequest, 0, (from % 0x03ff_ffff) + 1);
  }

  #repeatKeys(nowUs: number): void {
    const announcement = this.#options.encryption?.announcement;
    if (!announcement || nowUs - this.#keysSentUs < REPEAT_KEYS_US) return;
    this.#keysSentUs = nowUs;
    this.#writer.sendBody(header.control.extension, header.keyMessage.request, announcement);
  }

  #transmit(packet: Uint8Array): void {
    this.#sentUs = this.#now();
    this.#options.transmit(packet);
  }
}
