/**
 * Receives the datagrams of a busy socket in batches: Node makes a call of the system, a buffer and an
 * address for each of them.
 * In: a bound socket that is not connected. Out: its datagrams, as before. docs/decisions/0142.
 *
 * Encoders send a picture at once, so datagrams come in bursts. Node receives the first one of a burst; the
 * others are fetched every 2 ms until none has arrived, and Node waits for the next burst.
 */
import type { Socket } from 'node:dgram';
import { openBatch, SLOT_BYTES, type UdpBatch } from './udp-batch.ts';
import { handleOf, type UdpHandle } from './udp-handle.ts';

/** Time between two batches of a burst, ms. */
const EVERY_MS = 2;
/** A socket is busy with so many datagrams in a period, ms, and quiet after some periods with fewer. */
const BUSY_DATAGRAMS = 150;
const PERIOD_MS = 100;
const QUIET_PERIODS = 10;
/**
 * What the system keeps for the socket, bytes as it reports them: less would not last for 2 ms, and a late
 * turn of the event loop.
 */
const LEAST_BUFFER_BYTES = 2 * 1024 * 1024;

/** What batches of a socket need. */
interface BatchSetup {
  /** It is bound, and stays open for as long as its batches. */
  readonly socket: Socket;
  receive(packet: Uint8Array, address: string, port: number): void;
  /** Time that never steps, ms; default: that of the process. */
  readonly nowMs?: () => number;
}

/** Decides whether the datagrams of one socket are fetched in batches, and fetches them. */
export class UdpBatches {
  readonly #setup: BatchSetup;
  readonly #nowMs: () => number;
  #isPossible = true;
  /** Of this period: since when, datagrams, and the longest one, bytes. */
  #sinceMs = 0;
  #count = 0;
  #longest = 0;
  #quietPeriods = 0;
  #batch: UdpBatch | undefined;
  #handle: UdpHandle | undefined;
  /** Of a burst: the next look, or the rest of a full batch. */
  #timer: NodeJS.Timeout | undefined;
  #next: NodeJS.Immediate | undefined;

  constructor(setup: BatchSetup) {
    this.#setup = setup;
    this.#nowMs = setup.nowMs ?? (() => performance.now());
  }

  /** Whether datagrams are fetched in batches now. */
  get isActive(): boolean {
    return this.#batch !== undefined;
  }

  /** Node has received a datagram, bytes; with batches it is the first one of a burst. */
  received(bytes: number): void {
    this.#count++;
    this.#longest = Math.max(this.#longest, bytes);
    if (this.#batch) {
      this.#endPeriods();
      this.#begin();
    } else if (this.#count >= BUSY_DATAGRAMS) {
      const isBusy = this.#nowMs() < this.#sinceMs + PERIOD_MS && this.#longest <= SLOT_BYTES;
      this.#beginPeriod();
      if (isBusy && this.#isPossible) this.#open();
    }
  }

  /** Leaves the socket to Node for good. May be called twice. */
  close(): void {
    this.#isPossible = false;
    this.#end();
  }

  #beginPeriod(): void {
    this.#sinceMs = this.#nowMs();
    this.#count = 0;
    this.#longest = 0;
  }

  #open(): void {
    const { socket } = this.#setup;
    this.#handle = socket.getRecvBufferSize() >= LEAST_BUFFER_BYTES ? handleOf(socket) : undefined;
    this.#batch = this.#handle && openBatch(this.#handle.fd);
    this.#isPossible = this.#batch !== undefined;
    this.#quietPeriods = 0;
    if (this.#batch) this.#begin();
  }

  /** A burst: Node does not read until it has ended. */
  #begin(): void {
    if (this.#batch && this.#handle!.recvStop() === 0) this.#look();
  }

  #fetch(): void {
    const batch = this.#batch;
    if (!batch) return;
    const { count, isFull } = batch.fetch();
    for (let n = 0; n < count && this.#batch; n++) this.#take(batch, n);
    this.#count += count;
    this.#endPeriods();
    if (!this.#isPossible) this.#end();
    if (!this.#batch) return;
    // The rest comes in another turn, so that other sockets get theirs.
    if (isFull) this.#next = setImmediate(() => this.#fetch());
    else if (count > 0) this.#look();
    else this.#handle!.recvStart();
  }

  #look(): void {
    if (this.#timer) this.#timer.refresh();
    else this.#timer = setTimeout(() => this.#fetch(), EVERY_MS);
  }

  #take(batch: UdpBatch, n: number): void {
    const packet = batch.packet(n);
    const { address, port } = batch.sender(n);
    if (packet) this.#setup.receive(packet, address, port);
    else this.#isPossible = false; // longer than all that Node has received: Node takes the next one
  }

  /** Ends batches after some quiet periods. */
  #endPeriods(): void {
    const periods = Math.floor((this.#nowMs() - this.#sinceMs) / PERIOD_MS);
    if (periods === 0) return;
    this.#quietPeriods = this.#count < BUSY_DATAGRAMS * periods ? this.#quietPeriods + periods : 0;
    this.#beginPeriod();
    if (this.#quietPeriods >= QUIET_PERIODS) this.#end();
  }

  #end(): void {
    if (!this.#batch) return;
    this.#batch = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    clearImmediate(this.#next);
    handleOf(this.#setup.socket)?.recvStart();
  }
}
