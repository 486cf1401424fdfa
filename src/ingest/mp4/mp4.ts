/**
 * Pulls an MP4 file over HTTP at the speed of its media, like a live source that ends.
 * In: the URL of a file with sample tables or fragments. Out: frames at the speed of the media, to a
 * StreamInput. docs/media.md 2, 9.
 *
 * Media of a stream is addressed by UTC, so an hour of media takes an hour. The run begins when the file is
 * opened (UTC offset = now), and each burst of complete GOPs is published at the time of its end. Bursts
 * instead of single frames: a file needs no low latency, and the viewers do not notice pauses of the server
 * of some seconds.
 */

import type { Track } from '@oxbow/media/frame';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { HOLE_US } from '../../live/continuity.ts';
import type { StreamInput } from '../../live/input.ts';
import { noCounters } from '../pull/pull-log.ts';
import { openAccess, type PullOptions } from '../pull/pull-options.ts';
import { sameTracks } from '../same-tracks.ts';
import { type Burst, longestBurstS, readBursts } from './bursts.ts';
import { type FileBytes, openFileBytes } from './file-bytes.ts';
import { factsOf } from './file-facts.ts';
import type { FileContext } from './file-request.ts';
import { openMovie } from './movie-file.ts';

/** Media that is later than this causes a gap and a new run, ms. */
const LATE_MS = 5000;
/** Sound before the first picture is reported from this on, seconds: less of it primes its decoder. */
const LEAST_EARLY_S = 0.2;
/** Interval of bursts that packager/cadence expects, as a multiple of the longest burst. */
const INTERVAL_PER_BURST = 1.5;

/** Mapping of the file's timeline to the monotonic clock. */
interface Epoch {
  /** Position in the file that is due at `atMs`, seconds. */
  readonly mediaS: number;
  /** Monotonic ms. */
  readonly atMs: number;
  readonly tracks: readonly Track[];
  readonly utcOffsetUs: number;
}

/**
 * Resolves when the file has ended and all of it is published; rejects with the signal's reason when aborted.
 * An unreachable server is retried without limit, with pauses of at most 10 s, and reported to the input as
 * down.
 *
 * @throws OxbowError `unsupported-media` for a protected file, unsupported codecs, or a file whose index is
 *   at its end on a server without
 * byte ranges; `address-refused` when oxbow may not open the URL; `source-failed` when the file changes
 * during the pull; errors of `locate` except `source-failed`. FormatError for a file that is not MP4, or an
 * invalid User-Agent.
 */
export async function runMp4Pull(options: PullOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const { input, clock, log, counters = noCounters, locate } = options;
  const access = openAccess(options);
  const publisher = new Publisher(input, clock);
  const onFailure = (detail: string) => publisher.requestFailed(detail);
  const context: FileContext = { access, log, counters, locate, onFailure };
  if (locate) access.moved(await locate({ signal }));
  await using file = await openFileBytes(context, { signal });
  const movie = await openMovie(file, { signal });
  for (const reason of movie.notes) log.warn({ reason }, 'unsupported feature of the file ignored');
  options.onFacts?.(factsOf(movie, file.length));
  const hasTables = movie.tracks.some(({ count }) => count > 0);
  if (!hasTables && !movie.fragmented) throw new OxbowError('unsupported-media', 'The file contains no media.');
  publisher.longestS = hasTables ? longestBurstS(movie) : 0;
  await publishAll(file, readBursts(file, movie, { signal }), publisher, { signal });
}

/** Publishes bursts; reads the next one while one waits for its time. */
async function publishAll(
  file: FileBytes,
  bursts: AsyncGenerator<Burst, void>,
  publisher: Publisher,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  let coming = bursts.next();
  try {
    for (;;) {
      const { value: burst, done } = await publisher.expect(coming, { signal });
      if (done) return;
      coming = bursts.next();
      // The loop awaits it later; until then a rejection must not count as unhandled.
      coming.catch(() => {});
      await publisher.publish(burst, { signal });
    }
  } finally {
    // Closing the file ends a running read.
    await file[Symbol.asyncDispose]();
    await bursts.return().catch(() => {});
  }
}

/** Publishes to one stream at the speed of the media. */
class Publisher {
  readonly #input: StreamInput;
  readonly #clock: Clock;
  #epoch: Epoch | undefined;
  /** End of the last burst, seconds of the file. */
  #endS = 0;
  #failure = '';
  /** Missing media was reported to the input. */
  #absent = false;
  /** Longest expected burst, seconds. */
  longestS = 0;

  constructor(input: StreamInput, clock: Clock) {
    this.#input = input;
    this.#clock = clock;
  }

  /** A request failed: before the first burst that is a gap, later only if it lasts. */
  requestFailed(detail: string): void {
    this.#failure = detail;
    if (!this.#epoch) this.#reportMissing();
  }

  #reportMissing(): void {
    if (this.#absent) return;
    this.#absent = true;
    this.#epoch = undefined;
    this.#input.absent('source-down', this.#failure || 'the server is slower than the media');
  }

  /** Waits for the next burst; reports a gap when it is too late. */
  async expect<T>(coming: Promise<T>, { signal }: { signal: AbortSignal }): Promise<T> {
    const epoch = this.#epoch;
    if (!epoch) return coming;
    const woken = new AbortController();
    const lateMs = this.#dueMs(epoch, this.#endS + this.longestS) + LATE_MS - this.#clock.monotonicMs();
    const late = sleep(Math.max(0, lateMs), { signal: AbortSignal.any([signal, woken.signal]) }).then(
      () => this.#reportMissing(),
      () => {}, // the burst arrived, or the pull ends
    );
    try {
      return await coming;
    } finally {
      woken.abort();
      await late;
    }
  }

  #dueMs({ mediaS, atMs }: Epoch, endS: number): number {
    return atMs + (endS - mediaS) * 1000;
  }

  /** Publishes a burst at the time of its end. */
  async publish(burst: Burst, { signal }: { signal: AbortSignal }): Promise<void> {
    const input = this.#input;
    const { tracks, frames, startS, endS } = burst;
    const continues = this.#epoch && Math.abs(startS - this.#endS) * 1_000_000 <= HOLE_US;
    const epoch = continues && this.#epoch ? this.#epoch : this.#begin(tracks, startS, endS);
    if (continues && !sameTracks(epoch.tracks, tracks)) this.#startRun({ ...epoch, tracks });
    this.#endS = endS;
    this.#failure = '';
    const waitMs = this.#dueMs(epoch, endS) - this.#clock.monotonicMs();
    if (waitMs > 0) await sleep(waitMs, { signal });
    await input.ready?.({ signal });
    for (const damage of burst.damages) input.damage(damage);
    if (!continues) this.#reportEarly(burst);
    for (const frame of frames) input.publish(frame);
    input.flush();
  }

  /** A run begins with a key frame: earlier frames have no place. */
  #reportEarly({ tracks, frames, startS }: Burst): void {
    const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
    const firstS = frames.reduce((first, { trackId, pts }) => Math.min(first, pts / timescales.get(trackId)!), startS);
    const earlyS = startS - firstS;
    if (earlyS >= LEAST_EARLY_S) this.#input.damage(`${earlyS.toFixed(1)} s of sound before the first picture`);
  }

  #begin(tracks: readonly Track[], startS: number, endS: number): Epoch {
    this.#absent = false;
    this.#failure = '';
    this.longestS = Math.max(this.longestS, endS - startS);
    const utcOffsetUs = Math.round(this.#clock.nowMs() * 1000 - startS * 1e6);
    const epoch: Epoch = { mediaS: startS, atMs: this.#clock.monotonicMs(), tracks, utcOffsetUs };
    this.#startRun(epoch);
    return epoch;
  }

  #startRun(epoch: Epoch): void {
    const { tracks, utcOffsetUs } = epoch;
    this.#epoch = epoch;
    const pace = { kind: 'bursty', intervalS: INTERVAL_PER_BURST * this.longestS } as const;
    this.#input.startRun({ tracks, utcOffsetUs, clock: 'arrival', pace });
  }
}
