/**
 * The timeline of a mixer while it publishes: takes of inputs, spliced at key frames.
 * In: frames of the inputs, which input should be on air. Out: runs and frames of a publisher; changes.
 */
import type { AudioTrack, Frame } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { Splice, type SpliceChange } from '@oxbow/media/splice/splice';
import type { Take } from '@oxbow/media/splice/take';
import type { Publisher } from '../../ingest/publisher.ts';
import type { Clock } from '../../lib/clock.ts';
import type { MixerInput } from './mixer-input.ts';

/** Media time of the first picture, µs: decode times before it are not negative. */
const LEAD_US = 10_000_000;
/** A clock of the output that is further from this process's than this begins again, µs. */
const MOST_SKEW_US = 500_000;
/** By how much each cut brings the output back to the clock of this process, µs at most. */
const STEP_US = 5000;
/** The sound of a fixed input is put on its clock again when it is this far from it, µs. */
const SOUND_DRIFT_US = 15_000;

/** A take and where its frames come from. `tracks` are those of the run in which it was opened. */
interface InputTake {
  readonly take: Take;
  readonly input: MixerInput;
  readonly tracks: MixerInput['tracks'];
  /** The input of the sound, where it is fixed, and its track. */
  readonly sound: MixerInput | undefined;
  readonly track: AudioTrack | undefined;
}

/** What the picture has changed to. */
export interface MixChange {
  readonly input: MixerInput;
  readonly from: MixerInput | undefined;
  /** µs of media time of the publisher. */
  readonly atUs: number;
  readonly isDiscontinuity: boolean;
  /** The same input continues after an interruption. */
  readonly isReturn: boolean;
}

/** What a timeline is made with. */
interface MixSetup {
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly onChange: (change: MixChange) => void;
}

/** One session of a mixer. */
export class Mix {
  readonly #setup: MixSetup;
  readonly #splice: Splice;
  /** The monotonic clock at time 0 of the output, µs. */
  readonly #baseUs: number;
  readonly #utcOffsetUs: number;
  #takes: readonly InputTake[] = [];
  #current: InputTake | undefined;
  /** How far the output is from the clock of this process, without what the last cut was moved, µs. */
  #errorUs = 0;
  #isAbsent = false;
  #soundOffsetUs = 0;

  constructor(setup: MixSetup) {
    this.#setup = setup;
    const { publisher, clock } = setup;
    this.#baseUs = this.#nowUs - LEAD_US;
    this.#utcOffsetUs = Math.round(clock.nowMs() * 1000) - LEAD_US;
    this.#splice = new Splice({
      tracks: (tracks) =>
        publisher.startRun({
          tracks,
          utcOffsetUs: this.#utcOffsetUs,
          clock: 'arrival',
          pace: { kind: 'continuous' },
        }),
      frame: (frame) => publisher.publish(frame),
      changed: (change) => this.#changed(change),
    });
  }

  /** The input whose frames are sent; undefined while none is. */
  get onAir(): MixerInput | undefined {
    return this.#isAbsent ? undefined : this.#current?.input;
  }

  /** The input that waits for a key frame. */
  get next(): MixerInput | undefined {
    return this.#takes.find(({ take }) => take === this.#splice.next)?.input;
  }

  /** UTC of an instant of the output, µs since 1970. */
  utcOf(us: number): number {
    return (this.#setup.publisher.placement?.utcOffsetUs ?? this.#utcOffsetUs) + us;
  }

  /** Shows this input from its next key frame on; does nothing if it is shown, or will be. */
  show(input: MixerInput, sound: MixerInput | undefined): void {
    const fixed = sound && sound !== input && sound.isLive ? sound : undefined;
    const track = fixed?.tracks?.find((each): each is AudioTrack => each.kind === 'audio');
    const isSame = (other: InputTake | undefined) =>
      other?.input === input && other.tracks === input.tracks && other.track === track;
    const waiting = this.#takes.find(({ take }) => take === this.#splice.next);
    if (!this.#isAbsent && isSame(this.#current)) {
      if (waiting) this.#splice.cancel();
      if (waiting) this.#keep();
      return;
    }
    if (isSame(waiting) || !input.tracks) return;
    const take = this.#splice.open({
      tracks: input.tracks,
      offsetUs: (first) => this.#offsetOf(input, first),
      ...(fixed && track && { sound: { track, offsetUs: () => this.#soundOffset(fixed) } }),
    });
    this.#takes = [...this.#takes, { take, input, tracks: input.tracks, sound: track && fixed, track }];
    this.#keep();
    this.#writeRecentSound(take, input, track && fixed);
  }

  /** Gives a take the sound that came before its key frame. */
  #writeRecentSound(take: Take, input: MixerInput, fixed: MixerInput | undefined): void {
    const heard = this.#current && (this.#current.sound ?? this.#current.input);
    // Without a picture, the first of it would begin the take. What is heard already would be heard twice.
    if (!take.video || (heard === (fixed ?? input) && !this.#isAbsent)) return;
    for (const frame of (fixed ?? input).recentSound) {
      if (fixed) take.writeSound(frame);
      else take.write(frame);
    }
  }

  /** The frames of the input on air have ended. */
  ended(input: MixerInput): void {
    if (this.#current?.input === input) this.#splice.end();
  }

  /** No input has media: the stream reports it until one has, without names, because viewers read it. */
  absent(): void {
    if (this.#isAbsent || !this.#current) return;
    this.#isAbsent = true;
    this.#splice.end();
    this.#setup.publisher.absent('source-down', 'the input of the mixer has no media');
  }

  /** Ends the session. */
  close(): void {
    this.#setup.publisher.close('the mixer has ended');
  }

  frame(input: MixerInput, frame: Frame): void {
    for (const { take, input: picture, sound } of this.#takes) {
      if (this.#isAbsent && take === this.#splice.current) continue;
      if (picture === input) take.write(frame);
      if (sound === input) take.writeSound(frame);
    }
  }

  /** Follows the clock of a fixed sound; called several times a second. */
  tick(): void {
    const sound = this.#current?.sound;
    if (!sound || this.#isAbsent) return;
    const offsetUs = this.#soundTarget(sound);
    if (Math.abs(offsetUs - this.#soundOffsetUs) > SOUND_DRIFT_US) this.#splice.retimeSound();
  }

  get #nowUs(): number {
    return Math.round(this.#setup.clock.monotonicMs() * 1000);
  }

  /** How far the output is from the clock of this process, µs: it follows the clock of the input on air. */
  get #skewUs(): number {
    const current = this.#current;
    const [offsetUs, inputUs] = [this.#splice.offsetUs, current?.input.offsetUs];
    if (!current || offsetUs === undefined || inputUs === undefined) return 0;
    if (current.tracks !== current.input.tracks) return 0;
    const skewUs = offsetUs - this.#errorUs - (inputUs - this.#baseUs);
    return Math.abs(skewUs) > MOST_SKEW_US ? 0 : skewUs;
  }

  #offsetOf(input: MixerInput, first: Frame): number {
    const track = input.tracks?.find(({ id }) => id === first.trackId);
    // The first frame of a run is measured before it is passed on.
    const offsetUs = input.offsetUs ?? this.#nowUs - ticksToUs(first.dts, track?.timescale ?? 1);
    const skewUs = this.#skewUs;
    const stepUs = Math.min(Math.max(skewUs, -STEP_US), STEP_US);
    return offsetUs - this.#baseUs + skewUs - stepUs;
  }

  #soundTarget(sound: MixerInput): number {
    return (sound.offsetUs ?? 0) - this.#baseUs + this.#skewUs;
  }

  #soundOffset(sound: MixerInput): number {
    this.#soundOffsetUs = this.#soundTarget(sound);
    return this.#soundOffsetUs;
  }

  #changed({ take, atUs, errorUs, isDiscontinuity }: SpliceChange): void {
    const current = this.#takes.find((each) => each.take === take)!;
    const from = this.#isAbsent ? undefined : this.#current?.input;
    const isReturn = this.#current?.input === current.input;
    this.#current = current;
    this.#errorUs = errorUs;
    this.#isAbsent = false;
    this.#keep();
    this.#setup.onChange({ input: current.input, from, atUs, isDiscontinuity, isReturn });
  }

  /** Forgets takes that the splice does not use. */
  #keep(): void {
    const { current, next } = this.#splice;
    this.#takes = this.#takes.filter(({ take }) => take === current || take === next);
  }
}
