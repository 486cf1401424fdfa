/**
 * Looks at key frames of a stream and listens to some seconds of it, if a rule of an alarm is about it: is it
 * black, does it move, is there sound? How often is bounded by what it costs.
 * In: groups of the packager, synchronously. Out: samples in the time of the media. Decoding is in the shared
 * media engine, one request after the other; what the queue refuses is left out. Never slows the stream: it
 * copies the key frame.
 */

import { concatBytes } from '@oxbow/media/bytes';
import type { Track } from '@oxbow/media/frame';
import { printInit } from '@oxbow/media/isobmff/init';
import type { SegmentGroup, TrackSegment } from '@oxbow/media/segment';
import type { MeasureSound, ReadLuma } from '../../ffmpeg/engine.ts';
import { messageOf } from '../../lib/errors.ts';
import type { StoryboardQueue } from '../record/storyboard-queue.ts';
import { firstFragment, firstFrame } from '../record/storyboard-sampler.ts';
import type { ContentMode, WantedContent } from './content-mode.ts';
import type { ContentSample } from './content-sample.ts';
import { type Look, LookPace } from './look-pace.ts';
import { darkShare, largestDifference } from './picture-facts.ts';

/** Share of a core that pictures take at most, and sound: 0.1 % of a core with the transfer. */
const [PICTURE_SHARE, SOUND_SHARE] = [0.0006, 0.0003];
/** Length of a piece of sound, seconds. */
const SOUND_S = 1;
/** Most bytes of audio that are copied: a second of uncompressed sound. */
const MAX_SOUND_BYTES = 1024 * 1024;
/** Level of digital silence, dB. */
const FLOOR_DB = -120;
/** Two pictures further apart than this are not compared, µs. */
const REACH_US = 75_000_000;

/** What became of a sample. */
type ContentResult = 'checked' | 'dropped' | 'failed';

/** What the checks of all streams share. */
export interface ContentEngine {
  readonly mode: Pick<ContentMode, 'everyUs' | 'isBounded' | 'off' | 'wanted'>;
  readonly queue: Pick<StoryboardQueue, 'offer'>;
  readonly readLuma: ReadLuma;
  readonly measureSound: MeasureSound;
}

/** What the check of one stream needs. */
interface ContentCheckOptions extends ContentEngine {
  /** @param cpuUs processor time that it took, µs; 0 if it was not checked */
  readonly counted: (kind: ContentSample['kind'], result: ContentResult, cpuUs: number) => void;
}

/** What was found, and the processor time that it took. */
interface Checked {
  readonly sample: ContentSample;
  readonly cpuUs: number;
}

/** The check of one stream. */
export class ContentCheck {
  readonly #options: ContentCheckOptions;
  readonly #closing = new AbortController();
  readonly #paces: Readonly<Record<ContentSample['kind'], LookPace>> = {
    picture: new LookPace(PICTURE_SHARE),
    sound: new LookPace(SOUND_SHARE),
  };
  #seen: { readonly atUs: number; readonly luma: Uint8Array } | undefined;
  #heardUs = Number.NEGATIVE_INFINITY;
  /** Why the last request failed; empty if it did not. */
  #failure = '';
  /** What rules of alarms are about. */
  #wanted: WantedContent | undefined;
  /** Settles with the last request: the queue runs them in order. */
  #pending: Promise<void> = Promise.resolve();

  #listener: (sample: ContentSample) => void = () => {};

  constructor(options: ContentCheckOptions) {
    this.#options = options;
  }

  /** Sets the listener of samples. */
  onSample(listener: (sample: ContentSample) => void): void {
    this.#listener = listener;
  }

  /** Why nothing is known about the content; empty if it is checked. */
  get absent(): string {
    const isWanted = !this.#wanted || this.#wanted.picture || this.#wanted.sound;
    return this.#options.mode.off || (isWanted ? this.#failure : 'no rule of an alarm is about pictures or sound');
  }

  /** Takes a group. Never waits, never throws. @param rules of the alarms of the stream, as text */
  take(group: SegmentGroup, rules: string): void {
    const { mode } = this.#options;
    if (this.#closing.signal.aborted) return;
    if (mode.off !== '') {
      this.#seen = undefined;
      return;
    }
    const wanted = mode.wanted(rules, this.#wanted);
    this.#wanted = wanted;
    if (!wanted.picture) this.#seen = undefined;
    if (!wanted.picture && !wanted.sound) return;
    const { everyUs, isBounded } = mode;
    const { startUs: atUs, durationUs, init } = group;
    const segmentOf = (track: Track | undefined) => track && group.tracks.find(({ trackId }) => trackId === track.id);
    const video = init.tracks.find(({ kind }) => kind === 'video');
    const key = segmentOf(video);
    if (wanted.picture && video && key?.independent) {
      const look = { atUs, durationUs, sizes: pictureSizes(key, durationUs) };
      const start = this.#paces.picture.isDue(look, everyUs.picture, isBounded) && firstFrame(key.bytes);
      if (start) this.#offer('picture', look, [printInit([video]), start], (bytes) => this.#look(bytes, atUs));
    }
    const audio = init.tracks.find(({ kind }) => kind === 'audio');
    const heard = segmentOf(audio);
    if (wanted.sound && audio && heard) {
      const look = { atUs, durationUs, sizes: [perSecond(heard.bytes.length, durationUs)] };
      if (!this.#paces.sound.isDue(look, everyUs.sound, isBounded)) return;
      const start = heard.bytes.length <= MAX_SOUND_BYTES ? heard.bytes : firstFragment(heard.bytes);
      const endUs = atUs + durationUs;
      if (start) this.#offer('sound', look, [printInit([audio]), start], (bytes) => this.#hear(bytes, atUs, endUs));
    }
  }

  /** Takes no more groups; resolves when no request of the stream runs any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#pending;
  }

  #offer(
    kind: ContentSample['kind'],
    look: Look,
    pieces: readonly Uint8Array[],
    check: (bytes: Uint8Array) => Promise<Checked>,
  ): void {
    const { queue, counted } = this.#options;
    const pace = this.#paces[kind];
    const bytes = concatBytes(pieces);
    const done = Promise.withResolvers<void>();
    let countedUs = 0;
    const run = async () => {
      try {
        if (this.#closing.signal.aborted) return;
        const { sample, cpuUs } = await check(bytes);
        this.#failure = '';
        pace.measured(cpuUs, countedUs, this.#wanted?.isWrong(sample) ?? false);
        this.#listener(sample);
        counted(kind, 'checked', cpuUs);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        const before = this.#failure;
        this.#failure = messageOf(error);
        pace.failed(look);
        counted(kind, 'failed', 0);
        // Once: media that cannot be decoded must not pause the pictures of other streams.
        if (this.#failure !== before) throw error;
      } finally {
        done.resolve();
      }
    };
    if (!queue.offer({ bytes: bytes.length, run })) {
      counted(kind, 'dropped', 0);
      return;
    }
    countedUs = pace.begin(look);
    this.#pending = done.promise;
  }

  async #look(bytes: Uint8Array, atUs: number): Promise<Checked> {
    const { luma: shared, cpuUs } = await this.#options.readLuma(bytes, { signal: this.#closing.signal });
    const luma = shared.slice();
    const before = this.#seen;
    this.#seen = { atUs, luma };
    const isNear = before !== undefined && atUs > before.atUs && atUs - before.atUs <= REACH_US;
    const sample: ContentSample = {
      kind: 'picture',
      fromUs: isNear ? before.atUs : atUs,
      toUs: atUs,
      dark: darkShare(luma),
      change: isNear ? largestDifference(luma, before.luma) : undefined,
    };
    return { sample, cpuUs };
  }

  async #hear(bytes: Uint8Array, startUs: number, endUs: number): Promise<Checked> {
    const { signal } = this.#closing;
    const { level, cpuUs } = await this.#options.measureSound(bytes, SOUND_S, { signal });
    const { rms, peak, clipped, seconds } = level;
    if (seconds === 0) throw new Error('the sound could not be decoded');
    const beforeUs = this.#heardUs;
    this.#heardUs = endUs;
    const isNear = startUs > beforeUs && startUs - beforeUs <= REACH_US;
    const sample: ContentSample = {
      kind: 'sound',
      fromUs: isNear ? beforeUs : startUs,
      toUs: endUs,
      levelDb: decibels(rms),
      peakDb: decibels(peak),
      clipped: clipped * 100,
    };
    return { sample, cpuUs };
  }
}

/**
 * The size of the first key frame, and that of the frames between key frames a second. A black picture has a
 * small key frame, a frozen one has little else.
 */
function pictureSizes({ rows }: TrackSegment, durationUs: number): readonly number[] {
  if (!rows) return [];
  const { samples } = rows;
  let others = 0;
  for (let i = 0; i < samples.length; i += 4) if (samples[i + 3] === 0) others += samples[i + 1]!;
  return [samples[1]!, perSecond(others, durationUs)];
}

function perSecond(bytes: number, durationUs: number): number {
  return (bytes * 1e6) / durationUs;
}

function decibels(value: number): number {
  return value <= 0 ? FLOOR_DB : Math.max(FLOOR_DB, Math.min(0, 20 * Math.log10(value)));
}
