/**
 * Looks at one key frame in two seconds and listens to one second in ten of a stream, if a rule of an alarm
 * is about it: is it black, does it move, is there sound?
 * In: groups of the packager, synchronously. Out: samples in the time of the media. Decoding is in the shared
 * media engine, one request after the other; what the queue refuses is left out. Never slows the stream: it
 * copies the first fragment.
 */

import { concatBytes } from '@oxbow/media/bytes';
import type { Track } from '@oxbow/media/frame';
import { printInit } from '@oxbow/media/isobmff/init';
import type { SegmentGroup } from '@oxbow/media/segment';
import type { MeasureSound, ReadLuma } from '../../ffmpeg/engine.ts';
import { messageOf } from '../../lib/errors.ts';
import type { StoryboardQueue } from '../record/storyboard-queue.ts';
import { firstFragment } from '../record/storyboard-sampler.ts';
import type { ContentMode, WantedContent } from './content-mode.ts';
import { darkShare, largestDifference } from './picture-facts.ts';

/** Sound that is decoded of each piece, seconds. */
const SOUND_S = 1;
/** Most bytes of audio that are copied: a second of uncompressed sound. */
const MAX_SOUND_BYTES = 1024 * 1024;
/** Level of digital silence, dB. */
const FLOOR_DB = -120;
/** Two pictures further apart than this are not compared, µs. */
const REACH_US = 60_000_000;

/** After a failure the next try of that kind is this much later, µs. */
const AGAIN_US = 30_000_000;

/** What was found; times are UTC of the media in µs. */
export type ContentSample =
  | {
      readonly kind: 'picture';
      /** The sample is about [fromUs, toUs). */
      readonly fromUs: number;
      readonly toUs: number;
      /** Share of the picture that is dark, percent. */
      readonly dark: number;
      /** Largest difference to the picture before; undefined without one, 0 to 255. */
      readonly change: number | undefined;
    }
  | {
      readonly kind: 'sound';
      readonly fromUs: number;
      readonly toUs: number;
      /** Root mean square, dB of full scale, -120 to 0. */
      readonly levelDb: number;
      readonly peakDb: number;
      /** Share of clipped samples, percent. */
      readonly clipped: number;
    };

/** What became of a sample. */
type ContentResult = 'checked' | 'dropped' | 'failed';

/** What the checks of all streams share. */
export interface ContentEngine {
  readonly mode: Pick<ContentMode, 'everyUs' | 'off' | 'wanted'>;
  readonly queue: Pick<StoryboardQueue, 'offer'>;
  readonly readLuma: ReadLuma;
  readonly measureSound: MeasureSound;
}

/** What the check of one stream needs. */
interface ContentCheckOptions extends ContentEngine {
  readonly counted: (kind: ContentSample['kind'], result: ContentResult) => void;
}

/** The check of one stream. */
export class ContentCheck {
  readonly #options: ContentCheckOptions;
  readonly #closing = new AbortController();
  /** Start of the last group of which a sample was requested, µs. */
  readonly #last: Record<ContentSample['kind'], number> = {
    picture: Number.NEGATIVE_INFINITY,
    sound: Number.NEGATIVE_INFINITY,
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
    const { picture, sound } = mode.everyUs;
    const { startUs, durationUs, init } = group;
    const segmentOf = (track: Track | undefined) => track && group.tracks.find(({ trackId }) => trackId === track.id);
    const isDue = (kind: ContentSample['kind'], everyUs: number) => {
      const sinceUs = startUs - this.#last[kind];
      return sinceUs < -AGAIN_US || sinceUs >= everyUs - durationUs / 2; // the nearest group, where they do not fit evenly
    };
    const video = init.tracks.find(({ kind }) => kind === 'video');
    const key = segmentOf(video);
    if (wanted.picture && video && key?.independent && isDue('picture', picture)) {
      const start = firstFragment(key.bytes);
      if (start) this.#offer('picture', startUs, [printInit([video]), start], (bytes) => this.#look(bytes, startUs));
    }
    const audio = init.tracks.find(({ kind }) => kind === 'audio');
    const heard = segmentOf(audio);
    if (wanted.sound && audio && heard && isDue('sound', sound)) {
      const start = heard.bytes.length <= MAX_SOUND_BYTES ? heard.bytes : firstFragment(heard.bytes);
      const endUs = startUs + durationUs;
      if (start)
        this.#offer('sound', startUs, [printInit([audio]), start], (bytes) => this.#hear(bytes, startUs, endUs));
    }
  }

  /** Takes no more groups; resolves when no request of the stream runs any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#pending;
  }

  #offer(
    kind: ContentSample['kind'],
    startUs: number,
    pieces: readonly Uint8Array[],
    check: (bytes: Uint8Array) => Promise<void>,
  ): void {
    const { queue, counted } = this.#options;
    const bytes = concatBytes(pieces);
    const done = Promise.withResolvers<void>();
    const run = async () => {
      try {
        if (this.#closing.signal.aborted) return;
        await check(bytes);
        this.#failure = '';
        counted(kind, 'checked');
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        const before = this.#failure;
        this.#failure = messageOf(error);
        this.#last[kind] = startUs + AGAIN_US;
        counted(kind, 'failed');
        // Once: media that cannot be decoded must not pause the pictures of other streams.
        if (this.#failure !== before) throw error;
      } finally {
        done.resolve();
      }
    };
    if (!queue.offer({ bytes: bytes.length, run })) {
      counted(kind, 'dropped');
      return;
    }
    this.#last[kind] = startUs;
    this.#pending = done.promise;
  }

  async #look(bytes: Uint8Array, atUs: number): Promise<void> {
    const { readLuma } = this.#options;
    const luma = (await readLuma(bytes, { signal: this.#closing.signal })).slice();
    const before = this.#seen;
    this.#seen = { atUs, luma };
    const isNear = before !== undefined && atUs > before.atUs && atUs - before.atUs <= REACH_US;
    this.#listener({
      kind: 'picture',
      fromUs: isNear ? before.atUs : atUs,
      toUs: atUs,
      dark: darkShare(luma),
      change: isNear ? largestDifference(luma, before.luma) : undefined,
    });
  }

  async #hear(bytes: Uint8Array, startUs: number, endUs: number): Promise<void> {
    const { measureSound } = this.#options;
    const { rms, peak, clipped, seconds } = await measureSound(bytes, SOUND_S, { signal: this.#closing.signal });
    if (seconds === 0) throw new Error('the sound could not be decoded');
    const beforeUs = this.#heardUs;
    this.#heardUs = endUs;
    const isNear = startUs > beforeUs && startUs - beforeUs <= REACH_US;
    this.#listener({
      kind: 'sound',
      fromUs: isNear ? beforeUs : startUs,
      toUs: endUs,
      levelDb: decibels(rms),
      peakDb: decibels(peak),
      clipped: clipped * 100,
    });
  }
}

function decibels(value: number): number {
  return value <= 0 ? FLOOR_DB : Math.max(FLOOR_DB, Math.min(0, 20 * Math.log10(value)));
}
