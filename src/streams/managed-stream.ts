/**
 * One stream's life: opened from its recording, started, stopped, lingering, closed.
 * In: a definition, the dependencies, and one publisher after the other. Out: a live stream with its packager and recorder; what delivery and
 * the API show of it.
 */
import type { StreamState } from '../api/shapes.ts';
import type { MediaRates, SourceFacts } from '../api/source-facts.ts';
import type { ServedStream } from '../delivery/served-stream.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { HOLE_US } from '../live/continuity.ts';
import type { Stream } from '../live/stream.ts';
import type { StreamEvent } from '../live/stream-event.ts';
import type { StreamGap } from '../media/segment.ts';
import type { Generation } from '../packager/generation.ts';
import type { LiveWindow } from '../packager/live-window.ts';
import type { InitTable } from '../recording/init-table.ts';
import { RECORDING_OFF } from '../recording/recorder.ts';
import type { RecordingReader } from '../recording/recording-reader.ts';
import type { RetentionRule } from '../recording/retention.ts';
import { gapsSince, type TimelineEnd } from '../recording/timeline.ts';
import { leastMsnAt } from '../store/msn-marks.ts';
import { type StreamDefinition, sourceFields } from './definition.ts';
import { LeftOutWatch } from './left-out-watch.ts';
import { sourceKey, writeSavedState } from './saved-state.ts';
import type { StreamDeps } from './stream-deps.ts';
import { StreamEvents } from './stream-events.ts';
import { openStreamParts, type StreamParts } from './stream-parts.ts';
import { StreamPublishers } from './stream-publishers.ts';

/** A source that came back may bring this much of what was missed, µs. */
const LATE_US = 60_000_000;

/** A source may take this long to bring its first media before its silence is worth telling, ms. */
const STARTING_MS = 30_000;

/** A stream that this process runs. */
export class ManagedStream implements ServedStream {
  /** What feeds it. */
  readonly publishers: StreamPublishers;
  readonly #deps: StreamDeps;
  readonly #parts: StreamParts;
  readonly #events: StreamEvents;
  #definition: StreamDefinition;
  /** The source said that media is missing since it was started or flowed last. */
  #isMissing = false;
  /** The source ended in order: a live one is awaited, a film is over. */
  #hasEnded = false;
  /** The source that was live last, see saved-state. */
  #liveSource: string | null;
  #lingerTimer: NodeJS.Timeout | undefined;
  #liveSinceUs: number | undefined;
  /** What was settled once stays so when the stream is started again: a list never takes its ENDLIST back. µs since 1970. */
  #settledUs = 0;
  #deletedBeforeUs: number;
  #savedGeneration: Generation | undefined;
  #saving: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #problem = '';
  /** The source ended because of a bug. */
  #hasFailed = false;
  /** When the source was started or a publisher connected last, monotonic ms. */
  #startedMs = 0;
  #facts: SourceFacts | undefined;
  readonly #leftOut: LeftOutWatch;

  private constructor(deps: StreamDeps, definition: StreamDefinition, parts: StreamParts) {
    this.#deps = deps;
    this.#definition = definition;
    this.#events = new StreamEvents(deps.events, () => this.#definition);
    this.#parts = parts;
    this.#leftOut = new LeftOutWatch(deps, () => this.#definition);
    this.#deletedBeforeUs = parts.deletedBeforeUs;
    this.#liveSource = parts.liveSource;
    this.#savedGeneration = parts.list.generation;
    this.publishers = new StreamPublishers({
      deps,
      stream: parts.stream,
      definition: () => this.#definition,
      onConnected: () => this.#awaitMedia(),
      onEnd: (detail, failed) => this.#onSourceEnd(detail, failed),
    });
    parts.stream.events.subscribe((event) => this.#onEvent(event));
    parts.packager.groups.subscribe((group) => {
      deps.metrics.segments.inc({ stream: definition.name }, group.tracks.length);
      if (this.#definition.record) parts.recorder.write(group);
      else parts.recorder.skip(group);
      this.#saveGeneration();
    });
  }

  /** Recovers the stream's files, and makes it ready to start where it ended. Abort ends recovery. */
  static async open(
    deps: StreamDeps,
    definition: StreamDefinition,
    options: { signal: AbortSignal },
  ): Promise<ManagedStream> {
    return new ManagedStream(deps, definition, await openStreamParts(deps, definition, options));
  }

  get definition(): StreamDefinition {
    return this.#definition;
  }

  get name(): string {
    return this.#definition.name;
  }

  get createdUs(): number {
    return this.#definition.createdUs;
  }

  get list(): LiveWindow {
    return this.#parts.list;
  }

  get recording(): RecordingReader {
    return this.#parts.recording;
  }

  get inits(): InitTable {
    return this.#parts.inits;
  }

  /** Live frames, for tests and other sinks' owners. */
  get stream(): Stream {
    return this.#parts.stream;
  }

  /** What it is doing now. */
  get state(): StreamState {
    if (!this.publishers.isRunning) return this.#hasEnded ? 'ended' : 'stopped';
    if (this.stream.context) return 'live';
    if (this.publishers.isUnpublished) return 'unpublished';
    if (this.#hasEnded) return 'offline';
    return this.#isMissing ? 'waiting' : 'starting';
  }

  /** What is wrong, for a person: why it is not live, or what of a live stream is not recorded. */
  get problem(): string {
    if (this.state !== 'live') return this.#problem;
    const noRoom = this.#definition.record ? (this.#deps.noRoom?.() ?? '') : '';
    return [noRoom, this.#leftOut.sentence].filter(Boolean).join(' ');
  }

  /**
   * Why no media flows although it should; empty while it flows, in the first 30 s after a start, after a person stopped the stream,
   * when its source has ended, and while no publisher is connected.
   */
  get silence(): string {
    const { state } = this;
    if (state === 'live' || state === 'unpublished' || this.#hasEnded || this.#definition.stopped) return '';
    if (state === 'stopped') return this.#hasFailed ? this.#problem : '';
    if (state === 'starting' && this.#deps.clock.monotonicMs() - this.#startedMs < STARTING_MS) return '';
    return this.#problem || 'the source has sent no media yet';
  }

  /** What the source said of itself last; undefined until it was asked. */
  get facts(): SourceFacts | undefined {
    return this.#facts;
  }

  /** What flows now, as it is measured. */
  get rates(): MediaRates | undefined {
    return this.stream.context && this.#parts.meter.rates;
  }

  /** Start of the run that flows now, µs since 1970. */
  get liveSinceUs(): number | undefined {
    return this.stream.context ? this.#liveSinceUs : undefined;
  }

  /** What is missing from `fromUs`, the end of what is recorded, until now; see recording/timeline. */
  gapsSince(fromUs: number): StreamGap[] {
    return gapsSince(this.#parts.recorder.gaps, this.stream, fromUs, { waits: !this.isQuiet });
  }

  /** What the end of its timeline and retention's edge are now. */
  get timelineEnd(): TimelineEnd {
    return {
      createdUs: this.createdUs,
      horizonUs: this.horizonUs(),
      pinned: this.#deps.pins.ranges(this.#definition.id),
      gapsSince: (fromUs) => this.gapsSince(fromUs),
    };
  }

  starting(): boolean {
    return this.state === 'starting' || (this.state === 'live' && !this.list.ready);
  }

  settled(us: number): boolean {
    if (us <= this.#settledUs || this.recording.endUs >= us) return true;
    const { state } = this;
    // A source that is not tried any more brings nothing late.
    const lateUs = state === 'stopped' || state === 'ended' ? 0 : LATE_US;
    const isSettled = state !== 'live' && this.isQuiet && this.#nowUs() >= us + lateUs;
    if (isSettled) this.#settledUs = us;
    return isSettled;
  }

  leastMsnAt(us: number): number {
    return leastMsnAt(us / 1000);
  }

  /** Nothing that was published waits for the disk. */
  get isQuiet(): boolean {
    return this.#parts.recorder.isQuiet;
  }

  horizonUs(): number {
    return Math.max(this.#deletedBeforeUs, this.#deps.horizons.of(this.#definition.id, this.retentionRule.keepMs));
  }

  /** Retention deleted everything before `us` (since 1970) but what is pinned. */
  setDeletedBefore(us: number): void {
    this.#deletedBeforeUs = Math.max(this.#deletedBeforeUs, us);
  }

  /** What retention keeps of it. */
  get retentionRule(): RetentionRule {
    return { streamId: this.#definition.id, keepMs: this.#definition.keepMs ?? this.#deps.settings.now.record.keep };
  }

  /** Takes over changed settings that need no restart: recording, retention, visibility, name of a person's choice. */
  redefine(definition: StreamDefinition): void {
    const wasRecorded = this.#definition.record;
    this.#definition = definition;
    if (wasRecorded && !definition.record) void this.#parts.recorder.seal(); // never rejects
    if (wasRecorded !== definition.record) this.#save(false);
    this.#events.redefined();
  }

  /** It was closed, and serves its past alone. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Runs the source, or accepts publishers from now on; does nothing when it was started already, or after `close`. */
  async start(): Promise<void> {
    if (this.publishers.isRunning || this.#closing) return;
    this.#hasFailed = false;
    this.#hasEnded = false;
    this.#leftOut.reset();
    this.#awaitMedia();
    await this.publishers.start({
      wasLive: this.#liveSource === sourceKey(this.#definition.source),
      onFacts: (facts) => {
        this.#facts = facts;
        if (facts.live) this.#noteLive();
        this.#leftOut.set(facts.leftOut ?? []);
      },
    });
  }

  /** Ends its publishers and closes the live list at once. Resolves when nothing of its source runs any more. */
  async stop(detail: string): Promise<void> {
    await this.publishers.end(new OxbowError('publish-refused', detail));
    this.#hasEnded = false;
    this.stream.offline(detail);
    this.#problem = detail;
    this.#endList();
  }

  /**
   * Stops, seals what is open, and remembers that the process ended in order. The live list stays open for the next process.
   * May be called twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.publishers.end(new OxbowError('not-ready', 'oxbow is shutting down'));
    this.stream.offline(this.#definition.stopped ? this.#problem || 'stopped' : 'oxbow was stopped');
    this.#stopLingering();
    this.stream[Symbol.dispose]();
    await this.#parts.recorder[Symbol.asyncDispose]();
    this.#parts.msns[Symbol.dispose]();
    this.#save(true);
    await this.#saving;
  }

  #onSourceEnd(detail: string, failed: boolean): void {
    this.#hasFailed = failed;
    this.#hasEnded = !failed;
    this.#problem = detail;
    this.#endList();
  }

  /** A source was started or a publisher has connected: its media may take a while. */
  #awaitMedia(): void {
    this.#problem = '';
    this.#isMissing = false;
    this.#startedMs = this.#deps.clock.monotonicMs();
  }

  #onEvent(event: StreamEvent): void {
    const { metrics, log } = this.#deps;
    this.#events.hear(event);
    const stream = this.name;
    switch (event.type) {
      case 'run': {
        this.#stopLingering();
        this.#problem = '';
        this.#isMissing = false;
        this.#hasEnded = false;
        const { run, startUs, gaps } = event.context;
        // A soft re-anchor only fixes the clock anew: media never stopped.
        if (!event.context.soft) this.#liveSinceUs = startUs;
        for (const { cause } of gaps) if (cause !== 'offline') metrics.gaps.inc({ stream, cause });
        log.info(
          {
            ...sourceFields(this.#definition),
            run: run.id,
            from: new Date(startUs / 1000).toISOString(),
            clock: run.clock,
            gaps: gaps.length,
          },
          'media flows',
        );
        this.#save(false);
        break;
      }
      case 'absent':
        this.#problem = event.detail;
        // While the client runs, only it can say that nothing is meant to flow.
        this.#hasEnded = event.cause === 'offline' && this.publishers.isReading;
        if (event.cause !== 'offline') {
          this.#isMissing = true;
          log.warn({ ...sourceFields(this.#definition), cause: event.cause, detail: event.detail }, 'media is missing');
        }
        // The next media is another run, and that another file.
        void this.#parts.recorder.seal(); // never rejects
        if (!this.#closing) this.#linger();
        this.#save(false);
        break;
      case 'damage':
        metrics.damage.inc({ stream });
        log.debug({ ...sourceFields(this.#definition), reason: event.reason }, 'damaged media');
        break;
      case 'clipped': {
        const seconds = event.durationUs / 1e6;
        metrics.clippedSeconds.inc({ stream }, seconds);
        log.info({ ...sourceFields(this.#definition), seconds }, 'the source offered media again, which was left out');
        break;
      }
      case 'sink-failed': {
        const { sink, error } = event;
        metrics.bugs.inc();
        log.error({ stream, sink, error: messageOf(error), stack: (error as Error).stack }, 'a sink failed');
        break;
      }
      case 'sink-lost': {
        const { sink, gops, frames } = event;
        metrics.sinkLostGops.inc({ stream, sink }, gops);
        metrics.sinkLostFrames.inc({ stream, sink }, frames);
        log.warn({ stream, sink, gops, frames }, 'a slow sink dropped GOPs');
        break;
      }
      case 'gop-too-large':
        metrics.gopsTooLarge.inc({ stream });
        break;
      case 'keyless':
        log.warn(
          sourceFields(this.#definition),
          'no key frame for 10 s: set the key frame interval of the encoder to 2 s',
        );
        break;
    }
  }

  /** The live list stays open for a while: whoever comes back goes on in the same list (docs/media.md 11). */
  #linger(): void {
    // From the first word of it on: a source that says again and again that it is down does not keep the list open.
    if (this.#lingerTimer) return;
    const { push, pull } = this.#deps.settings.now.live.linger;
    const ms = this.#definition.source.type === 'pull' ? pull : push;
    this.#lingerTimer = setTimeout(() => this.#endList(), ms);
  }

  #stopLingering(): void {
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = undefined;
  }

  #endList(): void {
    this.#stopLingering();
    this.#parts.packager.endList();
  }

  #nowUs(): number {
    return Math.round(this.#deps.clock.nowMs() * 1000);
  }

  #saveGeneration(): void {
    if (this.list.generation === this.#savedGeneration) return;
    this.#savedGeneration = this.list.generation;
    if (this.list.generation) this.#events.generation(this.list.generation.number);
    this.#save(false);
  }

  /** What is missing on the disk now: what was passed over or lost since the last recorded media, then why nothing is recorded now. */
  #gapsFrom(us: number): StreamGap[] {
    const passed = this.#parts.recorder.gaps;
    const fromUs = Math.max(us, passed.at(-1)?.toUs ?? us);
    const isRecordable = this.#definition.record || this.stream.gap !== undefined;
    if (isRecordable) return [...passed, ...this.stream.gapsSince(fromUs)];
    return [...passed, { fromUs, toUs: this.#nowUs(), cause: 'offline', detail: RECORDING_OFF }];
  }

  /** The source is live: when its playlist has ended at the next start, it is not taken for a film. */
  #noteLive(): void {
    const key = sourceKey(this.#definition.source);
    if (this.#definition.source.type !== 'pull' || key === this.#liveSource) return;
    this.#liveSource = key;
    this.#save(false);
  }

  #save(clean: boolean): void {
    const { store, log } = this.#deps;
    const fromUs = Math.max(this.stream.endUs - HOLE_US, this.recording.endUs, this.#definition.createdUs);
    const saved = {
      atUs: this.#nowUs(),
      clean,
      gaps: this.#gapsFrom(fromUs),
      generation: this.list.ended ? undefined : this.list.generation,
      liveSource: this.#liveSource,
    };
    this.#saving = this.#saving
      .then(() => writeSavedState(store.db, this.#definition.id, saved))
      .catch((error: unknown) => log.error({ stream: this.name, error: messageOf(error) }, 'the state was not saved'));
  }
}
