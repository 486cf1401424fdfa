/**
 * The lifecycle of one stream: opened from its recording, started, stopped, lingering, closed.
 * In: a definition, the dependencies, and one publisher after the other. Out: a live stream with its packager
 * and recorder, for delivery and the API.
 */
import type { StreamState } from '../api/shapes.ts';
import type { MediaRates, SourceFacts } from '../api/source-facts.ts';
import type { ServedStream } from '../delivery/served-stream.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import type { Stream } from '../live/stream.ts';
import type { StreamEvent } from '../live/stream-event.ts';
import type { StreamGap } from '../media/segment.ts';
import type { Generation } from '../packager/generation.ts';
import type { LiveWindow } from '../packager/live-window.ts';
import type { ErasedMedia } from '../recording/erase/erasure-table.ts';
import type { InitTable } from '../recording/init-table.ts';
import type { RecordingReader } from '../recording/recording-reader.ts';
import type { RetentionRule } from '../recording/retention.ts';
import { gapsSince, type TimelineEnd } from '../recording/timeline.ts';
import { leastMsnAt } from '../store/msn-marks.ts';
import { Away } from './away/away.ts';
import { type StreamDefinition, sourceFields } from './definition.ts';
import { WRITE_FAILS } from './disk.ts';
import { StreamLadder } from './ladder/stream-ladder.ts';
import { LeftOutWatch } from './left-out-watch.ts';
import { openMeasure } from './measure/open-measure.ts';
import type { StreamMeasure } from './measure/stream-measure.ts';
import { openQualityInputs, type QualityInputs } from './qualities/quality-inputs.ts';
import type { StreamQualities } from './qualities/stream-qualities.ts';
import { gapsFrom, OXBOW_STOPPED, SavedStateWriter, sourceKey } from './saved-state.ts';
import type { StreamDeps } from './stream-deps.ts';
import { StreamEvents } from './stream-events.ts';
import { openStreamParts, recordGroup, type StreamParts, sealRecordings } from './stream-parts.ts';
import { StreamPublishers } from './stream-publishers.ts';
import {
  guarded,
  offClockSentence,
  reportMissing,
  reportRun,
  reportStreamBug,
  reportStreamEvent,
} from './stream-reports.ts';

/** A source that returns may deliver this much of the missed media, µs. */
const LATE_US = 60_000_000;
/** Missing media is reported this long after a start, ms. */
const STARTING_MS = 30_000;

/** A stream that this process runs. */
export class ManagedStream implements ServedStream {
  readonly publishers: StreamPublishers;
  /** Figures of what its publisher sends. */
  readonly measure: StreamMeasure;
  readonly list: LiveWindow;
  readonly recording: RecordingReader;
  readonly inits: InitTable;
  /** Live frames, for tests and owners of other sinks. */
  readonly stream: Stream;
  readonly qualities: ReadonlyMap<string, ServedStream>;
  readonly erased: ErasedMedia;
  /** For what delivers derived qualities: a live encoder, the further variants of a source. */
  readonly qualityInputs: QualityInputs;
  /** Encodes further qualities. */
  readonly ladder: StreamLadder;
  readonly #deps: StreamDeps;
  readonly #parts: StreamParts;
  readonly #events: StreamEvents;
  #definition: StreamDefinition;
  /** The source has reported missing media since its start or since media flowed last. */
  #missing = '';
  /** The source ended its playlist. A live source is awaited. */
  #hasEnded = false;
  /** The source that was live last, see saved-state. */
  #liveSource: string | null;
  #lingerTimer: NodeJS.Timeout | undefined;
  #liveSinceUs: number | undefined;
  /**
   * Before this the timeline is final, also after a restart: a playlist with ENDLIST never changes. µs
   * since 1970.
   */
  #settledUs = 0;
  #deletedBeforeUs: number;
  #savedGeneration: Generation | undefined;
  readonly #states: SavedStateWriter;
  #closing: Promise<void> | undefined;
  #problem = '';
  /** Last start of the source or connection of a publisher, monotonic ms. */
  #startedMs = 0;
  #facts: SourceFacts | undefined;
  readonly #leftOut: LeftOutWatch;
  /** The picture that viewers see while the publisher is away. */
  readonly away: Away;
  private constructor(deps: StreamDeps, definition: StreamDefinition, parts: StreamParts) {
    this.#deps = deps;
    this.#definition = definition;
    this.#events = new StreamEvents(deps.events, () => this.#definition);
    this.#parts = parts;
    this.#states = new SavedStateWriter(deps.store, definition.id, (error) =>
      deps.log.error({ stream: this.name, error: messageOf(error) }, 'the state of the stream was not saved'),
    );
    ({ list: this.list, recording: this.recording, inits: this.inits, stream: this.stream } = parts);
    this.erased = deps.erasures.view(definition.id);
    this.qualities = parts.qualities.serve(this);
    this.qualityInputs = openQualityInputs(this, parts);
    this.ladder = new StreamLadder(this, deps);
    this.#leftOut = new LeftOutWatch(deps, () => this.#definition);
    this.#deletedBeforeUs = parts.deletedBeforeUs;
    this.#liveSource = parts.liveSource;
    this.#savedGeneration = parts.list.generation;
    this.publishers = new StreamPublishers({
      deps,
      stream: parts.stream,
      definition: () => this.#definition,
      onConnected: () => this.#awaitMedia(),
      onLeftOut: (tracks) => this.#leftOut.set(tracks),
      onEnd: (detail) => this.#onSourceEnd(detail),
    });
    const own = { publishers: this.publishers, definition: () => this.#definition };
    this.measure = openMeasure(deps, { ...parts, ...own, windows: parts.statsWindows });
    this.away = new Away({
      deps,
      parts,
      ...own,
      onShown: () => {
        this.#stopLingering();
        this.#save(false);
      },
      onHidden: (isOver) => (isOver ? this.#endList() : this.#linger()),
    });
    parts.stream.events.subscribe((event) => this.#onEvent(event));
    parts.packager.groups.subscribe((group) => {
      deps.metrics.segments.inc({ stream: definition.name }, group.tracks.length);
      recordGroup(parts, group, this.#definition, this.away.passesOver(group), this.publishers.isFenced);
      this.#saveGeneration();
    });
  }

  /** Recovers the files of the stream and prepares it to continue where it ended. Abort ends recovery. */
  static async open(
    deps: StreamDeps,
    definition: StreamDefinition,
    options: { signal: AbortSignal; isAdopted?: boolean },
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

  /** Recordings of its derived qualities, by rung. */
  get recordedQualities(): StreamQualities['recordings'] {
    return this.#parts.qualities.recordings;
  }

  /** The current state. */
  get state(): StreamState {
    if (!this.publishers.isRunning) return this.#hasEnded ? 'ended' : 'stopped';
    if (this.#definition.paused) return 'paused';
    if (this.stream.placement.context) return 'live';
    if (this.publishers.isUnpublished) return 'unpublished';
    if (this.#hasEnded) return 'offline';
    return this.#missing ? 'waiting' : 'starting';
  }

  /** The problem in words: why the stream is not live, or what of a live stream is not recorded. */
  get problem(): string {
    if (this.state !== 'live') return this.#problem;
    const { id, record } = this.#definition;
    const lost = record && (this.#deps.noRoom?.(id) || (this.#parts.recorder.isFailing && WRITE_FAILS));
    const offClock = offClockSentence(this.stream, this.#nowUs() / 1000);
    return [lost, offClock, this.#leftOut.sentence].filter(Boolean).join(' ');
  }

  /**
   * Why expected media is missing. Empty while media flows, in the first 30 s after a start, while the stream
   * is stopped, after its source has ended, and while no publisher is connected.
   */
  get silence(): string {
    const { state } = this;
    if (this.#hasEnded || !['starting', 'waiting', 'offline'].includes(state)) return '';
    if (state === 'starting' && this.#deps.clock.monotonicMs() - this.#startedMs < STARTING_MS) return '';
    return this.#problem || 'the source has sent no media yet';
  }

  /** Facts of the source; undefined until it was read. */
  get facts(): SourceFacts | undefined {
    return this.#facts;
  }

  /** Measured rates; undefined while no media flows. */
  get rates(): MediaRates | undefined {
    return this.stream.placement.context && this.#parts.meter.rates;
  }

  /** Start of the current run, µs since 1970. */
  get liveSinceUs(): number | undefined {
    return this.stream.placement.context ? this.#liveSinceUs : undefined;
  }

  /** Missing media from `fromUs`, the end of the recording, until now; see recording/timeline. */
  gapsSince(fromUs: number): StreamGap[] {
    return gapsSince(this.#parts.recorder.gaps, this.stream, fromUs, { waits: !this.isQuiet });
  }

  /** The end of the timeline and the retention horizon, as of now. */
  get timelineEnd(): TimelineEnd {
    return {
      createdUs: this.createdUs,
      horizonUs: this.horizonUs(),
      pinned: this.#deps.kept.ranges(this.#definition.id),
      erased: this.#deps.erasures.of(this.#definition.id),
      gapsSince: (fromUs) => this.gapsSince(fromUs),
    };
  }

  starting(): boolean {
    return this.state === 'starting' || (this.state === 'live' && !this.list.ready);
  }

  settled(us: number): boolean {
    if (us <= this.#settledUs || this.recording.endUs >= us) return true;
    const { state } = this;
    // A source that is not read any more delivers nothing late.
    const lateUs = state === 'stopped' || state === 'ended' ? 0 : LATE_US;
    const isSettled = state !== 'live' && this.isQuiet && this.#nowUs() >= us + lateUs;
    if (isSettled) this.#settledUs = us;
    return isSettled;
  }

  leastMsnAt(us: number): number {
    return leastMsnAt(us / 1000);
  }

  /** Bytes of published media that wait for the disk. */
  get recordingBacklog(): { readonly bytes: number; readonly maxBytes: number } {
    return { bytes: this.#parts.recorder.backlogBytes, maxBytes: this.#parts.recorder.maxBacklogBytes };
  }

  /** No published media waits for the disk. */
  get isQuiet(): boolean {
    return this.#parts.recorder.isQuiet;
  }

  horizonUs(): number {
    return Math.max(this.#deletedBeforeUs, this.#deps.horizons.of(this.#definition.id, this.retentionRule.keepMs));
  }

  /** Ends the files that are being written, after what waits for the disk. Never rejects. */
  sealFiles(): Promise<void> {
    return sealRecordings(this.#parts);
  }

  /** Retention deleted all media before `us` (since 1970) that is not pinned. */
  setDeletedBefore(us: number): void {
    this.#deletedBeforeUs = Math.max(this.#deletedBeforeUs, us);
  }

  /** How long retention keeps its recording. */
  get retentionRule(): RetentionRule {
    return { streamId: this.#definition.id, keepMs: this.#definition.keepMs ?? this.#deps.settings.now.record.keep };
  }

  /**
   * Applies changed settings that do not need a restart: recording, retention, visibility, name of a person's
   * choice.
   */
  redefine(definition: StreamDefinition): void {
    const { record: wasRecorded, paused: wasPaused } = this.#definition;
    this.#definition = definition;
    this.#parts.qualitySettings.ladder = definition.ladder;
    if (wasPaused !== definition.paused && this.publishers.isRunning) this.publishers.setPaused(definition.paused);
    if (wasRecorded && !definition.record) void this.sealFiles();
    if (wasRecorded !== definition.record) this.#save(false);
    this.#events.redefined();
  }

  /** Closed: only its recording is served. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Runs the source, or accepts publishers. Does nothing while it runs and after `close`. */
  async start(): Promise<void> {
    if (this.publishers.isRunning || this.#closing) return;
    this.#hasEnded = false;
    this.#leftOut.reset();
    this.#awaitMedia();
    await this.publishers.start({
      wasLive: this.#liveSource === sourceKey(this.#definition.source),
      qualities: this.qualityInputs,
      onFacts: (facts) => {
        this.#facts = facts;
        if (facts.live) this.#noteLive();
        this.#leftOut.set(facts.leftOut ?? []);
        this.#parts.captionWatch.declare(facts.captions);
      },
    });
  }

  /** Ends its publishers and the live playlist at once. Resolves when its source has stopped. */
  async stop(detail: string): Promise<void> {
    await this.publishers.end(new OxbowError('publish-refused', detail));
    this.#hasEnded = false;
    this.stream.offline(detail);
    this.#problem = detail;
    this.#endList();
  }

  /**
   * Stops, seals the open file, and saves that the process ended regularly; the next one continues the live
   * playlist.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const steps: readonly (() => unknown)[] = [
      () => this.publishers.end(new OxbowError('not-ready', 'oxbow is shutting down')),
      () => this.stream.offline(this.#definition.stopped ? this.#problem || 'stopped' : OXBOW_STOPPED),
      () => this.#stopLingering(),
      () => this.ladder.close(),
      () => this.stream.sinks.close(),
      () => Promise.all([this.#parts.recorder[Symbol.asyncDispose](), this.#parts.storyboard?.close()]),
      () => this.#parts.content?.close(),
      () => this.#parts.msns[Symbol.dispose](),
      () => this.#parts.qualities[Symbol.asyncDispose](),
      () => this.#save(true),
      () => this.measure.close(),
      () => this.#states.settled,
    ];
    // Each, whatever became of the others: a stream that does not close holds up the end of all.
    const failed = (error: unknown) => reportStreamBug(this.#deps, this.name, error, 'it was closed');
    for (const step of steps) await Promise.resolve().then(step).catch(failed);
  }

  #onSourceEnd(detail: string): void {
    this.#hasEnded = true;
    this.#problem = detail;
    this.#endList();
  }

  /** A source was started or a publisher has connected. */
  #awaitMedia(): void {
    this.#problem = '';
    this.#missing = '';
    this.#startedMs = this.#deps.clock.monotonicMs();
  }

  #onEvent(event: StreamEvent): void {
    const { metrics, log } = this.#deps;
    const stream = this.name;
    const saveAgain = () => guarded(this.#deps, stream, 'its files ended', () => this.#save(false));
    for (const observer of [this.#events, this.away])
      guarded(this.#deps, stream, 'its event was published', () => observer.onEvent(event));
    switch (event.type) {
      case 'run': {
        this.#stopLingering();
        this.#problem = '';
        this.#missing = '';
        this.#hasEnded = false;
        const { startUs, gaps } = event.context;
        // A soft re-anchor only corrects the clock: media did not stop.
        if (!event.context.soft) this.#liveSinceUs = startUs;
        for (const { cause } of gaps) if (cause !== 'offline') metrics.gaps.inc({ stream, cause });
        reportRun(this.#deps, this.#definition, event.context);
        this.#save(false);
        break;
      }
      case 'absent':
        this.#problem = event.detail;
        // Only a running client can report a regular end of its source. After its own end, a late report
        // changes nothing.
        if (this.publishers.isRunning) {
          this.#hasEnded = event.cause === 'offline' && this.publishers.isReading && !this.#definition.paused;
        }
        if (event.cause !== 'offline')
          this.#missing = reportMissing(this.#deps, this.#definition, event, this.#missing);
        // The next media is another run, which starts another file. What the disk did not take is known only
        // then.
        if (!event.mayContinue) void this.sealFiles().then(this.isQuiet ? undefined : saveAgain);
        if (!this.#closing) this.#linger();
        this.#save(false);
        break;
      case 'continued':
        this.#stopLingering();
        this.#problem = '';
        this.#missing = '';
        log.info({ stream, run: event.context.run.id }, 'the publisher has returned; its media continues');
        this.#save(false);
        break;
      case 'damage':
        metrics.damage.inc({ stream });
        log.debug({ ...sourceFields(this.#definition), reason: event.reason }, 'damaged media');
        break;
      default:
        reportStreamEvent(this.#deps, this.#definition, event);
    }
  }

  /**
   * The live playlist stays open for a while: a publisher that returns continues in it (docs/media.md 11).
   */
  #linger(): void {
    // Counted from the first report: a source that repeats that it is down does not keep the playlist open.
    if (this.#lingerTimer || this.away.isShown) return;
    const { push, pull } = this.#deps.settings.now.live.linger;
    const ms = this.#definition.source.type === 'pull' ? pull : push;
    const end = () => guarded(this.#deps, this.name, 'its live playlist ended', () => this.#endList());
    this.#lingerTimer = setTimeout(end, ms);
  }

  #stopLingering(): void {
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = undefined;
  }

  #endList(): void {
    this.away.stop();
    this.#stopLingering();
    this.stream.endSuspended();
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

  /**
   * The source is live: at the next start an ended playlist does not mean that the source is a finished
   * recording.
   */
  #noteLive(): void {
    const key = sourceKey(this.#definition.source);
    if (this.#definition.source.type !== 'pull' || key === this.#liveSource) return;
    this.#liveSource = key;
    this.#save(false);
  }

  #save(clean: boolean): void {
    const fromUs = Math.max(this.stream.edge.endUs, this.recording.endUs, this.#definition.createdUs);
    this.#states.write({
      atUs: this.#nowUs(),
      clean,
      gaps: gapsFrom(fromUs, { ...this.#parts, isRecorded: this.#definition.record, nowUs: this.#nowUs() }),
      generation: this.list.ended ? undefined : this.away.lasting(this.list.generation),
      liveSource: this.#liveSource,
    });
  }
}
