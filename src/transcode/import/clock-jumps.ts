/**
 * Jumps in the times of a picture, as captures have that were interrupted or joined.
 * In: packets in the order of the file. Out: warnings about jumps ahead; a refusal for one back. ISO/IEC 13818-1, 2.4.3.5.
 */
import type { DemuxPacket, DemuxStream } from '../../ffmpeg/demux.ts';
import { refused } from './limits.ts';
import { secondsOf } from './packet-base.ts';

/** Nothing of a file for longer than this is a jump ahead, s. */
const AHEAD_S = 10;
/** A longer jump ahead is no pause: FFmpeg takes times of MPEG-TS that go back far for those behind the end of its 33 bits, s. */
const MOST_S = 6 * 3600;
/** Decode times rise; those of careless muxers are off by less than this. Sound may be so far from its picture in a file. s */
const OFF_S = 1;
/** Jumps that are named. */
const MOST_NAMED = 5;

/** Watches the times of one file. */
export class ClockJumps {
  readonly #reference: DemuxStream;
  /** The last two decode times of the reference, s: one of them alone may be damaged. */
  #last: readonly number[] = [];
  /** First time of another stream that is later than the reference, s. */
  #beyondS = Number.POSITIVE_INFINITY;
  readonly #jumps: { readonly atS: number; readonly byS: number }[] = [];

  constructor(reference: DemuxStream) {
    this.#reference = reference;
  }

  /** Takes the time of a packet. @throws OxbowError `unsupported-media` where the picture goes back, or far ahead */
  take({ dts }: DemuxPacket, stream: DemuxStream): void {
    if (dts === undefined || this.#reference.kind !== 'video') return;
    const atS = secondsOf(dts, stream);
    const lastS = this.#last.at(-1) ?? atS;
    if (stream !== this.#reference) {
      if (atS > lastS + OFF_S) this.#beyondS = Math.min(this.#beyondS, atS);
      return;
    }
    const backS = this.#last.length === 2 ? Math.min(...this.#last) - atS : 0;
    if (backS > OFF_S) throw joined(`go back by ${backS.toFixed(1)} s`);
    const aheadS = atS - lastS;
    // Where sound continues, a picture only lasts for long.
    const isJump = aheadS > AHEAD_S && this.#beyondS > atS - OFF_S;
    if (isJump && aheadS > MOST_S) throw joined(`jump by ${(aheadS / 3600).toFixed(1)} hours`);
    if (isJump) this.#jumps.push({ atS: lastS, byS: aheadS });
    this.#last = [...this.#last.slice(-1), atS];
    this.#beyondS = Number.POSITIVE_INFINITY;
  }

  /** For a person. @param originS time of the container at which the asset begins */
  warnings(originS: number): readonly string[] {
    return this.#jumps.slice(0, MOST_NAMED).map(({ atS, byS }) => {
      const at = Math.max(0, atS - originS).toFixed(1);
      return `The times of the file jump ahead by ${byS.toFixed(1)} s at ${at} s: there is nothing in between.`;
    });
  }
}

function joined(how: string) {
  return refused(
    `The times of the picture ${how}, as where captures were joined. ` +
      'Join them with new times, e.g. with ffmpeg -f concat -i LIST -c copy FILE.',
  );
}
