/**
 * A stream as delivery, the API and edges read it: its live window, its recording, and where its timeline
 * begins and ends.
 * In: the parts of a stream. Out: ServedStream for delivery, TimelineEnd for the API and exports.
 */
import type { MarkedRules } from '../api/past/past-rules.ts';
import type { ContentKeys } from '../delivery/encryption/content-keys.ts';
import { type Steering, steeringOf, withTokens } from '../delivery/format/pathways.ts';
import type { ServedStream } from '../delivery/served-stream.ts';
import type { LiveWindow } from '../packager/live-window.ts';
import type { ErasedMedia } from '../recording/erase/erasure-table.ts';
import type { InitTable } from '../recording/init-table.ts';
import type { RecordingReader } from '../recording/recording-reader.ts';
import { gapsSince, type TimelineEnd } from '../recording/timeline.ts';
import { leastMsnAt } from '../store/msn-marks.ts';
import { pastRulesInForce, type StreamDefinition } from './definition.ts';
import type { StreamFiles } from './record/stream-files.ts';
import type { StreamStatus } from './status/stream-status.ts';
import type { StreamDeps } from './stream-deps.ts';
import type { StreamParts } from './stream-parts.ts';

/** A source that returns may deliver this much of the missed media, µs. */
const LATE_US = 60_000_000;

/** What the served side of a stream depends on. */
interface ServedMediaSetup {
  readonly deps: Pick<StreamDeps, 'clock' | 'recordings' | 'settings' | 'contentKeys'>;
  readonly parts: Pick<StreamParts, 'list' | 'recording' | 'inits' | 'qualities' | 'recorder' | 'stream'>;
  /** As it is at the time. */
  readonly definition: () => StreamDefinition;
  readonly status: Pick<StreamStatus, 'state'>;
  readonly files: Pick<StreamFiles, 'isQuiet' | 'horizonUs'>;
}

export class ServedMedia implements ServedStream {
  readonly list: LiveWindow;
  readonly recording: RecordingReader;
  readonly inits: InitTable;
  readonly qualities: ReadonlyMap<string, ServedStream>;
  readonly erased: ErasedMedia;
  readonly #setup: ServedMediaSetup;
  readonly #steering: Steering | undefined;
  readonly #signedSteering: Steering | undefined;
  /**
   * Before this the timeline is final, also after a restart: a playlist with ENDLIST never changes. µs
   * since 1970.
   */
  #settledUs = 0;

  constructor(setup: ServedMediaSetup) {
    const { deps, parts, definition } = setup;
    this.#setup = setup;
    this.#steering = steeringOf(deps.settings.now);
    this.#signedSteering = withTokens(this.#steering);
    ({ list: this.list, recording: this.recording, inits: this.inits } = parts);
    this.erased = deps.recordings.erasures.view(definition().id);
    this.qualities = parts.qualities.serve(this);
  }

  get name(): string {
    return this.#setup.definition().name;
  }

  get createdUs(): number {
    return this.#setup.definition().createdUs;
  }

  get steering(): Steering | undefined {
    const { visibility } = this.#setup.definition();
    return visibility === 'public' || visibility === 'unlisted' ? this.#steering : this.#signedSteering;
  }

  get past(): MarkedRules | undefined {
    return pastRulesInForce(this.#setup.definition());
  }

  get contentKeys(): ContentKeys | undefined {
    const { deps, definition } = this.#setup;
    const { id, encryption = deps.settings.now.encryption.streams } = definition();
    return deps.contentKeys?.ofStream(id, encryption);
  }

  /** The end of the timeline and the retention horizon, as of now. */
  get timelineEnd(): TimelineEnd {
    const { deps, parts, definition, files } = this.#setup;
    const { id } = definition();
    return {
      createdUs: this.createdUs,
      horizonUs: this.horizonUs(),
      pinned: deps.recordings.kept.ranges(id),
      erased: deps.recordings.erasures.of(id),
      gapsSince: (fromUs) => gapsSince(parts.recorder.gaps, parts.stream, fromUs, { waits: !files.isQuiet }),
    };
  }

  starting(): boolean {
    const { state } = this.#setup.status;
    return state === 'starting' || (state === 'live' && !this.list.ready);
  }

  settled(us: number): boolean {
    if (us <= this.#settledUs || this.recording.endUs >= us) return true;
    const { deps, status, files } = this.#setup;
    const { state } = status;
    // A source that is not read any more delivers nothing late.
    const lateUs = state === 'stopped' || state === 'ended' ? 0 : LATE_US;
    const nowUs = Math.round(deps.clock.nowMs() * 1000);
    const isSettled = state !== 'live' && files.isQuiet && nowUs >= us + lateUs;
    if (isSettled) this.#settledUs = us;
    return isSettled;
  }

  leastMsnAt(us: number): number {
    return leastMsnAt(us / 1000);
  }

  horizonUs(): number {
    return this.#setup.files.horizonUs;
  }
}
