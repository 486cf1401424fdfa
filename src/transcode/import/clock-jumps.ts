/**
 * Jumps in the times of a picture, as captures have that were interrupted or joined.
 * In: packets in the order of the file. Out: the parts of the file, which continue each other; warnings.
 * ISO/IEC 13818-1, 2.4.3.5.
 */
import type { DemuxPacket, DemuxStream } from '../../ffmpeg/demux.ts';
import { AHEAD_US, type JoinedPart, OFF_US } from '../../ffmpeg/joined-clock.ts';
import { refused } from './limits.ts';
import { secondsOf } from './packet-base.ts';

/** Jumps that are named. */
const MOST_NAMED = 5;
/** More parts are a broken clock. */
const MOST_PARTS = 10_000;

/** Watches the times of one file. */
export class ClockJumps {
  readonly #reference: DemuxStream;
  #parts: JoinedPart[] = [];
  /**
   * Of the open part, µs: its first decode time, the offset of its times, the end of its pictures as they are
   * shown.
   */
  #fromUs = 0;
  #shiftUs = 0;
  #endUs = Number.NEGATIVE_INFINITY;
  /** The last decode time of the reference, µs. */
  #lastUs: number | undefined;
  #stepUs = 0;
  /** A packet whose time jumps: its time may be damaged, so the next one decides. µs */
  #doubt: { readonly us: number; readonly shownUs: number; readonly lengthUs: number } | undefined;
  /** First time of another stream that is later than the reference, µs. */
  #beyondUs = Number.POSITIVE_INFINITY;

  constructor(reference: DemuxStream) {
    this.#reference = reference;
  }

  /** The times of the picture jump. */
  get isJoined(): boolean {
    return this.#parts.length > 0;
  }

  /** All parts, after the last packet; one that does not jump is one part. */
  get parts(): readonly JoinedPart[] {
    const toUs = (this.#lastUs ?? 0) + this.#stepUs;
    return [...this.#parts, { fromUs: this.#fromUs, toUs, shiftUs: this.#shiftUs }];
  }

  /** Takes the times of a packet. */
  take({ dts, pts, duration }: Pick<DemuxPacket, 'dts' | 'pts' | 'duration'>, stream: DemuxStream): void {
    if (dts === undefined || this.#reference.kind !== 'video') return;
    const usOf = (ticks: number) => Math.round(secondsOf(ticks, stream) * 1_000_000);
    const us = usOf(dts);
    if (stream !== this.#reference) {
      if (us > (this.#lastUs ?? us) + OFF_US) this.#beyondUs = Math.min(this.#beyondUs, us);
      return;
    }
    const packet = { us, shownUs: usOf(pts ?? dts), lengthUs: usOf(duration) };
    const doubt = this.#doubt;
    if (this.#lastUs === undefined) this.#fromUs = us;
    else if (doubt ? !follows(this.#lastUs, us) : this.#jumps(us)) {
      if (!doubt || !follows(doubt.us, us)) {
        this.#doubt = packet;
        return;
      }
      this.#join(doubt.us, doubt.shownUs);
      this.#note(doubt);
    }
    this.#doubt = undefined;
    this.#note(packet);
    this.#beyondUs = Number.POSITIVE_INFINITY;
  }

  /** For a person. @param originUs time of the container at which the asset begins */
  warnings(originUs: number): readonly string[] {
    const { parts } = this;
    const unnamed = parts.length - 1 - MOST_NAMED;
    const named = parts.slice(1, MOST_NAMED + 1).map(({ fromUs }, i) => {
      const { toUs, shiftUs } = parts[i]!;
      const byS = (fromUs - toUs) / 1_000_000;
      const atS = (Math.max(0, toUs + shiftUs - originUs) / 1_000_000).toFixed(1);
      const how = byS < 0 ? `go back by ${(-byS).toFixed(1)} s` : `jump ahead by ${byS.toFixed(1)} s`;
      return `The times of the file ${how} at ${atS} s, as where captures were joined: what follows continues there.`;
    });
    return unnamed > 0 ? [...named, `They jump ${unnamed} more times.`] : named;
  }

  #jumps(us: number): boolean {
    // Where sound continues, a picture only lasts for long.
    const lasts = us > this.#lastUs! && this.#beyondUs <= us - OFF_US;
    return !follows(this.#lastUs!, us) && !lasts;
  }

  #note({ us, shownUs, lengthUs }: { us: number; shownUs: number; lengthUs: number }): void {
    this.#stepUs = lengthUs || Math.max(0, us - (this.#lastUs ?? us));
    this.#lastUs = us;
    this.#endUs = Math.max(this.#endUs, shownUs + this.#stepUs);
  }

  /** A part begins: its first picture is shown where the part before ends. */
  #join(fromUs: number, shownUs: number): void {
    if (this.#parts.length >= MOST_PARTS) throw refused('The times of the picture jump everywhere.');
    this.#parts.push({ fromUs: this.#fromUs, toUs: this.#lastUs! + this.#stepUs, shiftUs: this.#shiftUs });
    this.#shiftUs += this.#endUs - shownUs;
    this.#fromUs = fromUs;
    this.#endUs = Number.NEGATIVE_INFINITY;
    this.#lastUs = fromUs;
  }
}

/** Whether a time may be the next one. */
function follows(lastUs: number, us: number): boolean {
  return us >= lastUs - OFF_US && us <= lastUs + AHEAD_US;
}
