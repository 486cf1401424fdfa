/**
 * The publishers of one stream: connections to oxbow, or the client that reads its source. Both use one
 * publisher slot.
 * In: start, stop, claims of protocols. Out: frames for the live stream; publisher events; the end of a
 * source.
 */
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { AudioMode, SecondPublisher, SourceConfig } from '../config/schema.ts';
import { openAudioTranscoder } from '../ffmpeg/audio-transcoder.ts';
import { openLiveEncoder } from '../ffmpeg/live-ladder.ts';
import type { ClaimRequest, Publisher } from '../ingest/publisher.ts';
import { type PublisherEvent, PublisherSlot } from '../ingest/publisher-slot.ts';
import type { StreamQualityInputs } from '../ingest/pull/rendition/further-qualities.ts';
import { messageOf, OxbowError, reasonOf } from '../lib/errors.ts';
import { Emitter } from '../lib/events.ts';
import type { Stream } from '../live/stream.ts';
import { gopBounds } from '../packager/pipeline.ts';
import { createAudioStage } from '../transcode/audio/audio-stage.ts';
import { ConversionReport } from '../transcode/stage/conversion-report.ts';
import type { ConversionStage } from '../transcode/stage/conversion-stage.ts';
import { PublisherPipeline } from '../transcode/stage/publisher-pipeline.ts';
import { createVideoStage } from '../transcode/video/video-stage.ts';
import type { StreamDefinition } from './definition.ts';
import { PauseGate } from './publish/pause-gate.ts';
import { reportPublisher } from './publish-events.ts';
import { type SourceClient, type SourceClientOptions, startSourceClient } from './source/source-client.ts';
import { audioModeOf } from './source/source-settings.ts';
import type { StreamDeps } from './stream-deps.ts';
import { reportStreamBug } from './stream-reports.ts';

/** The problem of a push stream without a publisher. */
const UNPUBLISHED = 'no publisher is connected';

/** What the publishers of a stream are created with. */
interface StreamPublishersSetup {
  readonly deps: StreamDeps;
  readonly stream: Stream;
  /** Returns the current definition. */
  readonly definition: () => StreamDefinition;
  /** A publisher has become active. */
  readonly onConnected: () => void;
  /** The tracks of the connected publisher that are not supported have changed. */
  readonly onLeftOut: (tracks: readonly LeftOutTrack[]) => void;
  /** The client has ended by itself; see SourceClientOptions. */
  readonly onEnd: SourceClientOptions['onEnd'];
}

/** The feeding side of a managed stream. */
export class StreamPublishers {
  /** Events of publishers, and of the client that reads the source. */
  readonly events = new Emitter<PublisherEvent>();
  readonly #setup: StreamPublishersSetup;
  readonly #slot: PublisherSlot;
  readonly #pipeline: PublisherPipeline;
  /** Converts audio that browsers cannot play, see `source.audio`. */
  readonly #audio: ConversionStage;
  readonly #audioReport: ConversionReport;
  /** Converts video that has no form in a stream. */
  readonly #video: ConversionStage;
  readonly #videoReport: ConversionReport;
  readonly #gate: PauseGate;
  /** Qualities of the stream, between start and end. */
  #qualities: StreamQualityInputs | undefined;
  /** Set between start and end; `client` reads the source of a stream that is not of type `push`. */
  #running: { client?: SourceClient } | undefined;

  constructor(setup: StreamPublishersSetup) {
    this.#setup = setup;
    const { deps, stream, definition } = setup;
    this.#gate = new PauseGate({
      isPaused: definition().paused,
      requestKeyFrame: () => stream.sinks.requestKeyFrame(),
    });
    const { clock } = deps;
    const named = { ...deps, name: () => definition().name };
    this.#audioReport = new ConversionReport('audio', named);
    this.#audio = createAudioStage({
      open: deps.engines.openAudioTranscoder ?? openAudioTranscoder,
      mode: () => audioModeOf(definition().source),
      clock,
      report: this.#audioReport,
    });
    this.#videoReport = new ConversionReport('video', named);
    this.#video = createVideoStage({
      open: deps.engines.openVideoEncoder ?? openLiveEncoder,
      clock,
      report: this.#videoReport,
    });
    this.#pipeline = new PublisherPipeline([this.#video, this.#audio, this.#gate], stream);
    this.#slot = new PublisherSlot({
      leases: deps.leases,
      streamId: definition().id,
      clock,
      input: this.#pipeline,
      policy: () => policyOf(definition().source),
      audioOffsetMs: () => audioOffsetOf(definition().source),
      qualities: () => this.#qualities && besideLadder(this.#qualities, definition().ladder),
      bounds: { gop: gopBounds(deps.settings.now), memory: stream.sinks.memory },
      watches: this.#isPush,
      onEvent: (event) => this.#onEvent(event),
      onLeftOut: (tracks) => {
        if (this.#isPush) setup.onLeftOut(tracks);
      },
      failed: (error) =>
        deps.log.error({ stream: definition().name, error: messageOf(error) }, 'a lease was not released'),
      bug: (error) => reportStreamBug(deps, definition().name, error, 'a publisher left or stalled'),
    });
  }

  get #isPush(): boolean {
    return this.#setup.definition().source.type === 'push';
  }

  /** Whether it was started and has not ended. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Whether the client reads the source now. */
  get isReading(): boolean {
    return this.#running?.client !== undefined;
  }

  /** Another process has the stream: media of this one is not recorded, see PublisherSlot. */
  get isFenced(): boolean {
    return this.#slot.isFenced;
  }

  /** Whether it waits for a publisher to connect. */
  get isUnpublished(): boolean {
    return this.isRunning && this.#isPush && !this.#slot.active;
  }

  /**
   * How the audio of the publisher is converted: the option, and why it fails now; why the conversion of its
   * video fails now.
   */
  get conversion(): { readonly mode: AudioMode; readonly problem: string; readonly videoProblem: string } {
    const mode = audioModeOf(this.#setup.definition().source);
    return { mode, problem: this.#audioReport.problem, videoProblem: this.#videoReport.problem };
  }

  /** The publisher that delivers the stream's frames: a connection, or the client that reads the source. */
  get active(): Publisher | undefined {
    return this.#slot.active;
  }

  /**
   * The publisher that is connected and active, and how many stand by; undefined for a stream whose source
   * oxbow reads.
   */
  get connected(): { readonly active: Publisher; readonly standby: number } | undefined {
    const { active, standby } = this.#slot;
    return this.#isPush && active ? { active, standby: standby.length } : undefined;
  }

  /**
   * Reads the source, or accepts publishers from now on. Not while it runs. Resolves when the source is being
   * read or waits for another process.
   */
  async start(options: Pick<SourceClientOptions, 'wasLive' | 'onFacts' | 'qualities'>): Promise<void> {
    const { deps, definition, onEnd } = this.#setup;
    const { source } = definition();
    const running: { client?: SourceClient } = {};
    this.#running = running;
    this.#qualities = options.qualities;
    this.#slot.open();
    if (definition().paused) this.#gate.pause();
    if (source.type === 'push') {
      this.#gate.make({ do: 'offline', detail: UNPUBLISHED });
      return;
    }
    const client = startSourceClient(deps, definition(), source, this.#slot, {
      ...options,
      onEnd: (detail) => {
        this.#running = undefined;
        onEnd(detail);
      },
      onWaiting: (detail) => this.#gate.make({ do: 'absent', cause: 'source-down', detail }),
    });
    running.client = client;
    await client.started;
  }

  /** Drops the media of publishers, which stay connected, or lets it pass again. */
  setPaused(paused: boolean): void {
    if (paused) this.#gate.pause();
    else this.#gate.resume();
  }

  /** Ends all sessions with `reason`. Resolves when the source has stopped. */
  async end(reason: OxbowError): Promise<void> {
    const running = this.#running;
    await running?.client?.stop(reasonOf(reason));
    if (this.#running !== running) return;
    this.#running = undefined;
    await this.#slot.close(reason);
    await this.#video.reset();
    await this.#audio.reset();
  }

  /**
   * Begins the session of a publisher that connected.
   *
   * @throws OxbowError `publish-refused` where the stream is stopped or its source is of another type; what
   *   `PublisherSlot.claim` throws
   */
  async claim(request: ClaimRequest): Promise<Publisher> {
    if (this.#isPush && this.isRunning) return this.#slot.claim(request);
    const { type } = this.#setup.definition().source;
    const why = this.#isPush ? 'The stream is stopped.' : `The source of the stream is of type ${type}, not push.`;
    const error = new OxbowError('publish-refused', why);
    this.refused(request, error);
    throw error;
  }

  /** Reports a publisher that was refused. */
  refused(request: ClaimRequest, error: OxbowError): void {
    const event: PublisherEvent = { type: 'refused', request, error };
    this.events.emit(event);
    this.#setup.deps.traces?.publisher(this.#setup.definition(), event);
    reportPublisher(this.#setup.deps, this.#setup.definition(), event);
  }

  #onEvent(event: PublisherEvent): void {
    this.events.emit(event);
    this.#setup.deps.traces?.publisher(this.#setup.definition(), event);
    // Of a source that oxbow reads, the change to its backup is an event.
    if (!this.#isPush && event.type !== 'switched') return;
    if (event.type === 'started' && event.publisher.turn.role === 'active') this.#setup.onConnected();
    reportPublisher(this.#setup.deps, this.#setup.definition(), event);
  }
}

/** Encoded qualities have the names of heights; those of publishers have longer ones where both exist. */
function besideLadder(inputs: StreamQualityInputs, ladder: string | undefined): StreamQualityInputs {
  if (ladder === undefined) return inputs;
  return { now: () => inputs.now(), open: (rung, lateUs) => inputs.open(`${rung}-sent`, lateUs) };
}

function audioOffsetOf(source: SourceConfig): number {
  return 'audioOffsetMs' in source ? (source.audioOffsetMs ?? 0) : 0;
}

/** What happens to a second session: the backup of a pulled source takes over with its first key frame. */
function policyOf(source: SourceConfig): SecondPublisher {
  if (source.type === 'push') return source.onSecondPublisher;
  return source.type === 'pull' && source.backup !== undefined ? 'replace' : 'refuse';
}
