/**
 * Finds access units of video: packets with one timestamp, up to the one with the marker bit.
 * In: packets in order. Out: calls of a format that reads their payloads. RFC 3550 5.1 (marker), RFC 6184
 * 5.1.
 */
import { FormatError } from '../../errors.ts';
import type { RtpPacket } from '../packet.ts';
import type { Depacketizer, DepacketizerOutput, Unit } from './payload.ts';

/** An access unit without its timestamp. */
export type VideoUnit = Omit<Unit, 'timestamp'>;

/** What differs between the formats of video. */
export interface VideoPayload {
  /**
   * Takes a payload of the current access unit.
   *
   * @throws FormatError if it is malformed; the access unit is then dropped
   */
  payload(payload: Uint8Array): void;
  /**
   * The access unit is complete; begins the next one.
   *
   * @returns undefined if it has no picture, or its configuration is not known
   * @throws FormatError if it is malformed
   */
  unit(): VideoUnit | undefined;
  /** Drops the current access unit. */
  clear(): void;
}

/** Reads nothing: for streams that were refused. */
export const ignoredPayload: VideoPayload = { payload() {}, unit: () => undefined, clear() {} };

/** A depacketizer of video. */
export class UnitAssembler implements Depacketizer {
  readonly #payload: VideoPayload;
  readonly #out: DepacketizerOutput;
  /** Timestamp of the current access unit; undefined between units. */
  #timestamp: number | undefined;
  /** Packets of this access unit are missing or malformed: the rest of it is skipped. */
  #broken: number | undefined;
  #needsKey = true;
  /** The sender sets the marker bit. */
  #hasMarkers = false;

  constructor(payload: VideoPayload, out: DepacketizerOutput) {
    this.#payload = payload;
    this.#out = out;
  }

  get needsKey(): boolean {
    return this.#needsKey;
  }

  push({ timestamp, marker, payload }: RtpPacket): void {
    if (this.#timestamp !== undefined && timestamp !== this.#timestamp) this.#end();
    if (payload.length === 0) return; // padding of a bandwidth probe
    if (this.#broken === timestamp) return;
    this.#broken = undefined;
    this.#timestamp = timestamp;
    try {
      this.#payload.payload(payload);
    } catch (error) {
      this.#fail(error);
      this.#broken = timestamp;
      return;
    }
    if (!marker) return;
    this.#hasMarkers = true;
    this.#end();
  }

  lost(): void {
    this.#payload.clear();
    this.#timestamp = undefined;
    this.#needsKey = true;
  }

  flush(): void {
    if (this.#timestamp === undefined) return;
    // Of a sender that sets the bit its last packets have not come: the sender was killed, or they were lost.
    if (this.#hasMarkers) this.lost();
    else this.#end();
  }

  #end(): void {
    const timestamp = this.#timestamp;
    if (timestamp === undefined) return;
    this.#timestamp = undefined;
    try {
      const unit = this.#payload.unit();
      if (!unit || (this.#needsKey && !unit.key)) return;
      this.#needsKey = false;
      this.#out.unit({ timestamp, ...unit });
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof FormatError)) throw error;
    this.lost();
    this.#out.damage(error.message);
  }
}
