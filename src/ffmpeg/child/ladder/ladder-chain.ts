/**
 * Makes a ladder of one video stream: one decoder, one graph of filters, an encoder for each rung. Everything
 * is pushed, so that files and live media use it alike.
 * In: packets in decode order, and the times of cuts. Out: samples of all rungs, with key frames exactly at
 * the cuts. Native code: child processes only.
 */

import type { Frame, VideoConfig } from '@oxbow/media/frame';
import { AV_CODEC_ID_HEVC } from 'node-av/constants';
import { type CodecParameters, type Packet, Frame as Picture } from 'node-av/lib';
import { messageOf } from '../../../lib/errors.ts';
import type { EncoderChoice, EncoderFailure, LadderPicture, LadderVideoRendition } from '../../ladder-options.ts';
import { must } from '../native.ts';
import { CaptionCarry } from './caption-carry.ts';
import { DecodeTimes } from './decode-times.ts';
import type { EncoderPass } from './encoder-settings.ts';
import { PictureFilter } from './picture-filter.ts';
import { type EncodedRungPicture, RungEncoder } from './rung-encoder.ts';
import { VideoDecoder } from './video-decoder.ts';

/** Options of {@link LadderChain}. */
export interface LadderChainOptions {
  /** Of the stream. */
  readonly parameters: CodecParameters;
  readonly timeBase: { readonly num: number; readonly den: number };
  readonly picture: LadderPicture;
  readonly rungs: readonly LadderVideoRendition[];
  /** Ticks per second of everything that comes out, and of cuts; a multiple of the rate of `timeBase`. */
  readonly timescale: number;
  /** Time of the packets at which output time 0 is, ticks of `timescale`. */
  readonly origin: number;
  /** Pictures from here on are encoded, ticks; those before are only decoded. */
  readonly from: number;
  /** Pictures from here on are not encoded. */
  readonly to: number;
  /**
   * End of the media: a picture more than a second later has a damaged time, and is left out. Default: not
   * known.
   */
  readonly mediaEnd?: number;
  readonly threads: number;
  /** Threads of the decoder, of which each more holds a picture; default: `threads`. */
  readonly decoderThreads?: number;
  /** The pass of a rung that is encoded in two. */
  readonly passOf?: (rung: LadderVideoRendition) => EncoderPass | undefined;
  /** Called once for each rung before its first frame. */
  readonly onConfig: (rung: LadderVideoRendition, config: VideoConfig) => void;
  /** `duration` is that of a picture at the average rate; may be kept. */
  readonly onFrame: (rung: LadderVideoRendition, frame: Frame) => void;
  /**
   * The encoder of a rung on a device failed. Where `continues` is set, software encodes from the next cut
   * on; otherwise the error ends the chain.
   */
  readonly onEncoderFailed?: (failure: EncoderFailure) => void;
  readonly continues?: boolean;
}

/** Pictures that encoders of a codec with B-frames reorder. */
const REORDERED = 2;
/** Times of cuts are rounded: a picture this much before a cut is at it. s */
const TOLERANCE_S = 0.0002;

/** The ladder of one stream. */
export class LadderChain implements Disposable {
  readonly #options: LadderChainOptions;
  readonly #decoder: VideoDecoder;
  #filter: PictureFilter;
  #rungs: Rung[];
  /** The encoders of rungs that are made, where they are others than at the start. */
  readonly #choices = new Map<number, EncoderChoice>();
  readonly #tolerance: number;
  readonly #scale: number;
  #decoded = 0;
  /** Pictures whose time is behind the end of the media. */
  #mistimed = 0;
  #isPast = false;

  constructor(options: LadderChainOptions) {
    const { parameters, timeBase, rungs, timescale, threads, decoderThreads = threads } = options;
    this.#options = options;
    this.#tolerance = Math.max(0, Math.floor(timescale * TOLERANCE_S));
    this.#scale = (timeBase.num * timescale) / timeBase.den;
    const deliver = (decoded: Picture, pts: number) => this.#decodedPicture(decoded, pts);
    this.#decoder = new VideoDecoder({ parameters, timeBase, threads: decoderThreads, deliver });
    this.#rungs = rungs.map((rung) => this.#openRung(rung));
    this.#filter = this.#openFilter();
  }

  /** Whether a picture at or after `to` was decoded: nothing more will come out before `flush`. */
  get isPast(): boolean {
    return this.#isPast;
  }

  /** Pictures of the range, damaged packets and times, cuts without a picture, changes of size or format. */
  get counts(): { decoded: number; damaged: number; concealed: number; changes: number; fallbacks: string[] } {
    return {
      decoded: this.#decoded,
      damaged: this.#decoder.damaged + this.#mistimed,
      concealed: Math.max(0, ...this.#rungs.map((rung) => rung.concealed)),
      changes: this.#filter.changes,
      fallbacks: this.#rungs.flatMap((rung) => rung.fallbacks),
    };
  }

  /**
   * Adds a cut, in increasing order, before its picture is pushed: the first picture at or after it begins a
   * segment in every rung.
   */
  cut(at: number): void {
    for (const rung of this.#rungs) rung.cut(at);
  }

  /** Takes the next packet. */
  push(packet: Packet): void {
    this.#decoder.push(packet);
  }

  /**
   * Only these rungs are made from the next picture on: others end at once, those that are added begin with a
   * key frame.
   */
  keep(trackIds: readonly number[]): void {
    const wanted = this.#options.rungs.filter(({ trackId }) => trackIds.includes(trackId));
    const rungs = new Map(this.#rungs.map((rung) => [rung.trackId, rung]));
    if (wanted.length === rungs.size && wanted.every(({ trackId }) => rungs.has(trackId))) return;
    this.#filter.flush();
    this.#filter[Symbol.dispose]();
    for (const { trackId } of this.#options.rungs) {
      // One that is made again later has lost its place on a device.
      if (!trackIds.includes(trackId)) this.#choices.set(trackId, {});
    }
    this.#rungs = wanted.map((rung) => rungs.get(rung.trackId) ?? this.#openRung(rung));
    for (const rung of rungs.values()) if (!this.#rungs.includes(rung)) rung[Symbol.dispose]();
    this.#filter = this.#openFilter();
  }

  /** Another encoder makes a rung from its next cut on. */
  use(trackId: number, choice: EncoderChoice): void {
    this.#choices.set(trackId, choice);
    this.#rungs.find((rung) => rung.trackId === trackId)?.use(choice);
  }

  #openRung(rung: LadderVideoRendition): Rung {
    const choice = this.#choices.get(rung.trackId);
    return new Rung(choice ? withEncoder(rung, choice) : rung, this.#options, this.#tolerance);
  }

  #openFilter(): PictureFilter {
    const { picture, timescale, threads, parameters } = this.#options;
    const rungs = this.#rungs;
    return new PictureFilter({
      picture,
      sizes: rungs.map(({ size }) => size),
      timescale,
      threads,
      // A picture of HEVC with fields is one of them (ITU-T H.265, field_seq_flag).
      hasFields: parameters.codecId === AV_CODEC_ID_HEVC,
      deliver: (index, scaled, pts) => rungs[index]!.push(scaled, pts),
    });
  }

  /** The media, or the range, ends: delivers everything. The chain can then only be disposed. */
  flush(): void {
    if (!this.#isPast) this.#decoder.push(undefined);
    this.#filter.flush();
    for (const rung of this.#rungs) rung.finish();
  }

  [Symbol.dispose](): void {
    this.#decoder[Symbol.dispose]();
    this.#filter[Symbol.dispose]();
    for (const rung of this.#rungs) rung[Symbol.dispose]();
  }

  #decodedPicture(picture: Picture, ticks: number): void {
    const { from, to, origin, timescale, mediaEnd = Number.POSITIVE_INFINITY } = this.#options;
    const pts = Math.round(ticks * this.#scale) - origin;
    if (pts > mediaEnd + timescale) {
      this.#mistimed++;
      return;
    }
    if (pts >= to - this.#tolerance) this.#isPast = true;
    if (this.#isPast || pts < from - this.#tolerance) return;
    this.#decoded++;
    this.#filter.push(picture, Math.max(0, pts));
  }
}

/** A rung with another encoder. */
function withEncoder({ hardware: _, device: __, ...rung }: LadderVideoRendition, choice: EncoderChoice) {
  return { ...rung, ...choice };
}

/** One rung: which pictures it keeps, its key frames, its encoder. */
class Rung implements Disposable {
  #rung: LadderVideoRendition;
  readonly #options: LadderChainOptions;
  readonly #tolerance: number;
  #times: DecodeTimes;
  readonly #delay: number;
  readonly #duration: number;
  readonly #cuts: number[] = [];
  /** The newest picture, for cuts without one. */
  readonly #last = new Picture();
  readonly #captions = new CaptionCarry();
  /** Undefined after it failed, up to the next cut. */
  #encoder: RungEncoder | undefined;
  /** The encoder from the next cut on. */
  #next: EncoderChoice | undefined;
  #sinceCut = 0;
  #lastPts = -1;
  #hasConfig = false;
  concealed = 0;
  readonly fallbacks: string[] = [];

  constructor(rung: LadderVideoRendition, options: LadderChainOptions, tolerance: number) {
    this.#rung = rung;
    this.#options = options;
    this.#tolerance = tolerance;
    const { num, den } = rung.frameRate;
    this.#duration = Math.max(1, Math.round((options.timescale * den) / num));
    const reorders = rung.bFrames > 0 && (rung.codec === 'h264' || rung.codec === 'hevc');
    this.#delay = reorders ? REORDERED * this.#duration : 0;
    this.#times = new DecodeTimes(this.#delay);
    this.#last.alloc();
    this.#encoder = this.#tryOpen();
  }

  get trackId(): number {
    return this.#rung.trackId;
  }

  get size(): LadderVideoRendition {
    return this.#rung;
  }

  cut(at: number): void {
    this.#cuts.push(at);
  }

  use(choice: EncoderChoice): void {
    this.#next = choice;
  }

  push(picture: Picture, pts: number): void {
    if (pts <= this.#lastPts) return; // A damaged stream repeats a time.
    let isCut = false;
    while (this.#cuts.length > 0 && pts >= this.#cuts[0]! - this.#tolerance) {
      const at = this.#cuts.shift()!;
      const isNext = this.#cuts.length > 0 && pts >= this.#cuts[0]! - this.#tolerance;
      if (isNext) this.#conceal(picture, at);
      else isCut = true;
    }
    if (isCut) this.#sinceCut = 0;
    if (this.#sinceCut++ % this.#rung.keepEvery !== 0) {
      this.#captions.take(picture);
      return;
    }
    this.#captions.give(picture);
    this.#encode(picture, pts, isCut);
    this.#last.unref();
    must(this.#last.ref(picture), 'keeping a picture');
    this.#captions.forget(this.#last);
  }

  finish(): void {
    if (this.#lastPts >= 0) for (const at of this.#cuts.splice(0)) this.#conceal(this.#last, at);
    this.#attempt(() => this.#encoder?.finish(), true);
  }

  [Symbol.dispose](): void {
    this.#encoder?.[Symbol.dispose]();
    this.#last.free();
  }

  /** A segment without a picture shows this one. */
  #conceal(picture: Picture, at: number): void {
    if (at <= this.#lastPts) return;
    this.concealed++;
    this.#captions.take(picture);
    this.#encode(picture, at, true);
  }

  #encode(picture: Picture, pts: number, key: boolean): void {
    this.#lastPts = pts;
    if (key) this.#change();
    if (!this.#encoder) return;
    if (this.#attempt(() => this.#send(picture, pts, key), !key) || !key) return;
    // Nothing of this segment has come out: software begins it.
    this.#change();
    this.#send(picture, pts, key);
  }

  #send(picture: Picture, pts: number, key: boolean): true {
    this.#times.enter(pts);
    this.#encoder!.encode(picture, pts, key);
    return true;
  }

  /** At a cut: takes the encoder that makes the rung from here on. */
  #change(): void {
    const choice = this.#next ?? (this.#encoder ? undefined : {});
    if (!choice) return;
    this.#next = undefined;
    this.#attempt(() => this.#encoder?.finish(), true);
    this.#encoder?.[Symbol.dispose]();
    this.#encoder = undefined;
    this.#rung = withEncoder(this.#rung, choice);
    this.#hasConfig = false;
    this.#times = new DecodeTimes(this.#delay);
    this.#encoder = this.#tryOpen();
  }

  /** The encoder; software where its device does not open. */
  #tryOpen(): RungEncoder {
    const encoder = this.#attempt(() => this.#open(), false);
    if (encoder) return encoder;
    this.#rung = withEncoder(this.#rung, {});
    return this.#open();
  }

  /**
   * Calls the encoder of a device.
   *
   * @param isLossy whether a failure leaves a picture out
   * @returns undefined if it failed, and software continues: it is closed, and this rung has none
   */
  #attempt<Result>(call: () => Result, isLossy: boolean): Result | undefined {
    const { onEncoderFailed, continues } = this.#options;
    try {
      return call();
    } catch (error) {
      if (this.#rung.hardware === undefined) throw error;
      // With the picture that failed it may have kept earlier ones.
      const keptSome = (this.#encoder?.inside ?? 0) > 1;
      if (continues) {
        // Before the report, after which its place on the device may be taken.
        this.#encoder?.[Symbol.dispose]();
        this.#encoder = undefined;
      }
      onEncoderFailed?.({ trackId: this.trackId, why: messageOf(error), isLossy: isLossy || keptSome });
      if (!continues) throw error;
      return undefined;
    }
  }

  #open(): RungEncoder {
    const { picture, threads, passOf } = this.#options;
    return new RungEncoder({
      rung: this.#rung,
      matrix: picture.matrix,
      threads,
      pass: passOf?.(this.#rung),
      deliver: (encoded) => this.#deliver(encoded),
    });
  }

  #deliver({ pts, key, data }: EncodedRungPicture): void {
    const { onConfig, onFrame } = this.#options;
    if (!this.#hasConfig) {
      this.#hasConfig = true;
      onConfig(this.#rung, this.#encoder!.config!);
    }
    const dts = this.#times.leave(pts);
    onFrame(this.#rung, { trackId: this.#rung.trackId, dts, pts, duration: this.#duration, key, data });
  }
}
