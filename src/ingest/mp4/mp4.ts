/**
 * Pulls an MP4 file over HTTP as a source that ends, as if it were broadcast now.
 * In: the URL of a file with sample tables or fragments. Out: frames at the speed of the media, to a StreamInput. docs/media.md 2, 9.
 *
 * A file could be recorded as quickly as the disk allows, but a stream's address is UTC: media of an hour takes an hour. The run begins
 * when the file is opened (UTC offset = now), and each burst of whole GOPs is published when its last picture would have been taken. Bursts, not
 * single frames: low latency means nothing for a file, and a server that pauses for some seconds shall not stop the viewers.
 */
import type { SourceFacts } from '../../api/source-facts.ts';
import { sleep } from '../../lib/abort.ts';
import { sameBytes } from '../../lib/bytes.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { StreamInput } from '../../live/input.ts';
import type { Track } from '../../media/frame.ts';
import type { Net } from '../../net/net.ts';
import { noCounters, type PullCounters, type PullLog } from '../pull/pull-log.ts';
import { SourceAccess, type SourceAddress } from '../pull/source-access.ts';
import { type Burst, longestBurstS, readFragments, readTables } from './bursts.ts';
import { type FileBytes, openFileBytes } from './file-bytes.ts';
import { factsOf } from './file-facts.ts';
import type { FileContext } from './file-request.ts';
import { openMovie } from './movie-file.ts';

/** How a file is pulled. */
export interface Mp4PullOptions {
  /** Of the file; may carry user name and password when `trusted`. */
  readonly url: string | URL;
  /** Sent with every request; secrets among them only to the URL's own origin. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** An administrator gave the URL, so its host may be private. Default true. */
  readonly trusted?: boolean | undefined;
  /** Sent as User-Agent: a text, or the word of a preset. */
  readonly userAgent?: string | undefined;
  /** Asked for the address before the file is opened and each time the server refuses it: those made from pages expire. Absent: always `url`. */
  readonly locate?: ((options: { signal: AbortSignal }) => Promise<SourceAddress>) | undefined;
  /** Told once, when the file was opened. */
  readonly onFacts?: ((facts: SourceFacts) => void) | undefined;
  readonly input: StreamInput;
  readonly net: Net;
  readonly clock: Clock;
  readonly log: PullLog;
  readonly counters?: PullCounters | undefined;
}

/** Media that comes so late is no longer of its time: a gap, and a new run. */
const LATE_MS = 5000;
/** A step of the timestamps that is no rounding: a new run, s. */
const JUMP_S = 0.5;
/** What packager/cadence takes an interval for: one and a half times the longest GOP. */
const INTERVAL_PER_BURST = 1.5;

/** The relation of the file's clock to ours. */
interface Epoch {
  /** Seconds of the file that are published at `atMs`. */
  readonly mediaS: number;
  /** Monotonic ms. */
  readonly atMs: number;
  readonly tracks: readonly Track[];
  readonly utcOffsetUs: number;
}

/**
 * Pulls until the file has ended and all of it is published (resolves) or `signal` aborts (rejects with its reason). A server that
 * cannot be reached is tried again for ever, with at most 10 s between tries, and the input told that it is down.
 *
 * @throws OxbowError `unsupported-media` for a protected file, codecs that oxbow cannot take, or a file whose index is at the end on a
 * server without byte ranges; `address-refused` when the URL may not be opened; `source-failed` when the file is replaced meanwhile;
 * what `locate` throws but `source-failed`. FormatError for what is no MP4, or a User-Agent that is none.
 */
export async function runMp4Pull(options: Mp4PullOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const home = URL.parse(String(options.url));
  if (!home) throw new OxbowError('address-refused', 'that is not a URL');
  const { net, headers, userAgent, trusted = true, input, clock, log, counters = noCounters, locate } = options;
  const access = new SourceAccess({ net, home, headers, userAgent, trusted });
  const publisher = new Publisher(input, clock);
  const onTrouble = (detail: string) => publisher.trouble(detail);
  const context: FileContext = { access, log, counters, locate, onTrouble };
  if (locate) access.moved(await locate({ signal }));
  await using file = await openFileBytes(context, { signal });
  const movie = await openMovie(file, { signal });
  for (const reason of movie.notes) log.warn({ reason }, 'a part of the file is not applied');
  options.onFacts?.(factsOf(movie, file.length));
  const hasTables = movie.tracks.some(({ count }) => count > 0);
  if (!hasTables && !movie.fragmented) throw new OxbowError('unsupported-media', 'the file has no media');
  publisher.longestS = hasTables ? longestBurstS(movie) : 0;
  const bursts = hasTables ? readTables(file, movie, { signal }) : readFragments(file, { signal });
  await publishAll(file, bursts, publisher, { signal });
}

/** Publishes bursts, reading the next one while one waits for its time. */
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
      // It is awaited above; a failure while this burst waits for its time is not an unhandled one.
      coming.catch(() => {});
      await publisher.publish(burst, { signal });
    }
  } finally {
    // A read that is under way ends with the file.
    await file[Symbol.asyncDispose]();
    await bursts.return().catch(() => {});
  }
}

/** Feeds one stream at the speed of the media. */
class Publisher {
  readonly #input: StreamInput;
  readonly #clock: Clock;
  #epoch: Epoch | undefined;
  /** Where the last burst ended, seconds of the file. */
  #endS = 0;
  #trouble = '';
  /** The input knows that media is missing. */
  #absent = false;
  /** Longest burst that is to be expected, seconds. */
  longestS = 0;

  constructor(input: StreamInput, clock: Clock) {
    this.#input = input;
    this.#clock = clock;
  }

  /** The server does not give what it was asked for: before the first burst that is a gap, later only if it lasts. */
  trouble(detail: string): void {
    this.#trouble = detail;
    if (!this.#epoch) this.#miss();
  }

  #miss(): void {
    if (this.#absent) return;
    this.#absent = true;
    this.#epoch = undefined;
    this.#input.absent('source-down', this.#trouble || 'the server is slower than the media');
  }

  /** Waits for the next burst; when its time has long passed, that is a gap. */
  async expect<T>(coming: Promise<T>, { signal }: { signal: AbortSignal }): Promise<T> {
    const epoch = this.#epoch;
    if (!epoch) return coming;
    const woken = new AbortController();
    const lateMs = this.#dueMs(epoch, this.#endS + this.longestS) + LATE_MS - this.#clock.monotonicMs();
    const late = sleep(Math.max(0, lateMs), { signal: AbortSignal.any([signal, woken.signal]) }).then(
      () => this.#miss(),
      () => {}, // the burst came, or the pull ends
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

  /** Publishes a burst when its last picture would have been taken. */
  async publish(burst: Burst, { signal }: { signal: AbortSignal }): Promise<void> {
    const input = this.#input;
    const { tracks, frames, startS, endS } = burst;
    const goesOn = this.#epoch && Math.abs(startS - this.#endS) <= JUMP_S;
    const epoch = goesOn && this.#epoch ? this.#epoch : this.#begin(tracks, startS, endS);
    if (goesOn && !sameTracks(epoch.tracks, tracks)) this.#startRun({ ...epoch, tracks });
    this.#endS = endS;
    this.#trouble = '';
    const waitMs = this.#dueMs(epoch, endS) - this.#clock.monotonicMs();
    if (waitMs > 0) await sleep(waitMs, { signal });
    await input.ready?.({ signal });
    for (const damage of burst.damages) input.damage(damage);
    for (const frame of frames) input.publish(frame);
    input.flush();
  }

  #begin(tracks: readonly Track[], startS: number, endS: number): Epoch {
    this.#absent = false;
    this.#trouble = '';
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

function sameTracks(a: readonly Track[], b: readonly Track[]): boolean {
  return (
    a.length === b.length &&
    a.every((track, i) => track === b[i] || sameBytes(track.config.record, b[i]!.config.record))
  );
}
