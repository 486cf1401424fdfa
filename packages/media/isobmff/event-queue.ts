/**
 * Turns the events between a stream's fragments into frames of `data` tracks, each when the media has come to
 * it.
 * In: event messages, and how far the media is. Out: tracks and frames. Pure.
 * Schemes: Carriage of ID3 Timed Metadata in CMAF, 2; SCTE 214-3, 7.3.
 */
import type { DataConfig, DataTrack, Frame } from '../frame.ts';
import { rescale } from '../rescale.ts';
import type { EventMessage } from './emsg.ts';
import { dataCodecOf, dataConfigOf } from './sample-entry/timed-entry.ts';

/** Ticks per second of all data tracks. */
const TIMESCALE = 90_000;
/** Track ids far behind those of a moov, so that they stay the same whatever it holds. */
const IDS: Readonly<Record<DataConfig['codec'], number>> = { id3: 250, scte35: 251, daterange: 252 };
const MAX_WAITING = 256;
const MAX_WAITING_BYTES = 1024 * 1024;
/** Events that are known again: packagers repeat one in each segment until it is over. */
const MAX_KNOWN = 256;

interface Waiting {
  readonly codec: DataConfig['codec'];
  /** Ticks; undefined until the fragment comes that it counts from. */
  pts: number | undefined;
  /** From the first presentation time of that fragment, ticks. */
  readonly delta: number;
  readonly duration: number;
  readonly data: Uint8Array;
}

interface EventTrack {
  readonly track: DataTrack;
  lastDts: number;
}

/** The events of one stream. */
export class EventQueue {
  readonly #eventTracks = new Map<DataConfig['codec'], EventTrack>();
  readonly #keys = new Set<string>();
  #waiting: Waiting[] = [];

  /** A track for each kind of event that has come. */
  get tracks(): readonly DataTrack[] {
    return [...this.#eventTracks.values()].map(({ track }) => track);
  }

  /**
   * Takes an event; one of a scheme that is not known, and one that came before, is let go.
   *
   * @returns false where too much waits already
   */
  push(message: EventMessage): boolean {
    const codec = dataCodecOf(message.scheme);
    if (!codec || this.#isKnown(message)) return true;
    const bytes = this.#waiting.reduce((sum, { data }) => sum + data.length, message.data.length);
    if (this.#waiting.length >= MAX_WAITING || bytes > MAX_WAITING_BYTES) return false;
    if (!this.#eventTracks.has(codec)) {
      const track: DataTrack = {
        id: IDS[codec],
        kind: 'data',
        timescale: TIMESCALE,
        language: 'und',
        label: '',
        config: dataConfigOf(codec),
      };
      this.#eventTracks.set(codec, { track, lastDts: Number.NEGATIVE_INFINITY });
    }
    const { relative, time, timescale, duration, data } = message;
    const ticks = rescale(time, timescale, TIMESCALE);
    const pts = relative ? undefined : ticks;
    this.#waiting.push({ codec, pts, delta: ticks, duration: rescale(duration, timescale, TIMESCALE), data });
    return true;
  }

  #isKnown({ scheme, value, id, timescale, time, relative, data }: EventMessage): boolean {
    // Some packagers give all of them the same id: only equality in all fields is a repetition. Relative
    // times differ by segment.
    const at = relative ? '' : rescale(time, timescale, TIMESCALE);
    const key = [scheme, value.slice(0, 64), id, at, String.fromCharCode(...data.subarray(0, 64)), data.length].join(
      '\n',
    );
    if (this.#keys.has(key)) return true;
    this.#keys.add(key);
    if (this.#keys.size > MAX_KNOWN) this.#keys.delete(this.#keys.keys().next().value!);
    return false;
  }

  /**
   * A fragment begins: gives the events that it covers, and those before it, in order of time.
   *
   * @param startS its first presentation time, seconds
   * @param endS its end, seconds
   */
  take(startS: number, endS: number): Frame[] {
    if (this.#waiting.length === 0) return [];
    for (const event of this.#waiting) event.pts ??= Math.round(startS * TIMESCALE) + event.delta;
    const isDue = ({ pts }: Waiting) => pts! < endS * TIMESCALE;
    // A time that no number holds is of no media.
    const real = this.#waiting.filter(({ pts }) => Number.isSafeInteger(pts));
    const due = real.filter(isDue).sort((a, b) => a.pts! - b.pts!);
    this.#waiting = real.filter((event) => !isDue(event));
    return due.map(({ codec, pts, duration, data }) => {
      const eventTrack = this.#eventTracks.get(codec)!;
      // Two events of one instant follow each other by a tick: decode times increase.
      const dts = Math.max(pts!, eventTrack.lastDts + 1);
      eventTrack.lastDts = dts;
      return { trackId: eventTrack.track.id, dts, pts: dts, duration, key: true, data };
    });
  }

  /**
   * The next fragments have other timestamps.
   *
   * @returns how many events are let go because their time never came
   */
  reset(): number {
    const lost = this.#waiting.length;
    this.#waiting = [];
    for (const eventTrack of this.#eventTracks.values()) eventTrack.lastDts = Number.NEGATIVE_INFINITY;
    return lost;
  }
}
