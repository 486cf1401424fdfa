/**
 * The lifecycle of one stream: opened from its recording, started, stopped, lingering, closed.
 * In: a definition, the dependencies, and one publisher after the other. Out: a live stream with its packager
 * and recorder, for delivery and the API.
 */
import { messageOf, OxbowError } from '../lib/errors.ts';
import type { Stream } from '../live/stream.ts';
import type { StreamEvent } from '../live/stream-event.ts';
import type { Generation } from '../packager/generation.ts';
import { Away } from './away/away.ts';
import { type StreamDefinition, sourceFields } from './definition.ts';
import { StreamLadder } from './ladder/stream-ladder.ts';
import { openMeasure } from './measure/open-measure.ts';
import type { StreamMeasure } from './measure/stream-measure.ts';
import { openQualityInputs, type QualityInputs } from './qualities/quality-inputs.ts';
import { StreamFiles } from './record/stream-files.ts';
import { gapsFrom, isKeyOf, OXBOW_STOPPED, SavedStateWriter, sourceKey } from './saved-state.ts';
import { ServedMedia } from './served-media.ts';
import { StreamStatus } from './status/stream-status.ts';
import type { StreamDeps } from './stream-deps.ts';
import { StreamEvents } from './stream-events.ts';
import { openStreamParts, recordGroup, type StreamParts } from './stream-parts.ts';
import { StreamPublishers } from './stream-publishers.ts';
import { guarded, reportRun, reportStreamBug, reportStreamEvent } from './stream-reports.ts';

/** Qualities that are made of the media of a stream, or come with it. */
interface DerivedQualities {
  /** For what delivers their frames: a live encoder, the further variants of a source. */
  readonly inputs: QualityInputs;
  /** Encodes them. */
  readonly ladder: StreamLadder;
}

/** A stream that this process runs. */
export class ManagedStream {
  readonly publishers: StreamPublishers;
  /** What it is doing, and why. */
  readonly status: StreamStatus;
  /** The files of its recording. */
  readonly files: StreamFiles;
  /** Figures of what its publisher sends. */
  readonly measure: StreamMeasure;
  /** Its media, for delivery, the API and edges. */
  readonly served: ServedMedia;
  /** Live frames, for tests and owners of other sinks. */
  readonly stream: Stream;
  readonly derived: DerivedQualities;
  /** The picture that viewers see while the publisher is away. */
  readonly away: Away;
  readonly #deps: StreamDeps;
  readonly #parts: StreamParts;
  readonly #events: StreamEvents;
  #definition: StreamDefinition;
  /** The source that was live last, see saved-state. */
  #liveSource: string | null;
  #lingerTimer: NodeJS.Timeout | undefined;
  #savedGeneration: Generation | undefined;
  readonly #states: SavedStateWriter;
  #closing: Promise<void> | undefined;

  private constructor(deps: StreamDeps, definition: StreamDefinition, parts: StreamParts) {
    this.#deps = deps;
    this.#definition = definition;
    this.#events = new StreamEvents(deps.events, () => this.#definition);
    this.#parts = parts;
    this.#states = new SavedStateWriter(deps.store, definition.id, (error) =>
      deps.log.error({ stream: this.name, error: messageOf(error) }, 'the state of the stream was not saved'),
    );
    this.stream = parts.stream;
    this.files = new StreamFiles({ deps, parts, definition: () => this.#definition });
    this.status = new StreamStatus({
      deps,
      parts,
      definition: () => this.#definition,
      publishers: () => this.publishers,
      isClosed: () => this.#closing !== undefined,
    });
    const { files, status } = this;
    this.served = new ServedMedia({ deps, parts, definition: () => this.#definition, files, status });
    const inputs = openQualityInputs(this.served, parts);
    this.derived = { inputs, ladder: new StreamLadder(this, inputs, deps) };
    this.#liveSource = parts.liveSource;
    this.#savedGeneration = parts.list.generation;
    this.publishers = new StreamPublishers({
      deps,
      stream: parts.stream,
      definition: () => this.#definition,
      onConnected: () => this.status.awaitMedia(),
      onLeftOut: (tracks) => this.status.setLeftOut(tracks),
      onEnd: (detail) => {
        this.status.end(detail);
        this.#endList();
      },
    });
    const commonParts = { publishers: this.publishers, definition: () => this.#definition };
    this.measure = openMeasure(deps, { ...parts, ...commonParts, windows: parts.statsWindows });
    this.away = new Away({
      deps,
      parts,
      ...commonParts,
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

  /**
   * Applies changed settings that do not need a restart: recording, retention, visibility, name of a person's
   * choice.
   */
  redefine(definition: StreamDefinition): void {
    const { record: wasRecorded, paused: wasPaused } = this.#definition;
    this.#definition = definition;
    this.#parts.qualitySettings.ladder = definition.ladder;
    if (wasPaused !== definition.paused && this.publishers.isRunning) this.publishers.setPaused(definition.paused);
    if (wasRecorded && !definition.record) void this.files.seal();
    if (wasRecorded !== definition.record) this.#save(false);
    this.#events.redefined();
  }

  /** Runs the source, or accepts publishers. Does nothing while it runs and after `close`. */
  async start(): Promise<void> {
    if (this.publishers.isRunning || this.#closing) return;
    this.status.start();
    await this.publishers.start({
      wasLive: isKeyOf(this.#liveSource, this.#definition.source, this.#parts.seal),
      qualities: this.derived.inputs,
      onFacts: (facts) => {
        this.status.setFacts(facts);
        if (facts.live) this.#noteLive();
        this.#parts.captionWatch.declare(facts.captions);
      },
    });
  }

  /**
   * Ends its publishers and the live playlist at once. Resolves when its source has stopped.
   *
   * @param movedTo name of the node that has the stream, where publishers are led
   */
  async stop(detail: string, movedTo?: string): Promise<void> {
    const extra = movedTo === undefined ? {} : { movedTo };
    await this.publishers.end(new OxbowError('publish-refused', detail, { extra }));
    this.status.stop(detail);
    this.stream.offline(detail);
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
      () => this.publishers.end(new OxbowError('not-ready', 'oxbow is shutting down.')),
      () => this.stream.offline(this.#definition.stopped ? this.status.problem || 'stopped' : OXBOW_STOPPED),
      () => this.#stopLingering(),
      () => this.derived.ladder.close(),
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

  #onEvent(event: StreamEvent): void {
    const { metrics, log } = this.#deps;
    const stream = this.name;
    const saveAgain = () => guarded(this.#deps, stream, 'its files ended', () => this.#save(false));
    for (const observer of [this.#events, this.away])
      guarded(this.#deps, stream, 'its event was published', () => observer.onEvent(event));
    switch (event.type) {
      case 'run': {
        this.#stopLingering();
        this.status.run(event.context, { continues: false });
        for (const { cause } of event.context.gaps) if (cause !== 'offline') metrics.gaps.inc({ stream, cause });
        reportRun(this.#deps, this.#definition, event.context);
        this.#save(false);
        break;
      }
      case 'absent':
        this.status.absent(event);
        // The next media is another run, which starts another file. What the disk did not take is known only
        // then.
        if (!event.mayContinue) void this.files.seal().then(this.files.isQuiet ? undefined : saveAgain);
        if (!this.#closing) this.#linger();
        this.#save(false);
        break;
      case 'continued':
        this.#stopLingering();
        this.status.run(event.context, { continues: true });
        log.info({ stream, run: event.context.run.id }, 'the publisher has returned; its media continues');
        this.#save(false);
        break;
      case 'damage':
        metrics.damage.inc({ stream });
        log.debug({ ...sourceFields(this.#definition), reason: event.reason }, 'media of the publisher was damaged');
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
    if (this.served.list.generation === this.#savedGeneration) return;
    this.#savedGeneration = this.served.list.generation;
    if (this.served.list.generation) this.#events.generation(this.served.list.generation.number);
    this.#save(false);
  }

  /**
   * The source is live: at the next start an ended playlist does not mean that the source is a finished
   * recording.
   */
  #noteLive(): void {
    const key = sourceKey(this.#definition.source, this.#parts.seal);
    if (this.#definition.source.type !== 'pull' || key === this.#liveSource) return;
    this.#liveSource = key;
    this.#save(false);
  }

  #save(clean: boolean): void {
    const fromUs = Math.max(this.stream.edge.endUs, this.served.recording.endUs, this.#definition.createdUs);
    this.#states.write({
      atUs: this.#nowUs(),
      clean,
      gaps: gapsFrom(fromUs, { ...this.#parts, isRecorded: this.#definition.record, nowUs: this.#nowUs() }),
      generation: this.served.list.ended ? undefined : this.away.lasting(this.served.list.generation),
      liveSource: this.#liveSource,
    });
  }
}
