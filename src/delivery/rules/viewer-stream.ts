/**
 * A stream as viewers see it under the broadcaster's rules for the past. Playlists, manifests, windows, clips
 * and pictures are made of it as of any other stream.
 * In: a stream with rules. Out: ServedStream.
 */
import { type MarkedRules, type VisiblePast, visiblePast } from '../../api/past/past-rules.ts';
import type { LiveWindow } from '../../packager/live-window.ts';
import type { InitTable } from '../../recording/init-table.ts';
import type { RecordedMedia } from '../../recording/recording-reader.ts';
import type { ContentKeys } from '../encryption/content-keys.ts';
import type { Steering } from '../format/pathways.ts';
import type { ServedStream } from '../served-stream.ts';
import { viewerRecording } from './viewer-recording.ts';
import { viewerWindow } from './viewer-window.ts';

const NO_RULES: MarkedRules = {};
/** The bound of DVR playlists moves in steps, so that they are printed once a second at most, µs. */
const STEP_US = 1_000_000;

const viewers = new WeakMap<ServedStream, ViewerStream>();

/** The stream of viewers; the same object for the same stream. */
export function viewerStream(stream: ServedStream, nowMs: () => number): ServedStream {
  const known = viewers.get(stream);
  if (known) return known;
  const made = new ViewerStream(stream, nowMs);
  viewers.set(stream, made);
  return made;
}

class ViewerStream implements ServedStream {
  readonly list: LiveWindow;
  readonly recording: RecordedMedia;
  readonly inits: InitTable;
  readonly createdUs: number;
  readonly erased: ServedStream['erased'];
  readonly #stream: ServedStream;
  readonly #nowMs: () => number;
  #qualities: ReadonlyMap<string, ServedStream> = new Map();

  constructor(stream: ServedStream, nowMs: () => number) {
    this.#stream = stream;
    this.#nowMs = nowMs;
    this.inits = stream.inits;
    this.createdUs = stream.createdUs;
    this.erased = stream.erased;
    this.list = viewerWindow(stream.list, { rules: () => this.past, nowMs });
    this.recording = viewerRecording(stream.recording, () => this.#visible);
  }

  get name(): string {
    return this.#stream.name;
  }

  get steering(): Steering | undefined {
    return this.#stream.steering;
  }

  get contentKeys(): ContentKeys | undefined {
    return this.#stream.contentKeys;
  }

  /** Those of the stream also for its qualities. */
  get past(): MarkedRules {
    return (this.#stream.source ?? this.#stream).past ?? NO_RULES;
  }

  get qualities(): ReadonlyMap<string, ServedStream> {
    const { qualities = this.#qualities } = this.#stream;
    // Qualities are added while the stream runs.
    if (this.#qualities.size !== qualities.size) {
      this.#qualities = new Map(
        Array.from(qualities, ([rung, quality]) => [rung, viewerStream(quality, this.#nowMs)] as const),
      );
    }
    return this.#qualities;
  }

  get source(): ServedStream {
    return this.#stream.source ? viewerStream(this.#stream.source, this.#nowMs) : this;
  }

  get #visible(): VisiblePast {
    return visiblePast(this.past, this.#nowMs());
  }

  /** Also while viewers, who are late or have just been let in, see no complete segment yet. */
  starting(): boolean {
    const { list } = this.#stream;
    const isComing = list.ready && !list.ended && !this.list.ready && this.#visible.isStarted;
    return isComing || this.#stream.starting();
  }

  settled(us: number): boolean {
    return us <= this.#visible.toMs * 1000 && this.#stream.settled(us);
  }

  leastMsnAt(us: number): number {
    return this.#stream.leastMsnAt(us);
  }

  horizonUs(): number {
    const fromUs = Math.ceil((this.#visible.fromMs * 1000) / STEP_US) * STEP_US;
    return Math.max(this.#stream.horizonUs(), fromUs);
  }
}
