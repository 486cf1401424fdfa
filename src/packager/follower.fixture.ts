/**
 * A derived quality without an encoder, for tests: the video frames of a stream, again, some time later.
 * In: a packager rig. Out: its follower, fed by a sink of the stream. Used by tests only.
 */

import type { Frame, VideoTrack } from '@oxbow/media/frame';
import type { RunContext, Sink } from '../live/sink.ts';
import type { MissingCause } from './derived-input.ts';
import type { DerivedInput } from './follower.ts';
import { Follower } from './follower.ts';
import type { DerivedQuality } from './live-segment.ts';
import type { LiveWindow } from './live-window.ts';
import { LiveWindowWriter } from './live-window-writer.ts';
import type { PackagerRig } from './packager.fixture.ts';

/** Feeds each reference frame to a derived quality, `delayS` of media later, with other bytes. */
export class Repacketizer implements Sink {
  readonly #input: DerivedInput;
  /** Seconds of media. */
  delayS: number;
  /** Frames that it drops. */
  drops: (frame: Frame) => boolean = () => false;
  /** Peak that it announces, bits per second; undefined: none. */
  bandwidth: number | undefined;
  readonly #isSame: boolean;
  #context: RunContext | undefined;
  #held: Frame[] = [];

  /** @param isSame its pictures are those of the stream, for what reads them */
  constructor(input: DerivedInput, delayS: number, { isSame = false } = {}) {
    this.#input = input;
    this.delayS = delayS;
    this.#isSame = isSame;
  }

  startRun(context: RunContext): void {
    if (context.soft) return;
    this.#context = context;
    const { reference } = context;
    if (reference.kind !== 'video') return;
    if (this.#isSame) {
      this.#input.startRun(context.run.id, reference);
      return;
    }
    const config = { ...reference.config, codecs: 'avc1.64000d', width: 320, height: 180 };
    this.#input.startRun(context.run.id, { ...reference, config } as VideoTrack, this.bandwidth);
  }

  write(frame: Frame): void {
    const { id, timescale } = this.#context!.reference;
    if (frame.trackId !== id) return;
    if (!this.drops(frame)) this.#held.push(this.#isSame ? frame : { ...frame, data: frame.data.slice(0, 20) });
    while (this.#held[0] && (frame.dts - this.#held[0].dts) / timescale >= this.delayS)
      this.#input.write(this.#held.shift()!);
  }

  flush(): void {}

  endRun(): void {
    for (const frame of this.#held.splice(0)) this.#input.write(frame);
    this.#input.endRun();
  }

  damage(): void {}
}

export interface FollowerRig {
  readonly follower: Follower;
  readonly list: LiveWindow;
  /** What it offered, oldest first. */
  readonly offers: (DerivedQuality | undefined)[];
  /** Why segments have no media, oldest first. */
  readonly missing: MissingCause[];
}

/** Creates a follower with track 101 and rung `180`. */
export function createFollowerRig(
  { packager, listWriter: source }: PackagerRig,
  lateUs = 4_000_000,
  rung = '180',
): FollowerRig {
  const listWriter = new LiveWindowWriter();
  const offers: (DerivedQuality | undefined)[] = [];
  const missing: MissingCause[] = [];
  const follower = new Follower({
    trackId: 101,
    rung,
    cuts: packager.cuts,
    source: source.list,
    listWriter,
    lateUs,
    shared: false,
    initOf: (tracks) => ({ number: 1 + tracks.length, hash: `${tracks.length}0`.repeat(32), tracks }),
    failed(error) {
      throw error;
    },
    offered(quality) {
      offers.push(quality);
      source.offer(quality ? [quality] : []);
    },
    missed: (_, cause) => missing.push(cause),
  });
  return { follower, list: listWriter.list, offers, missing };
}
