/**
 * How far the transfer of one file is: bytes, speed, remaining time, and what delays it.
 * In: reports of the upload, a regular `measure`. Out: fields that the row of the file shows.
 */
import type { Problem } from '../../../src/client/problem.ts';
import { TransferRate } from '../../../src/client/upload/transfer-rate.ts';

/** The progress of one transfer, over all its attempts. */
export class TransferProgress {
  /** Bytes that have arrived. */
  bytes = $state(0);
  /** Bytes per second; null before it is known. */
  speed = $state<number | null>(null);
  secondsLeft = $state<number | null>(null);
  /** Why it is waiting for the server. */
  trouble = $state.raw<Problem | null>(null);
  readonly #totalBytes: number;
  readonly #rate = new TransferRate();

  /** @param totalBytes size of the file */
  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  /** An attempt begins: what was measured before a pause does not count. */
  begin(): void {
    this.#rate.reset();
  }

  report(bytes: number, trouble: Problem | null): void {
    this.bytes = bytes;
    this.trouble = trouble;
    this.measure();
  }

  /** Updates speed and time left; call it while nothing arrives too. */
  measure(): void {
    const nowMs = performance.now();
    this.#rate.record(this.bytes, nowMs);
    this.speed = this.#rate.speed(nowMs);
    this.secondsLeft = this.#rate.secondsLeft(this.#totalBytes - this.bytes, nowMs);
  }

  /** The attempt has ended; the bytes that have arrived stay. */
  end(): void {
    this.trouble = null;
    this.speed = null;
    this.secondsLeft = null;
  }
}
