/**
 * What a stream is doing: its state, the reason in words, the facts of its source.
 * In: starts and ends of its source, events of the live stream. Out: the API, health, the log.
 */
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { StreamState } from '../../api/shapes.ts';
import type { MediaRates, SourceFacts } from '../../api/source-facts.ts';
import type { RunContext } from '../../live/sink.ts';
import type { StreamEvent } from '../../live/stream-event.ts';
import type { StreamDefinition } from '../definition.ts';
import { WRITE_FAILS } from '../disk.ts';
import type { StreamDeps } from '../stream-deps.ts';
import type { StreamParts } from '../stream-parts.ts';
import type { StreamPublishers } from '../stream-publishers.ts';
import { offClockReason, reportMissing } from '../stream-reports.ts';
import { LeftOutWatch } from './left-out-watch.ts';

/** Missing media is reported this long after a start, ms. */
const STARTING_MS = 30_000;

/** What the status depends on. */
interface StreamStatusSetup {
  readonly deps: Pick<StreamDeps, 'clock' | 'log' | 'metrics' | 'room'>;
  readonly parts: Pick<StreamParts, 'stream' | 'recorder' | 'meter'>;
  /** As they are at the time. */
  readonly definition: () => StreamDefinition;
  readonly publishers: () => Pick<StreamPublishers, 'isRunning' | 'isReading' | 'isUnpublished'>;
  readonly isClosed: () => boolean;
}

export class StreamStatus {
  readonly #setup: StreamStatusSetup;
  readonly #leftOut: LeftOutWatch;
  /** The source has reported missing media since its start or since media flowed last. */
  #missing = '';
  /** The source ended its playlist. A live source is awaited. */
  #hasEnded = false;
  #problem = '';
  #liveSinceUs: number | undefined;
  /** Last start of the source or connection of a publisher, monotonic ms. */
  #startedMs = 0;
  #facts: SourceFacts | undefined;

  constructor(setup: StreamStatusSetup) {
    this.#setup = setup;
    this.#leftOut = new LeftOutWatch(setup.deps, setup.definition);
  }

  /** Closed: only its recording is served. */
  get isClosed(): boolean {
    return this.#setup.isClosed();
  }

  get state(): StreamState {
    const { definition, parts } = this.#setup;
    const { isRunning, isUnpublished } = this.#setup.publishers();
    if (!isRunning) return this.#hasEnded ? 'ended' : 'stopped';
    if (definition().paused) return 'paused';
    if (parts.stream.placement.context) return 'live';
    if (isUnpublished) return 'unpublished';
    if (this.#hasEnded) return 'offline';
    return this.#missing ? 'waiting' : 'starting';
  }

  /** The problem in words: why the stream is not live, or what of a live stream is not recorded. */
  get problem(): string {
    if (this.state !== 'live') return this.#problem;
    const { deps, parts, definition } = this.#setup;
    const { id, record } = definition();
    const lost = record && (deps.room.noRoom(id) || (parts.recorder.isFailing && WRITE_FAILS));
    const offClock = offClockReason(parts.stream, deps.clock.nowMs());
    return [lost, offClock && `It is ${offClock}.`, this.#leftOut.sentence].filter(Boolean).join(' ');
  }

  /**
   * Why expected media is missing. Empty while media flows, in the first 30 s after a start, while the stream
   * is stopped, after its source has ended, and while no publisher is connected.
   */
  get silence(): string {
    const { state } = this;
    if (this.#hasEnded || !['starting', 'waiting', 'offline'].includes(state)) return '';
    if (state === 'starting' && this.#setup.deps.clock.monotonicMs() - this.#startedMs < STARTING_MS) return '';
    return this.#problem || 'the source has sent no media yet';
  }

  /** Facts of the source; undefined until it was read. */
  get facts(): SourceFacts | undefined {
    return this.#facts;
  }

  /** Measured rates; undefined while no media flows. */
  get rates(): MediaRates | undefined {
    return this.#setup.parts.stream.placement.context && this.#setup.parts.meter.rates;
  }

  /** Start of the current run, µs since 1970. */
  get liveSinceUs(): number | undefined {
    return this.#setup.parts.stream.placement.context ? this.#liveSinceUs : undefined;
  }

  /** The source is started. */
  start(): void {
    this.#hasEnded = false;
    this.#leftOut.reset();
    this.awaitMedia();
  }

  /** A source was started or a publisher has connected. */
  awaitMedia(): void {
    this.#problem = '';
    this.#missing = '';
    this.#startedMs = this.#setup.deps.clock.monotonicMs();
  }

  /** The source was read. */
  setFacts(facts: SourceFacts): void {
    this.#facts = facts;
    this.setLeftOut(facts.leftOut ?? []);
  }

  /** The publisher has tracks that oxbow does not support. */
  setLeftOut(tracks: readonly LeftOutTrack[]): void {
    this.#leftOut.set(tracks);
  }

  /** A run begins, or a publisher that returned continues it. */
  run({ soft, startUs }: RunContext, { continues }: { readonly continues: boolean }): void {
    this.#problem = '';
    this.#missing = '';
    if (continues) return;
    this.#hasEnded = false;
    // A soft re-anchor only corrects the clock: media did not stop.
    if (!soft) this.#liveSinceUs = startUs;
  }

  /** Media is missing. */
  absent(event: Extract<StreamEvent, { type: 'absent' }>): void {
    const { deps, definition } = this.#setup;
    const { isRunning, isReading } = this.#setup.publishers();
    this.#problem = event.detail;
    // Only a running client can report a regular end of its source. After its own end, a late report changes
    // nothing.
    if (isRunning) this.#hasEnded = event.cause === 'offline' && isReading && !definition().paused;
    if (event.cause !== 'offline') this.#missing = reportMissing(deps, definition(), event, this.#missing);
  }

  /** The source has ended its playlist. */
  end(detail: string): void {
    this.#hasEnded = true;
    this.#problem = detail;
  }

  /** The stream was stopped. */
  stop(detail: string): void {
    this.#hasEnded = false;
    this.#problem = detail;
  }
}
