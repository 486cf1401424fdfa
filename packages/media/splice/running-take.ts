/**
 * The take that is on: puts its frames on the clock of the output, and ends where the next take begins.
 * In: frames of one input in decode order. Out: frames of the output. Pure.
 */
import type { AudioTrack, Frame, VideoTrack } from '../frame.ts';
import { ticksToUs, usToTicks } from '../run.ts';
import { PictureLane } from './picture-lane.ts';
import { SoundLane } from './sound-lane.ts';
import type { Take } from './take.ts';

/** Pictures that are held back at the most: no codec reorders more. */
const MAX_HELD = 32;
/**
 * What is held back besides while a take waits, µs of media: where inputs come unevenly, the key frame of
 * that take may come this much later than what belongs to the same instant here.
 */
const SPARE_US = 100_000;

/** What the splice decides when a take is on. */
interface RunningSetup {
  /** The tracks of the output; undefined: it has none of the kind. */
  readonly video: VideoTrack | undefined;
  readonly audio: AudioTrack | undefined;
  /** Added to the clock of the input, µs. */
  readonly offsetUs: number;
  /** How far the take was moved from where it should begin, µs; its sound from another input moves too. */
  readonly movedUs: number;
  /** Last decode time, and end of the sound, of the output, µs. */
  readonly lastDtsUs: number | undefined;
  readonly soundEndUs: number | undefined;
  readonly send: (frame: Frame) => void;
}

/** A take on the output. */
export class RunningTake {
  readonly take: Take;
  readonly #setup: RunningSetup;
  readonly #picture: PictureLane | undefined;
  #sound: SoundLane | undefined;
  /** Pictures that may be later than the first one of the next take. */
  #held: Frame[] = [];
  /** The last picture, on the clock of the output. It is sent when the next one comes, with its duration. */
  #last: Frame | undefined;
  #newestDts = Number.NEGATIVE_INFINITY;
  /** Its pictures begin before this instant, µs; undefined while no take follows. */
  #untilUs: number | undefined;
  #isHolding = false;
  #isSoundDone = false;
  #isEnded = false;

  constructor(take: Take, setup: RunningSetup) {
    this.take = take;
    this.#setup = setup;
    const { video, audio, offsetUs, lastDtsUs, soundEndUs } = setup;
    if (video && take.video) {
      const last = lastDtsUs === undefined ? Number.NEGATIVE_INFINITY : usToTicks(lastDtsUs, video.timescale);
      this.#picture = new PictureLane(video, take.video, offsetUs, last);
    }
    if (audio) this.openSound(soundEndUs === undefined ? undefined : usToTicks(soundEndUs, audio.timescale));
  }

  get offsetUs(): number {
    return this.#setup.offsetUs;
  }

  /** How far its sound is from its picture, µs, from -20,000 to 20,000; positive: late. */
  get soundMovedUs(): number {
    return this.#sound ? ticksToUs(Math.round(this.#sound.moved), this.#setup.audio!.timescale) : 0;
  }

  /** Time of the picture that is shown last and its length, µs; undefined without a picture. */
  get lastPicture(): { readonly ptsUs: number; readonly lengthUs: number } | undefined {
    const last = this.#picture?.last;
    const timescale = this.#setup.video?.timescale ?? 1;
    return last && { ptsUs: ticksToUs(last.pts, timescale), lengthUs: ticksToUs(last.duration, timescale) };
  }

  get lastDtsUs(): number | undefined {
    const dts = this.#picture?.lastDts;
    // Rounded up, so that the next decode time is later in every timescale.
    return dts === undefined || !Number.isFinite(dts) ? undefined : ticksToUs(dts, this.#setup.video!.timescale) + 1;
  }

  /** End of the sound, µs; undefined before its first frame. */
  get soundEndUs(): number | undefined {
    const end = this.#sound?.end;
    return end === undefined || !Number.isFinite(end)
      ? undefined
      : ticksToUs(Math.round(end), this.#setup.audio!.timescale);
  }

  /** Puts the sound on its clock again, from `end` on (ticks of the output). */
  openSound(end = this.#sound?.end): void {
    const { audio, offsetUs, movedUs } = this.#setup;
    const { audio: input, options } = this.take;
    if (!audio || !input) return;
    this.#sound = new SoundLane(audio, input, options.sound ? options.sound.offsetUs() + movedUs : offsetUs, end);
  }

  /** A take follows: the newest pictures are kept back until it is known where it begins. */
  hold(): void {
    this.#isHolding = true;
  }

  /** The input has ended: all that was kept back is sent. */
  end(): void {
    this.#isEnded = true;
    this.resume();
    this.#send(this.#last);
    this.#last = undefined;
  }

  /** No take follows any more. */
  resume(): void {
    this.#isHolding = false;
    this.#untilUs = undefined;
    this.#isSoundDone = false;
    this.#release();
  }

  /** The next take should begin at this instant, µs. */
  until(us: number): void {
    this.#untilUs = us;
  }

  /** Whether all frames before the next take have come. */
  get isComplete(): boolean {
    if (this.#isEnded || this.#untilUs === undefined) return this.#isEnded;
    return this.#hasPicture(this.#untilUs) && this.#hasSound(this.#untilUs);
  }

  /** @param isSound it belongs to the sound of the take, which may be another input's */
  write(frame: Frame, isSound: boolean): void {
    if (isSound) this.#writeSound(frame);
    else this.#writePicture(frame);
  }

  /** Takes those held pictures that are before the next take, and drops the rest. */
  finish(untilUs: number): void {
    const held = this.#held;
    const { video } = this.#setup;
    if (!video || !this.#picture || held.length === 0) return;
    const until = usToTicks(untilUs, video.timescale);
    for (const frame of held.slice(0, this.#bestLength(held, until))) this.#sendPicture(this.#picture.place(frame));
    this.#held = [];
  }

  /** Sends the last picture. @param nextDtsUs decode time of the next take's first picture, µs */
  leave(nextDtsUs: number): void {
    const last = this.#last;
    this.#last = undefined;
    if (!last) return;
    const next = usToTicks(nextDtsUs, this.#setup.video!.timescale);
    this.#setup.send({ ...last, duration: Math.max(1, next - last.dts) });
  }

  /**
   * How many held pictures are sent, so that the last one ends nearest to `until` (ticks) and no picture is
   * missing before it: B-frames come after a picture that is shown later.
   */
  #bestLength(held: readonly Frame[], until: number): number {
    const picture = this.#picture!;
    const times = held.map((frame) => picture.timesOf(frame));
    let best = { length: 0, distance: Number.POSITIVE_INFINITY };
    let [latest, lengthOfLatest] = [picture.last?.pts ?? Number.NEGATIVE_INFINITY, picture.last?.duration ?? 0];
    for (let length = 0; length <= times.length; length++) {
      const added = times[length - 1];
      if (added && added.pts > latest) [latest, lengthOfLatest] = [added.pts, added.duration];
      const isWhole = times.slice(length).every(({ pts }) => pts > latest);
      const distance = Math.abs(latest + lengthOfLatest - until);
      if (isWhole && distance <= best.distance) best = { length, distance };
    }
    return best.length;
  }

  #writePicture(frame: Frame): void {
    const picture = this.#picture;
    if (!picture) return;
    this.#newestDts = picture.timesOf(frame).dts;
    if (!this.#isHolding) {
      this.#sendPicture(picture.place(frame));
      return;
    }
    this.#held.push(frame);
    const spare = usToTicks(SPARE_US, this.#setup.video!.timescale);
    while (this.#held.length > 0) {
      const [oldest] = this.#held;
      if (this.#held.length <= MAX_HELD && picture.timesOf(oldest!).pts >= this.#newestDts - spare) break;
      if (this.#untilUs !== undefined && this.#held.length <= MAX_HELD && this.#isAfter(oldest!)) break;
      this.#held.shift();
      this.#sendPicture(picture.place(oldest!));
    }
  }

  /** Whether a picture begins after the place of the next take, or in the last half of its length before. */
  #isAfter(frame: Frame): boolean {
    const { pts, duration } = this.#picture!.timesOf(frame);
    return pts + duration / 2 > usToTicks(this.#untilUs!, this.#setup.video!.timescale);
  }

  #writeSound(frame: Frame): void {
    const sound = this.#sound;
    if (!sound || this.#isSoundDone) return;
    const { audio } = this.#setup;
    if (this.#untilUs !== undefined && sound.middleOf(frame) > usToTicks(this.#untilUs, audio!.timescale)) {
      this.#isSoundDone = true;
      return;
    }
    this.#send(sound.place(frame));
  }

  #hasPicture(us: number): boolean {
    const { video } = this.#setup;
    const picture = this.#picture;
    if (!video || !picture) return true;
    const { pts = Number.NEGATIVE_INFINITY, duration = 0 } = picture.last ?? {};
    // What was sent before the take began to hold back may be shown after pictures that are still to come.
    return this.#newestDts >= Math.max(usToTicks(us, video.timescale) - duration, pts);
  }

  #hasSound(us: number): boolean {
    const { audio } = this.#setup;
    if (!audio || !this.#sound || this.#isSoundDone) return true;
    const end = this.#sound.end;
    return !Number.isFinite(end) || end >= usToTicks(us, audio.timescale) - this.#sound.frameLength / 2;
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const frame of held) this.#sendPicture(this.#picture?.place(frame));
  }

  /** Sends the picture before this one, with the time until this one. */
  #sendPicture(frame: Frame | undefined): void {
    if (!frame) return;
    const last = this.#last;
    this.#last = frame;
    if (last) this.#setup.send({ ...last, duration: frame.dts - last.dts });
  }

  #send(frame: Frame | undefined): void {
    if (frame) this.#setup.send(frame);
  }
}
